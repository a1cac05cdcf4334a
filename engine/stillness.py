"""Detects time in which the whole process was stopped, so that it is not taken for a hung actor.

SIGSTOP, Ctrl-Z, a debugger, a frozen container or a suspended machine stop every thread while the clocks continue.
A thread that looks every second and finds a much longer gap was stopped itself, and all other threads with it.
"""

from __future__ import annotations

from collections import deque

import structlog

from engine.clock import Clock

__all__ = ["HELD_STILL_S", "Stillness"]

_log = structlog.get_logger("engine.stillness")

#: a longer gap between two looks is not caused by load: on a busy machine the gap stays shorter
HELD_STILL_S = 5.0
#: how many stops are remembered. A forgotten stop only makes an age longer, so a hang is still found
_REMEMBERED = 64


class Stillness:
    """The stops that one regularly looking thread has found. Only that thread uses this object."""

    def __init__(self, clock: Clock, *, every_s: float = 1.0, held_s: float = HELD_STILL_S) -> None:
        self._clock = clock
        self._every_s = every_s
        self._held_s = held_s
        self._looked_s = clock.monotonic_s()
        self._times: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)

    def look(self) -> float:
        """Record a look. Return the seconds that the process was stopped since the last look, usually 0."""
        now_s = self._clock.monotonic_s()
        gap_s, self._looked_s = now_s - self._looked_s, now_s
        if gap_s <= self._held_s:
            return 0.0
        # The regular interval counts as running time. So a thread that is always late still finds a hang.
        lost_s = gap_s - self._every_s
        self._times.append((now_s, lost_s))
        _log.warning("process.held_still", seconds=round(lost_s, 1))
        return lost_s

    def age_s(self, since_s: float) -> float:
        """Return the seconds since ``since_s`` in which the process was running."""
        age_s = self._clock.monotonic_s() - since_s
        return max(0.0, age_s - sum(lost_s for at_s, lost_s in self._times if at_s > since_s))
