"""Redis: pages are written to the master and read from the replica, then the master."""

from __future__ import annotations

from dataclasses import dataclass

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from storage.errors import RedisUnavailableError

__all__ = ["RedisPages", "RedisState"]

#: a hung Redis may cost a reader this much, no more
TIMEOUT_S = 0.1
_PREFIX = "tpcapital:"


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisState:
    """What one server said of itself; ``error`` is None when all is as it should be."""

    role: str | None
    error: str | None


class RedisPages:
    """Pages of bytes in Redis. Every method fails fast; none retries."""

    def __init__(self, *, master: tuple[str, int], replica: tuple[str, int] | None) -> None:
        self._master = _connect(*master)
        self._replica = _connect(*replica) if replica else None

    def get(self, key: str) -> bytes | None:
        """Return a page from the replica, else from the master.

        Raises:
            RedisUnavailableError: neither answered.
        """
        if self._replica is not None:
            try:
                page = _bytes(self._replica.get(_PREFIX + key))
            except redis.RedisError:
                page = None
            if page is not None:
                return page
        try:
            return _bytes(self._master.get(_PREFIX + key))
        except redis.RedisError as error:
            raise RedisUnavailableError(f"master: {error}") from error

    def put(self, key: str, page: bytes, *, ttl_s: float) -> None:
        """Keep a page on the master for ``ttl_s`` seconds.

        Raises:
            RedisUnavailableError: the master did not take it (down, or turned read-only).
        """
        try:
            self._master.set(_PREFIX + key, page, px=int(ttl_s * 1000))
        except redis.RedisError as error:
            raise RedisUnavailableError(f"master: {error}") from error

    def states(self) -> dict[str, RedisState]:
        """Ask both servers for their role; never raises."""
        states = {"redisMaster": _state(self._master, "master")}
        if self._replica is not None:
            states["redisReplica"] = _state(self._replica, "slave")
        return states

    def close(self) -> None:
        """Close all connections."""
        self._master.close()
        if self._replica is not None:
            self._replica.close()


def _connect(host: str, port: int) -> redis.Redis:
    return redis.Redis(
        host=host,
        port=port,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )


def _bytes(answer: object) -> bytes | None:
    return answer if isinstance(answer, bytes) else None


def _state(server: redis.Redis, wanted_role: str) -> RedisState:
    try:
        info = server.info("replication")
    except redis.RedisError as error:
        return RedisState(role=None, error=str(error))
    role = str(info.get("role")) if isinstance(info, dict) else "unknown"
    if role != wanted_role:
        return RedisState(role=role, error=f"is a {role}, not a {wanted_role}")
    if role == "slave" and isinstance(info, dict) and info.get("master_link_status") != "up":
        return RedisState(role=role, error="not in sync: the link to its master is down")
    return RedisState(role=role, error=None)
