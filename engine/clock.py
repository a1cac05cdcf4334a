"""Clocks that are passed in: instants come from the wall clock, durations from the monotonic clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "DatabaseClock", "SystemClock"]

#: CLOCK_MONOTONIC of Linux does not count the time that the machine is suspended; CLOCK_BOOTTIME does
_SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """The clock that actors use. Tests pass one that moves only when they set it."""

    def now(self) -> datetime:
        """Return the present instant, aware and in UTC."""
        ...

    def monotonic_s(self) -> float:
        """Return the seconds since some fixed point. Unlike :meth:`now` it never goes back."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """Return the present instant, aware and in UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Return the machine's monotonic seconds. They include suspended time, so an old poll is old after a resume."""
        return time.clock_gettime(_SINCE_BOOT)


class DatabaseClock:
    """The database's present instant, as this process knows it.

    Instants of messages are compared with this clock. All daemons share it, and a wrong clock of a machine
    has no effect. Each transaction returns the database's time, and the monotonic clock continues it from
    there. So a change of the machine's wall clock has no effect either. It is safe for threads: an update
    swaps one reference.
    """

    #: an answer that took longer is too inexact to replace a known time
    _ROUGH_S = 1.0

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answer: tuple[datetime, float] | None = None

    def observe(self, answer: datetime, *, asked_s: float) -> None:
        """Record the instant that the database returned to a query sent at ``asked_s`` (monotonic seconds)."""
        now_s = self._clock.monotonic_s()
        if self._answer is None or now_s - asked_s <= self._ROUGH_S:
            self._answer = answer, (asked_s + now_s) / 2

    def now(self) -> datetime | None:
        """Return the database's present instant, or None before its first answer."""
        if self._answer is None:
            return None
        answer, at_s = self._answer
        return answer + timedelta(seconds=self._clock.monotonic_s() - at_s)

    def machine_ahead_s(self) -> float | None:
        """Return how many seconds this machine's clock is ahead of the database's, or None while unknown."""
        now = self.now()
        return None if now is None else (self._clock.now() - now).total_seconds()
