"""Time, passed in: instants from the wall clock, durations from the monotonic one."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "DatabaseClock", "SystemClock"]

#: Linux' CLOCK_MONOTONIC stands while the machine sleeps, that of others does not say
_SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """What actors ask for the time. Tests pass one that stands still until told."""

    def now(self) -> datetime:
        """Return the present instant, aware and in UTC."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds since some fixed point; never runs back, unlike :meth:`now`."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """Return the present instant, aware and in UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Return the machine's monotonic seconds, those it was suspended too: a poll of before is old after it."""
        return time.clock_gettime(_SINCE_BOOT)


class DatabaseClock:
    """The database's present instant, as known to this process.

    Instants are judged by this clock: it is one for all daemons, and a machine whose own clock is wrong
    misjudges nothing. The database tells its time with each transaction; the monotonic clock carries it on
    from there, so setting the machine's clock has no say in it. Safe for threads: one reference is swapped.
    """

    #: an answer that took longer tells the time too roughly to replace one that is known
    _ROUGH_S = 1.0

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: tuple[datetime, float] | None = None

    def observe(self, told: datetime, *, asked_s: float) -> None:
        """Note the instant the database told just now, when asked at ``asked_s`` monotonic seconds."""
        now_s = self._clock.monotonic_s()
        if self._told is None or now_s - asked_s <= self._ROUGH_S:
            self._told = told, (asked_s + now_s) / 2

    def now(self) -> datetime | None:
        """Return the database's present instant; None until it has told it once."""
        if self._told is None:
            return None
        told, at_s = self._told
        return told + timedelta(seconds=self._clock.monotonic_s() - at_s)

    def machine_ahead_s(self) -> float | None:
        """Return by how many seconds this machine's clock is ahead of the database's; None while unknown."""
        now = self.now()
        return None if now is None else (self._clock.now() - now).total_seconds()
