"""Makes the C library return free memory, and the garbage collector leave alone what lives as long as the process."""

from __future__ import annotations

import ctypes
import gc

__all__ = ["FIRST_TRIM_S", "TRIM_EVERY_S", "give_back", "keep_heap_small", "leave_alone"]

#: memory from a peak, such as an outage or many readers, is returned after at most this time
TRIM_EVERY_S = 60.0
#: that of the start, such as the history, earlier
FIRST_TRIM_S = 15.0

#: parameters of glibc's mallopt(3)
_ARENA_MAX, _MMAP_THRESHOLD = -8, -3
#: with an arena for each thread, every arena would keep the peak of its thread
_ARENAS = 2
#: larger blocks are mapped separately and returned when freed; by default glibc raises this limit up to 32 MB
_MAPPED_ALONE_BYTES = 128 * 1024


def keep_heap_small() -> None:
    """Set both limits if the C library supports them. Without them the daemon works but uses more memory.

    Many threads allocate and free pages of a megabyte.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_ARENA_MAX, _ARENAS)
    mallopt(_MMAP_THRESHOLD, _MAPPED_ALONE_BYTES)


def leave_alone() -> None:
    """Let the garbage collector pass over all present objects.

    A full collection stops every thread. It takes 70 ms for the objects of all modules, which are never garbage.
    """
    gc.freeze()


def give_back() -> None:
    """Return free memory inside the heap to the operating system. This takes a few milliseconds."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):
        return
