"""Stillness: time in which the whole process was held still, which is nobody's hang.

SIGSTOP, Ctrl-Z, a debugger, a frozen container, a suspended machine: clocks go on and no thread moves. Who looks round
every second and finds that far more has passed was held still itself, and with it all whom it looks at.
"""

from __future__ import annotations

from collections import deque

import structlog

from engine.clock import Clock

__all__ = ["HELD_STILL_S", "Stillness"]

_log = structlog.get_logger("engine.stillness")

#: more than this between two looks that are due each second is no load any more; a busy machine takes less
HELD_STILL_S = 5.0
#: earlier ones are older than any limit that is watched, or become part of an age: then a hang is found all the same
_REMEMBERED = 64


class Stillness:
    """What one thread that looks round regularly knows of the times it could not. Only that thread uses it."""

    def __init__(self, clock: Clock, *, every_s: float = 1.0, held_s: float = HELD_STILL_S) -> None:
        self._clock = clock
        self._every_s = every_s
        self._held_s = held_s
        self._looked_s = clock.monotonic_s()
        self._times: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)

    def look(self) -> float:
        """Note a look; return the seconds that the process was held still since the one before, mostly none."""
        now_s = self._clock.monotonic_s()
        gap_s, self._looked_s = now_s - self._looked_s, now_s
        if gap_s <= self._held_s:
            return 0.0
        # the time that is due between two looks was lived, so that a thread which is always late still finds a hang
        lost_s = gap_s - self._every_s
        self._times.append((now_s, lost_s))
        _log.warning("process.held_still", seconds=round(lost_s, 1))
        return lost_s

    def age_s(self, since_s: float) -> float:
        """Return the seconds lived since an instant."""
        age_s = self._clock.monotonic_s() - since_s
        return max(0.0, age_s - sum(lost_s for at_s, lost_s in self._times if at_s > since_s))
