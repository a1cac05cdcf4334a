"""One Redis server: short limits, and connections that are thrown away when they lead to the wrong one."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from engine.clock import Clock
from storage.seal import BrokenSealError

__all__ = ["RedisServer", "RedisState", "connect_redis"]

#: a hung Redis may cost a reader this much, no more
TIMEOUT_S = 0.1
#: and then others find it out for this long without waiting
LEAVE_ALONE_S = 1.0
#: a server that refuses is connected to anew this often at the most: a refusal may be there to stay
RENEW_EVERY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisState:
    """What one server said of itself; ``error`` is None when all is as it should be.

    ``has_its_role``: it answers and is what it should be, a replica that is not in sync too.
    """

    role: str | None
    error: str | None
    has_its_role: bool


def connect_redis(address: Mapping[str, Any], *, timeout_s: float = TIMEOUT_S) -> redis.Redis:
    """Return a client of a server, arguments of :class:`redis.Redis`; it connects with the first question."""
    client = redis.Redis(
        **address, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0)
    )
    if address.get("ssl"):
        client.connection_pool.connection_class = _Tls
    return client


class _Tls(redis.SSLConnection):
    """Trusts the authorities of the file that is named, and no others. Its parent adds them to the system's."""

    def _wrap_socket_with_ssl(self, sock: socket.socket) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=self.ca_certs)
        return context.wrap_socket(sock, server_hostname=self.host)


class RedisServer:
    """One Redis, left alone for a moment after it let somebody wait.

    A refused connection costs nothing and is tried again at once. A hung server costs the whole time limit:
    of many readers one a second pays it. Used by several threads; a race over an instant or a client is harmless.

    A connection outlives what it was made for: the server turns from master to replica, or its name leads to another
    server now. So a refusal (READONLY, LOADING, MASTERDOWN, NOAUTH, MISCONF, OOM, MOVED...) and a wrong role make us
    connect anew, and each look at the state comes by a connection of its own.
    """

    def __init__(self, address: Mapping[str, Any], clock: Clock) -> None:
        self._address = address
        self._client = connect_redis(address)
        self._run_id: str | None = None
        self._clock = clock
        self._left_alone_until_s = float("-inf")
        self._renewed_s = float("-inf")

    def get(self, key: str, *, max_bytes: int) -> bytes | None:
        """Return a value; of a longer one than ``max_bytes`` no more than a byte beyond.

        Raises:
            BrokenSealError: it is no string.
        """
        # the server cuts: what another wrote there may be 512 MB
        try:
            answer = self._ask(lambda client: client.getrange(key, 0, max_bytes))
        except redis.ResponseError as error:
            if str(error).startswith("WRONGTYPE"):
                raise BrokenSealError("type") from error
            raise
        if isinstance(answer, bytes) and answer:
            return answer
        if self._ask(lambda client: _holds_nothing(client, key)):
            raise BrokenSealError("format")  # an empty value is told from none: somebody put it there
        return None

    def set(self, key: str, value: bytes, *, ttl_s: float) -> None:
        """Keep a value for ``ttl_s`` seconds."""
        self._ask(lambda client: client.set(key, value, px=max(1, int(ttl_s * 1000))))

    def state(self, wanted_role: str) -> RedisState:
        """Ask for its role, by a new connection: its name may lead to another server by now."""
        client = connect_redis(self._address)
        try:
            info = {**client.info("server"), **client.info("replication")}
        except redis.RedisError as error:
            client.close()
            return RedisState(role=None, error=str(error), has_its_role=False)
        if info.get("run_id") == self._run_id:
            client.close()
        else:
            self._run_id = info.get("run_id")
            self._use(client)
        role = str(info.get("role"))
        if role != wanted_role:
            return RedisState(role=role, error=f"is a {role}, not a {wanted_role}", has_its_role=False)
        if role == "slave" and info.get("master_link_status") != "up":
            return RedisState(
                role=role, error="not in sync: the link to its master is down", has_its_role=True
            )
        return RedisState(role=role, error=None, has_its_role=True)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _ask(self, question: Callable[[redis.Redis], object]) -> object:
        if self._clock.monotonic_s() < self._left_alone_until_s:
            raise redis.TimeoutError("left alone for a moment: it did not answer in time")
        try:
            return question(self._client)
        except redis.TimeoutError:
            self._left_alone_until_s = self._clock.monotonic_s() + LEAVE_ALONE_S
            raise
        except (redis.ResponseError, redis.ConnectionError) as error:
            if not str(error).startswith("WRONGTYPE"):
                self._renew()
            raise

    def _renew(self) -> None:
        now_s = self._clock.monotonic_s()
        if now_s - self._renewed_s >= RENEW_EVERY_S:
            self._renewed_s = now_s
            self._use(connect_redis(self._address))

    def _use(self, client: redis.Redis) -> None:
        """Ask by another client from now on; questions under way end on the former one, which then goes."""
        former, self._client = self._client, client
        former.connection_pool.disconnect(inuse_connections=False)


def _holds_nothing(client: redis.Redis, key: str) -> bool:
    """Return whether a key holds the empty string. One that came after it was asked for holds more."""
    both = client.pipeline()
    both.exists(key)
    both.strlen(key)
    return both.execute() == [1, 0]
