"""The C library's heap, told to give back what is free: pages of a megabyte come and go in many threads."""

from __future__ import annotations

import ctypes

__all__ = ["TRIM_EVERY_S", "give_back", "keep_heap_small"]

#: what an outage or a herd of readers needed goes back to the machine this soon
TRIM_EVERY_S = 60.0

#: parameters of glibc's mallopt(3)
_ARENA_MAX, _MMAP_THRESHOLD = -8, -3
#: a heap for each thread keeps what that thread once needed
_ARENAS = 2
#: larger pieces are mapped alone and leave with their end; left to itself the limit rises to 32 MB with use
_MAPPED_ALONE_BYTES = 128 * 1024


def keep_heap_small() -> None:
    """Set both limits, where the C library knows them; without them all works, with more memory."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_ARENA_MAX, _ARENAS)
    mallopt(_MMAP_THRESHOLD, _MAPPED_ALONE_BYTES)


def give_back() -> None:
    """Return free memory in the middle of the heap to the machine; takes a few milliseconds."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):
        return
