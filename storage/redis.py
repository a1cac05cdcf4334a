"""The page store in Redis: writes go to the master, reads to the replica and then to the master."""

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
from storage.redis_server import RedisServer
from storage.redis_state import RedisState
from storage.seal import MAX_SEALED_BYTES, BrokenSealError, Seal

__all__ = ["REFUSALS", "RedisPages"]

_log = structlog.get_logger("cache")

#: older versions without the seal use ``tpcapital:`` alone, and must not read these values
_PREFIX = "tpcapital:sealed:"
#: the reasons why a value in Redis is refused
REFUSALS = ("format", "digest", "expired", "size", "type")
#: refused values are logged together at this interval, because an attacker may write many
_TELL_EVERY_S = 60.0


class RedisPages:
    """Sealed pages in Redis. Every method fails fast and does not retry.

    ``master`` and ``replica`` are arguments of :class:`redis.Redis`: the address of a server and the user.
    ``namespace`` begins every key, because two databases use the same commit numbers for different pages.
    """

    level = "redis"

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
        """The number of refused values, by reason."""
        return self._refusals.counts

    def get(self, key: str) -> bytes | None:
        """Return a page from the replica, or else from the master. A value with a broken seal counts as missing.

        A replica in sync lacks only what was written within milliseconds. Building such a page once more costs less than
        asking the master about every missing page.

        Raises:
            RedisUnavailableError: The master did not answer either.
        """
        if not self._seal.known:
            return None
        if self._replica is not None:
            try:
                page = self._read(self._replica, self._prefix + key)
            except redis.RedisError:
                pass
            else:
                if page is not None or self._replica.in_sync:
                    return page
        try:
            return self._read(self._master, self._prefix + key)
        except redis.RedisError as error:
            raise RedisUnavailableError(f"master: {error}") from error

    def put(self, key: str, page: bytes, *, ttl_s: float) -> None:
        """Store a page on the master for ``ttl_s`` seconds. A page that is too long is not stored.

        Raises:
            RedisUnavailableError: The master is down, or refused the page because it is now read-only.
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
        """Ask both servers for their role, even one that is left alone at the moment. It never raises."""
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
    """Counts refused values and logs them once a minute. Several threads use it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._unlogged: Counter[str] = Counter()
        self._logged_s = float("-inf")
        self.counts: dict[str, int] = dict.fromkeys(REFUSALS, 0)

    def count(self, reason: str) -> None:
        with self._lock:
            self.counts[reason] += 1
            if reason == "expired":
                return  # the clocks of two daemons may differ a little, so this indicates no attack
            self._unlogged[reason] += 1
            now_s = self._clock.monotonic_s()
            if now_s - self._logged_s < _TELL_EVERY_S:
                return
            self._logged_s, reasons, self._unlogged = now_s, dict(self._unlogged), Counter()
        _log.warning(
            "cache.pages_refused",
            reasons=reasons,
            remedy="another program writes to this Redis: set a password (REDIS_PASSWORD) and check who can reach it",
        )
