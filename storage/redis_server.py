"""The client of one Redis server: short time limits, and new connections when the server or its role has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import redis

from engine.clock import Clock
from storage.redis_client import connect_redis
from storage.redis_state import RedisState
from storage.seal import BrokenSealError

__all__ = ["RedisServer"]

T = TypeVar("T")

#: after a timeout the server is not asked for this long, so other readers do not wait
LEAVE_ALONE_S = 1.0
#: the shortest time between two reconnections after refusals, because a refusal may last
RENEW_EVERY_S = 1.0
#: another program than Redis may answer anything
_LONGEST_ROLE = 40


class RedisServer:
    """One Redis server. After a timeout it is left alone for a moment.

    A refused connection costs no time and is tried again at once. A hung server costs the whole time limit, so only
    one reader per second waits for it. Several threads use this object. It has no lock: a race over a time stamp or
    the client only causes one more timeout or one more reconnection.

    A connection may become wrong: its server turns from master to replica, or the name now leads to another server.
    So a refusal (READONLY, LOADING, MASTERDOWN, NOAUTH, MISCONF, OOM, MOVED...) causes a reconnection. Each look at
    the state uses a new connection, which replaces the client's when it reaches another server.
    """

    def __init__(self, address: Mapping[str, Any], clock: Clock) -> None:
        self._address = address
        self._client = connect_redis(address)
        self._run_id: str | None = None
        #: whether the last look at its state found a replica in sync with its master
        self.in_sync = False
        self._clock = clock
        self._left_alone_until_s = float("-inf")
        self._renewed_s = float("-inf")

    def get(self, key: str, *, max_bytes: int) -> bytes | None:
        """Return a value. Of a value longer than ``max_bytes`` only the first ``max_bytes`` + 1 bytes are returned.

        Raises:
            BrokenSealError: The value is no string, or it is empty.
        """

        def look(client: redis.Redis) -> list[object]:
            both = client.pipeline(transaction=False)
            # The server cuts the value, because another program may have written up to 512 MB.
            both.getrange(key, 0, max_bytes)
            both.exists(key)
            return both.execute()

        try:
            answer, exists = self._ask(look)
        except redis.ResponseError as error:
            if "WRONGTYPE" in str(error):
                raise BrokenSealError("type") from error
            raise
        if isinstance(answer, bytes) and answer:
            return answer
        if exists and self._ask(lambda client: _holds_nothing(client, key)):
            raise BrokenSealError(
                "format"
            )  # unlike a missing value, an empty one was written by another program
        return None

    def set(self, key: str, value: bytes, *, ttl_s: float) -> None:
        """Store a value for ``ttl_s`` seconds."""
        self._ask(lambda client: client.set(key, value, px=max(1, int(ttl_s * 1000))))

    def publish(self, channel: str, text: bytes) -> None:
        """Tell the subscribers of a channel."""
        self._ask(lambda client: client.publish(channel, text))

    def state(self, wanted_role: str) -> RedisState:
        """Ask for the role on a new connection, because the name may lead to another server by now."""
        state = self._look(wanted_role)
        self.in_sync = state.role == "slave" and state.error is None
        return state

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _look(self, wanted_role: str) -> RedisState:
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
        role = str(info.get("role"))[:_LONGEST_ROLE]
        if role != wanted_role:
            return RedisState(role=role, error=f"is a {role}, not a {wanted_role}", has_its_role=False)
        if role == "slave" and info.get("master_link_status") != "up":
            return RedisState(
                role=role, error="not in sync: the link to its master is down", has_its_role=True
            )
        return RedisState(role=role, error=None, has_its_role=True)

    def _ask(self, question: Callable[[redis.Redis], T]) -> T:
        if self._clock.monotonic_s() < self._left_alone_until_s:
            raise redis.TimeoutError("it did not answer in time and is left alone for a moment")
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
        """Replace the client. Running commands finish on the former client, whose idle connections are closed."""
        former, self._client = self._client, client
        former.connection_pool.disconnect(inuse_connections=False)


def _holds_nothing(client: redis.Redis, key: str) -> bool:
    """Return whether a key holds the empty string. A page that was written meanwhile is not empty."""
    both = client.pipeline()
    both.exists(key)
    both.strlen(key)
    return both.execute() == [1, 0]
