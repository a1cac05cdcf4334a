"""Tell-later on one thread: the only place where this daemon waits for time to pass."""

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

#: a condition's wait does not count the time that the machine is suspended, our clock does
LONGEST_WAIT_S = 1.0


class Timers(Protocol):
    """Calls functions later. One call is outstanding per key: setting a key again replaces it."""

    def call_later(self, key: Hashable, delay_s: float, call: Callable[[], object]) -> None:
        """Run ``call`` once, ``delay_s`` seconds from now; short and not blocking."""
        ...

    def cancel(self, key: Hashable) -> None:
        """Forget the call of ``key``; without one, nothing happens."""
        ...


class TimerThread:
    """Timers on a heap, served by one daemon thread.

    A replaced or cancelled entry stays on the heap, marked dead by its number, until it comes up:
    cheaper than searching the heap, and bounded by the delays in use.
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
        """Run ``call`` on the timer thread in ``delay_s`` seconds, in place of an earlier one of ``key``."""
        with self._changed:
            if self._closed:
                return
            number = next(self._numbers)
            self._live[key] = number
            heapq.heappush(self._heap, (self._clock.monotonic_s() + max(0.0, delay_s), number, key, call))
            self._changed.notify()

    def cancel(self, key: Hashable) -> None:
        """Forget the call of ``key``."""
        with self._changed:
            self._live.pop(key, None)

    def close(self, timeout_s: float = 2.0) -> None:
        """Stop the thread; outstanding calls are dropped. Idempotent."""
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
                _, number, key, call = heapq.heappop(self._heap)
                if self._live.get(key) != number:
                    continue  # replaced or cancelled since
                del self._live[key]
            # outside the lock: the call may set a timer of its own
            try:
                call()
            except Exception:  # noqa: BLE001 - one failing call must not end all the others' time
                _log.exception("timer.failed", key=str(key))

    def _wait_s(self) -> float | None:
        if not self._heap:
            return None
        return min(LONGEST_WAIT_S, max(0.0, self._heap[0][0] - self._clock.monotonic_s()))
