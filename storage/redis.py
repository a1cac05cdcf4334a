"""Redis: pages are written to the master and read from the replica, then the master."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from engine.clock import Clock
from storage.errors import RedisUnavailableError

__all__ = ["RedisPages", "RedisState"]

#: a hung Redis may cost a reader this much, no more
TIMEOUT_S = 0.1
#: and then others find it out for this long without waiting
LEAVE_ALONE_S = 1.0
_PREFIX = "tpcapital:"


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisState:
    """What one server said of itself; ``error`` is None when all is as it should be.

    ``has_its_role``: it answers and is what it should be, a replica that is not in sync too.
    """

    role: str | None
    error: str | None
    has_its_role: bool


class RedisPages:
    """Pages of bytes in Redis. Every method fails fast; none retries.

    ``namespace`` stands before every key: commit numbers of two databases are alike, their pages are not.
    """

    def __init__(
        self,
        *,
        master: tuple[str, int],
        replica: tuple[str, int] | None,
        clock: Clock,
        namespace: str = "",
    ) -> None:
        self._prefix = f"{_PREFIX}{namespace}:" if namespace else _PREFIX
        self._master = _Server(*master, clock)
        self._replica = _Server(*replica, clock) if replica else None

    def get(self, key: str) -> bytes | None:
        """Return a page from the replica, else from the master.

        Raises:
            RedisUnavailableError: neither answered.
        """
        if self._replica is not None:
            try:
                page = self._replica.get(self._prefix + key)
            except redis.RedisError:
                page = None
            if page is not None:
                return page
        try:
            return self._master.get(self._prefix + key)
        except redis.RedisError as error:
            raise RedisUnavailableError(f"master: {error}") from error

    def put(self, key: str, page: bytes, *, ttl_s: float) -> None:
        """Keep a page on the master for ``ttl_s`` seconds.

        Raises:
            RedisUnavailableError: the master did not take it (down, or turned read-only).
        """
        try:
            self._master.set(self._prefix + key, page, ttl_s=ttl_s)
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


class _Server:
    """One Redis, left alone for a moment after it let somebody wait.

    A refused connection costs nothing and is tried again at once. A hung server costs the whole time limit:
    of many readers one a second pays it. Used by several threads; a race over the instant is harmless.
    """

    def __init__(self, host: str, port: int, clock: Clock) -> None:
        self._client = redis.Redis(
            host=host,
            port=port,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._clock = clock
        self._left_alone_until_s = float("-inf")

    def get(self, key: str) -> bytes | None:
        answer = self._ask(lambda: self._client.get(key))
        return answer if isinstance(answer, bytes) else None

    def set(self, key: str, value: bytes, *, ttl_s: float) -> None:
        self._ask(lambda: self._client.set(key, value, px=int(ttl_s * 1000)))

    def state(self, wanted_role: str) -> RedisState:
        try:
            info = self._client.info("replication")
        except redis.RedisError as error:
            return RedisState(role=None, error=str(error), has_its_role=False)
        role = str(info.get("role")) if isinstance(info, dict) else "unknown"
        if role != wanted_role:
            return RedisState(role=role, error=f"is a {role}, not a {wanted_role}", has_its_role=False)
        if role == "slave" and isinstance(info, dict) and info.get("master_link_status") != "up":
            return RedisState(
                role=role, error="not in sync: the link to its master is down", has_its_role=True
            )
        return RedisState(role=role, error=None, has_its_role=True)

    def close(self) -> None:
        self._client.close()

    def _ask(self, question: Callable[[], object]) -> object:
        if self._clock.monotonic_s() < self._left_alone_until_s:
            raise redis.TimeoutError("left alone for a moment: it did not answer in time")
        try:
            return question()
        except redis.TimeoutError:
            self._left_alone_until_s = self._clock.monotonic_s() + LEAVE_ALONE_S
            raise
