"""Where built pages are kept: Redis when it is configured, else memory; both by the same two calls."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Protocol

from engine.clock import Clock

__all__ = ["MemoryPages", "Pages"]


class Pages(Protocol):
    """A cache of pages by key."""

    def get(self, key: str) -> bytes | None:
        """Return the page of ``key`` if it is there and not past its time."""
        ...

    def put(self, key: str, page: bytes, *, ttl_s: float) -> None:
        """Keep ``page`` under ``key`` for ``ttl_s`` seconds, if there is room."""
        ...


class MemoryPages:
    """Least recently used pages of one process, within ``max_bytes``.

    Written by the cache actor, read by the responder's threads: hence the lock, held for a dictionary
    operation at most.
    """

    def __init__(self, clock: Clock, *, max_bytes: int = 64 * 1024 * 1024) -> None:
        self._clock = clock
        self._max_bytes = max_bytes
        self._bytes = 0
        self._pages: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """Return the page of ``key``, now the most recently used."""
        with self._lock:
            entry = self._pages.get(key)
            if entry is None:
                return None
            if entry[0] <= self._clock.monotonic_s():
                self._drop(key)
                return None
            self._pages.move_to_end(key)
            return entry[1]

    def put(self, key: str, page: bytes, *, ttl_s: float) -> None:
        """Keep a page; the least recently used ones make room."""
        if len(page) > self._max_bytes:
            return
        with self._lock:
            self._drop(key)
            self._pages[key] = (self._clock.monotonic_s() + ttl_s, page)
            self._bytes += len(page)
            while self._bytes > self._max_bytes:
                self._drop(next(iter(self._pages)))

    def _drop(self, key: str) -> None:
        entry = self._pages.pop(key, None)
        if entry is not None:
            self._bytes -= len(entry[1])
