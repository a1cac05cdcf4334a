"""Redis: pages are written to the master and read from the replica, then the master."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import redis
import structlog

from engine.clock import Clock
from storage.errors import RedisUnavailableError
from storage.redis_server import RedisServer, RedisState
from storage.seal import MAX_SEALED_BYTES, BrokenSealError, Seal

__all__ = ["REFUSALS", "RedisPages", "RedisState"]

_log = structlog.get_logger("cache")

#: values of before the seal stood under ``tpcapital:`` alone; a daemon of that version must not read ours
_PREFIX = "tpcapital:sealed:"
#: why a value in Redis was not taken for a page
REFUSALS = ("format", "digest", "expired", "size", "type")
#: one line tells of all values refused meanwhile: who can write values can write many
_TELL_EVERY_S = 60.0


class RedisPages:
    """Sealed pages in Redis. Every method fails fast; none retries.

    ``master`` and ``replica`` are arguments of :class:`redis.Redis` that say where a server is and who asks.
    ``namespace`` stands before every key: commit numbers of two databases are alike, their pages are not.
    """

    def __init__(
        self,
        *,
        master: Mapping[str, Any],
        replica: Mapping[str, Any] | None,
        clock: Clock,
        seal: Seal,
        namespace: str = "",
    ) -> None:
        self._prefix = f"{_PREFIX}{namespace}:" if namespace else _PREFIX
        self._master = RedisServer(master, clock)
        self._replica = RedisServer(replica, clock) if replica else None
        self._clock = clock
        self._seal = seal
        self._refusals = _Refusals(clock)

    @property
    def refused(self) -> Mapping[str, int]:
        """How many values were not taken for pages, by reason."""
        return self._refusals.counts

    def get(self, key: str) -> bytes | None:
        """Return a page from the replica, else from the master. What does not verify is not there.

        Raises:
            RedisUnavailableError: neither answered.
        """
        if not self._seal.known:
            return None
        if self._replica is not None:
            try:
                page = self._read(self._replica, self._prefix + key)
            except redis.RedisError:
                page = None
            if page is not None:
                return page
        try:
            return self._read(self._master, self._prefix + key)
        except redis.RedisError as error:
            raise RedisUnavailableError(f"master: {error}") from error

    def put(self, key: str, page: bytes, *, ttl_s: float) -> None:
        """Keep a page on the master for ``ttl_s`` seconds; one that is too long is not kept.

        Raises:
            RedisUnavailableError: the master did not take it (down, or turned read-only).
        """
        name = self._prefix + key
        sealed = self._seal.close(name, page, ends_at=self._clock.now() + timedelta(seconds=ttl_s))
        if sealed is None:
            return
        try:
            self._master.set(name, sealed, ttl_s=ttl_s)
        except redis.RedisError as error:
            raise RedisUnavailableError(f"master: {error}") from error

    def states(self) -> dict[str, RedisState]:
        """Ask both servers for their role; never raises. One that was left alone is asked all the same."""
        states = {"redisMaster": self._master.state("master")}
        if self._replica is not None:
            states["redisReplica"] = self._replica.state("slave")
        return states

    def close(self) -> None:
        """Close all connections."""
        self._master.close()
        if self._replica is not None:
            self._replica.close()

    def _read(self, server: RedisServer, name: str) -> bytes | None:
        try:
            sealed = server.get(name, max_bytes=MAX_SEALED_BYTES)
            return self._seal.open(name, sealed, now=self._clock.now()) if sealed is not None else None
        except BrokenSealError as refusal:
            self._refusals.count(refusal.reason)
            return None


class _Refusals:
    """Counts refused values and tells of them, a line a minute. Used by several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._untold: Counter[str] = Counter()
        self._told_s = float("-inf")
        self.counts: dict[str, int] = dict.fromkeys(REFUSALS, 0)

    def count(self, reason: str) -> None:
        with self._lock:
            self.counts[reason] += 1
            if reason == "expired":
                return  # clocks of two daemons differ a little: that is nobody's forgery
            self._untold[reason] += 1
            now_s = self._clock.monotonic_s()
            if now_s - self._told_s < _TELL_EVERY_S:
                return
            self._told_s, reasons, self._untold = now_s, dict(self._untold), Counter()
        _log.warning(
            "cache.pages_refused",
            reasons=reasons,
            remedy="somebody else writes to this Redis: set a password (REDIS_PASSWORD) and see who reaches it",
        )
