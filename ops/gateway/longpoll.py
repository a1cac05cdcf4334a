"""Long polls. A ring wakes the waiting clients, and so does one cheap query every 0.2 s for all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from ops.gateway.params import UnprocessedQuery

__all__ = ["LongPoll"]

#: how far before the beginning of a wait the query looks back, because a transaction commits after it marks
MARGIN_S = 30.0
#: how often the table is queried for the waiting clients: other processes change it, and a notification may be lost
LOOK_EVERY_S = 0.2
#: with more waiting clients, a poll is answered at once, as by a gateway without long polls
WAITERS_MAX = 200


@dataclass(slots=True)
class _Group:
    since: float
    waiters: set[asyncio.Future[None]] = field(default_factory=set)


class LongPoll:
    """Wakes the clients that wait with a query when ``changed(query, age_s)`` finds something for it.

    Equal queries share one look at the database. It runs only while a client waits. If the look fails, the waits
    fail too, because an outage is no empty answer.
    """

    def __init__(
        self,
        changed: Callable[[UnprocessedQuery, float], Awaitable[bool]],
        *,
        interval_s: float = LOOK_EVERY_S,
        waiters_max: int = WAITERS_MAX,
    ) -> None:
        self._changed = changed
        self._interval_s = interval_s
        self._waiters_max = waiters_max
        self._groups: dict[UnprocessedQuery, _Group] = {}
        self._rung = asyncio.Event()
        self._closed = False
        self._watcher: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """The number of waiting clients."""
        return sum(len(group.waiters) for group in self._groups.values())

    async def wait(self, query: UnprocessedQuery, timeout_s: float) -> bool:
        """Wait until there may be messages. Return False if the time is over or no waiting is possible."""
        if self._closed or self.waiting >= self._waiters_max:
            return False
        group = self._groups.setdefault(query, _Group(since=time.monotonic()))
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        group.waiters.add(waiter)
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch())
        try:
            async with asyncio.timeout(timeout_s):
                await waiter
        except TimeoutError:
            return False
        finally:
            group.waiters.discard(waiter)
            if not group.waiters and self._groups.get(query) is group:
                del self._groups[query]
        return not self._closed

    def ring(self, channel: str | None = None) -> None:
        """Wake the clients that wait for a channel with new messages. Without a channel, look now for all clients.

        ``channel`` may be only the first characters of the id.
        """
        if channel is None:
            self._rung.set()
            return
        for query, group in self._groups.items():
            if query.channel.startswith(channel):
                _release(group, None)

    def close(self) -> None:
        """Release all waiting clients, and accept no more."""
        self._closed = True
        for group in self._groups.values():
            _release(group, None)

    async def _watch(self) -> None:
        while self._groups:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval_s):
                    await self._rung.wait()
            self._rung.clear()
            for query, group in tuple(self._groups.items()):
                try:
                    found = await self._changed(query, time.monotonic() - group.since + MARGIN_S)
                except Exception as exc:  # noqa: BLE001 - it belongs to the waiters, each raises it
                    _release(group, exc)
                else:
                    if found:
                        _release(group, None)


def _release(group: _Group, error: Exception | None) -> None:
    for waiter in tuple(group.waiters):
        if waiter.done():
            continue
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)
