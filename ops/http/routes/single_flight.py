"""One build of a page at a time. Other readers of the same page wait for that build and share its result."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

__all__ = ["SingleFlight"]

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """The builds in progress, by page and generation.

    After a commit, many readers miss the cache at once. Without this class each of them would build the page while
    the writer is busy. A failure is shared too, so readers do not each wait for a database that is down.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_key: dict[str, Future[T]] = {}

    def build(self, key: str, make: Callable[[], T]) -> tuple[T, bool]:
        """Return the page of ``key``, and whether another reader built it. Raise what ``make`` raises."""
        # The lock decides who builds. It is not held during the build, so other pages are not delayed.
        with self._lock:
            under_way = self._by_key.get(key)
            if under_way is None:
                mine: Future[T] = Future()
                self._by_key[key] = mine
        if under_way is not None:
            return under_way.result(), True
        try:
            page = make()
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(page)
            return page, False
        finally:
            with self._lock:
                del self._by_key[key]
