"""One build of an answer at a time. Others who ask the same wait for that build and share its result."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["SingleFlight"]

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """The builds in progress, by what was asked.

    After a commit, many readers find nothing ready at once. Without this class each of them would build the answer while
    the writer is busy. A failure is shared too, so readers do not each wait for a database that is down. Who waits holds
    no thread.

    One event loop at a time uses it, but the server of a restarted responder may begin while the former one ends.
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Future[T]] = {}

    async def build(self, asked: Hashable, make: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        """Return what ``make`` gives, and whether another reader has built it. Raise what it raises."""
        key = asyncio.get_running_loop(), asked
        build = self._under_way.get(key)
        shared = build is not None
        if build is None:
            build = self._under_way[key] = asyncio.ensure_future(make())
            build.add_done_callback(lambda ended: self._end(key, ended))
        # a reader that leaves does not end the build of the others
        return await asyncio.shield(build), shared

    def _end(self, key: Hashable, build: asyncio.Future[T]) -> None:
        del self._under_way[key]
        if not build.cancelled():
            # told to those who wait; where all have left, it counts as seen
            build.exception()
