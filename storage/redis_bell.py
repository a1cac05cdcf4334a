"""Commits told over Redis: publish and subscribe at the master."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from typing import Any

import redis

from engine.clock import Clock
from storage.bell_line import Heard
from storage.errors import RedisUnavailableError
from storage.redis_client import connect_redis
from storage.redis_server import RedisServer

__all__ = ["RedisBell"]

#: how often the server is asked whether it is there. It also is the limit of each call of the listener
PING_EVERY_S = 2.0
#: a server that has said nothing for so many pings is away
_SILENT_PINGS = 3


class RedisBell:
    """``address`` holds arguments of :class:`redis.Redis`, and ``name`` is the channel."""

    def __init__(self, address: Mapping[str, Any], *, name: str, clock: Clock) -> None:
        self._address = address
        self._name = name
        self._teller = RedisServer(address, clock)
        self._closed = threading.Event()

    def ring(self, text: bytes) -> None:
        """Tell all processes."""
        try:
            self._teller.publish(self._name, text)
        except redis.RedisError as error:
            raise RedisUnavailableError(f"master: {error}") from error

    def listen(self, heard: Heard) -> None:
        """Pass on what processes tell, on a connection of its own."""
        client = connect_redis(self._address, timeout_s=PING_EVERY_S)
        subscription = client.pubsub()  # type: ignore[no-untyped-call]
        try:
            subscription.subscribe(self._name)
            self._read(subscription, heard)
        except redis.RedisError as error:
            raise RedisUnavailableError(f"master: {error}") from error
        finally:
            with contextlib.suppress(redis.RedisError):
                subscription.close()
            client.close()

    def close(self) -> None:
        """Have the listener return when its present wait ends, and close the connection that tells."""
        self._closed.set()
        self._teller.close()

    def _read(self, subscription: redis.client.PubSub, heard: Heard) -> None:
        pinged_s = heard_s = time.monotonic()
        while not self._closed.is_set():
            told = subscription.get_message(timeout=PING_EVERY_S)
            now_s = time.monotonic()
            if told is not None:
                heard_s = now_s
                if told["type"] == "message":
                    heard(told["data"])
                elif told["type"] == "subscribe":
                    heard(None)
            elif now_s - heard_s > _SILENT_PINGS * PING_EVERY_S:
                raise redis.TimeoutError("it says nothing more")
            # also while others ring: each command begins a new limit for what the server may answer
            if now_s - pinged_s >= PING_EVERY_S:
                subscription.ping()
                pinged_s = now_s
