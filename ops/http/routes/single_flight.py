"""One build of a page at a time: who asks for the same page meanwhile waits for that one and shares its end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future

__all__ = ["SingleFlight"]


class SingleFlight:
    """The builds under way, by key of page and generation.

    Without it a new commit would make every reader of a page build it: a herd at the database just when
    the writer is busy. A failure is shared too: in an outage readers do not queue for one try each.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_key: dict[str, Future[bytes]] = {}

    def build(self, key: str, make: Callable[[], bytes]) -> tuple[bytes, bool]:
        """Return the page of ``key``, and whether another reader has built it; raises what ``make`` raises."""
        with self._lock:
            under_way = self._by_key.get(key)
            if under_way is None:
                mine: Future[bytes] = Future()
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
