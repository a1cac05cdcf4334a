"""Relay: polls a gateway that does not publish, and publishes what it lists to the broker.

It acknowledges nothing: the engine marks a message when it is durable there. So the relay needs no memory over a restart.
It then publishes again what is still listed, and the engine's ledger knows it.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from random import Random

import structlog

from engine.backoff import Backoff, RetryState
from engine.clock import SystemClock
from storage.broker.publisher import ConfirmedPublisher
from storage.broker.values import Outgoing, telegram_message
from storage.errors import GatewayRateLimitedError, StorageError
from storage.gateway.client import GatewayClient
from storage.gateway.rows import UnreadableRow

__all__ = ["Relay"]

#: the gateway returns at most so many messages at once
MAX_PAGE = 10_000
BACKOFF = Backoff(first_s=1.0, cap_s=30.0)

log = structlog.get_logger("relay")


class Relay:
    """Reads some channels in turn. ``batch_size`` is the number of new messages that one page may hold."""

    def __init__(
        self,
        gateway: GatewayClient,
        publisher: ConfirmedPublisher,
        *,
        channels: Sequence[str],
        interval_s: float,
        batch_size: int,
    ) -> None:
        self._gateway = gateway
        self._publisher = publisher
        self._interval_s = interval_s
        self._batch_size = batch_size
        self._clock = SystemClock()
        self._retry = RetryState(backoff=BACKOFF, random=Random())  # noqa: S311 - jitter, not cryptography
        #: digests of what was published and is still listed, by channel
        self._sent: dict[str, set[bytes]] = {channel: set() for channel in channels}

    def run(self, stop: threading.Event) -> None:
        """Relay until ``stop`` is set. Then close both connections."""
        log.info("relay.started", channels=list(self._sent), interval_s=self._interval_s)
        try:
            while not stop.wait(self._round()):
                pass
        finally:
            self._gateway.close()
            self._publisher.close()
        log.info("relay.stopped")

    def _round(self) -> float:
        """Relay one page of each channel. Return the seconds until the next round."""
        more = False
        try:
            for channel in self._sent:
                more |= self._relay(channel)
        except StorageError as error:
            delay_s = error.retry_after_s if isinstance(error, GatewayRateLimitedError) else None
            now_s = self._clock.monotonic_s()
            if self._retry.failed(str(error), at=self._clock.now(), now_s=now_s, delay_s=delay_s):
                log.warning("relay.failed", error=str(error))
            return self._retry.wait_s(now_s)
        if self._retry.failures:
            log.info("relay.recovered", failures=self._retry.failures)
        self._retry.succeeded()
        return self._gateway.wait_s() if more else self._interval_s

    def _relay(self, channel: str) -> bool:
        """Publish what is new in a channel's list. Return whether there may be more."""
        sent = self._sent[channel]
        limit = min(MAX_PAGE, self._batch_size + len(sent))
        rows = self._gateway.unprocessed_rows(channel, limit=limit)
        bodies = {hashlib.blake2b(body, digest_size=16).digest(): body for body in map(_body, rows)}
        news = [body for digest, body in bodies.items() if digest not in sent]
        if news:
            self._publisher.publish([_outgoing(channel, body) for body in news])
            log.info("relay.published", channel=channel, count=len(news))
        self._sent[channel] = set(bodies)
        return bool(news) and len(rows) >= limit


def _body(row: object) -> bytes:
    if isinstance(row, UnreadableRow):
        return row.raw.encode()
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _outgoing(channel: str, body: bytes) -> Outgoing:
    try:
        row = json.loads(body)
    except (ValueError, RecursionError):
        row = None
    number = row.get("messageId") if isinstance(row, dict) else None
    return telegram_message(channel, f"{channel}:{number}"[:200], body)
