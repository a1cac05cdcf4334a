"""Delays between attempts: exponential, capped, jittered. This file computes a delay; a timer applies it.

``RetryState`` records why something fails, since when, how often, and when to try again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from random import Random

__all__ = ["Backoff", "RetryState"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait before attempt number n.

    The delay doubles from ``first_s`` up to ``cap_s``. ``jitter`` subtracts a random part of it (0.2: up to a
    fifth), so that daemons that failed together do not retry together.
    """

    first_s: float
    cap_s: float
    jitter: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.first_s <= self.cap_s or not 0 <= self.jitter < 1:
            raise ValueError(f"backoff needs 0 < first_s <= cap_s and 0 <= jitter < 1: {self}")

    def delay_s(self, attempt: int, random: Random) -> float:
        """Return the seconds to wait after ``attempt`` failures in a row (1 for the first).

        >>> Backoff(first_s=0.5, cap_s=30, jitter=0).delay_s(4, Random(1))
        4.0
        """
        # The cap is reached long before 2**40. The limit keeps the power small after many failures.
        exponent = min(max(attempt, 1) - 1, 40)
        full_s: float = min(self.cap_s, self.first_s * 2**exponent)
        return full_s * (1 - self.jitter * random.random())


class RetryState:
    """The retry state of one operation. The caller passes the time. ``error`` and ``since`` are None while it works."""

    def __init__(self, *, backoff: Backoff, random: Random) -> None:
        self._backoff = backoff
        self._random = random
        self._until_s = 0.0
        self.failures = 0
        self.error: str | None = None
        self.since: datetime | None = None

    def failed(self, error: str, *, at: datetime, now_s: float, delay_s: float | None = None) -> bool:
        """Record a failure; return whether its error differs from the one before.

        ``delay_s`` is a wait that the other side asked for. Without it the wait grows with each failure in a row.
        """
        self.failures += 1
        if delay_s is None:
            delay_s = self._backoff.delay_s(self.failures, self._random)
        self._until_s = now_s + delay_s
        self.since = self.since or at
        former, self.error = self.error, error
        return former != error

    def succeeded(self) -> None:
        """Record a success and reset the state."""
        self.failures, self._until_s, self.error, self.since = 0, 0.0, None, None

    def wait_s(self, now_s: float) -> float:
        """Return the seconds until the next attempt."""
        return max(0.0, self._until_s - now_s)
