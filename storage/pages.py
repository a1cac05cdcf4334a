"""Stores of built pages: Redis when it is configured, otherwise memory. Both have the same two methods."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Protocol

from engine.clock import Clock

__all__ = ["EVENTS_BYTES", "PAGES_BYTES", "MemoryPages", "Pages"]

#: the memory of the process for pages, last good pages and compressed answers together
PAGES_BYTES = 8 * 1024 * 1024
#: the memory for the events of the stream
EVENTS_BYTES = 2 * 1024 * 1024
#: what a page takes beside its bytes and its key. Pages may be tiny: without this, empty ones would fill the memory.
ENTRY_BYTES = 300


class Pages(Protocol):
    """A cache of pages by key. ``level`` is the word by which answers name it."""

    @property
    def level(self) -> str:
        """How an answer from this store is marked."""
        ...

    def get(self, key: str) -> bytes | None:
        """Return the page of ``key``, or None if there is none or it has expired."""
        ...

    def put(self, key: str, page: bytes, *, ttl_s: float) -> None:
        """Store ``page`` under ``key`` for ``ttl_s`` seconds, if there is space."""
        ...


class MemoryPages:
    """The most recently used pages of one process, within ``max_bytes``.

    The cache actor and the responder's threads write and read, so there is a lock. It covers only operations on the
    dictionary.
    """

    level = "memory"

    def __init__(self, clock: Clock, *, max_bytes: int = PAGES_BYTES) -> None:
        self._clock = clock
        self._max_bytes = max_bytes
        self._bytes = 0
        self._pages: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """Return the page of ``key`` and mark it as the most recently used."""
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
        """Store a page. The least recently used pages are dropped when space is short."""
        size = _size(key, page)
        if size > self._max_bytes:
            return
        with self._lock:
            self._drop(key)
            self._pages[key] = (self._clock.monotonic_s() + ttl_s, page)
            self._bytes += size
            while self._bytes > self._max_bytes:
                self._drop(next(iter(self._pages)))

    def forget(self, prefix: str) -> None:
        """Drop all pages whose key begins with ``prefix``, to free their space."""
        with self._lock:
            for key in [key for key in self._pages if key.startswith(prefix)]:
                self._drop(key)

    @property
    def size_bytes(self) -> int:
        """The size of all stored pages, with their keys and entries."""
        return self._bytes

    def _drop(self, key: str) -> None:
        entry = self._pages.pop(key, None)
        if entry is not None:
            self._bytes -= _size(key, entry[1])


def _size(key: str, page: bytes) -> int:
    return len(page) + len(key) + ENTRY_BYTES
