"""Delayed calls on one thread. No other part of the daemon waits for time to pass."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable, Hashable
from typing import Protocol

import structlog

from engine.clock import Clock, SystemClock

__all__ = ["TimerThread", "Timers"]

_log = structlog.get_logger("engine.timers")

#: a wait on a condition does not count suspended time but our clock does, so no wait is longer than this
LONGEST_WAIT_S = 1.0


class Timers(Protocol):
    """Calls functions later. Each key has at most one outstanding call: a new call replaces it."""

    def call_later(self, key: Hashable, delay_s: float, call: Callable[[], object]) -> None:
        """Run ``call`` once, ``delay_s`` seconds from now. The call must be short and must not block."""
        ...

    def cancel(self, key: Hashable) -> None:
        """Cancel the call of ``key`` if there is one."""
        ...


class TimerThread:
    """Timers on a heap, served by one daemon thread.

    ``_live`` holds the number of each key's valid entry. A replaced or cancelled entry stays on the heap until it
    is the first one, and is then dropped because its number is not valid. That is cheaper than a search of the heap,
    and the delays in use bound the number of such entries. The lock decides whether a call still runs: a call that
    was taken off the heap before :meth:`cancel` got the lock runs all the same.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._numbers = itertools.count()
        self._heap: list[tuple[float, int, Hashable, Callable[[], object]]] = []
        self._live: dict[Hashable, int] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="timers", daemon=True)
        self._thread.start()

    def call_later(self, key: Hashable, delay_s: float, call: Callable[[], object]) -> None:
        """Run ``call`` on the timer thread in ``delay_s`` seconds. It replaces the outstanding call of ``key``."""
        with self._changed:
            if self._closed:
                return
            number = next(self._numbers)
            self._live[key] = number
            entry = self._clock.monotonic_s() + max(0.0, delay_s), number, key, call
            heapq.heappush(self._heap, entry)
            if self._heap[0] is entry:
                # For a later call the thread wakes in time by itself, and each wake-up delays the threads at work.
                self._changed.notify()

    def cancel(self, key: Hashable) -> None:
        """Cancel the call of ``key``, unless it has already begun."""
        with self._changed:
            self._live.pop(key, None)

    def close(self, timeout_s: float = 2.0) -> None:
        """Stop the thread and drop the outstanding calls. A second call does nothing."""
        with self._changed:
            self._closed = True
            self._heap.clear()
            self._live.clear()
            self._changed.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._closed and (wait_s := self._wait_s()) != 0:
                    self._changed.wait(wait_s)
                if self._closed:
                    return
                _, _, key, call = heapq.heappop(self._heap)
                del self._live[key]
            # The lock is free here, because the call may set a timer itself.
            try:
                call()
            except Exception:  # noqa: BLE001 - one failing call must not end the thread that serves all others
                _log.exception("timer.failed", key=str(key))

    def _wait_s(self) -> float | None:
        """Return the seconds until the first call, None without one. Drop replaced and cancelled calls before it."""
        while self._heap and self._live.get(self._heap[0][2]) != self._heap[0][1]:
            heapq.heappop(self._heap)
        if not self._heap:
            return None
        return min(LONGEST_WAIT_S, max(0.0, self._heap[0][0] - self._clock.monotonic_s()))
