"""RetryState: what keeps one reader from reading anything, and when it tries again."""

from __future__ import annotations

from datetime import datetime
from random import Random

from engine.backoff import Backoff

__all__ = ["RetryState"]


class RetryState:
    """Whether there is one: no clock; time is passed in. ``error`` and ``since`` are None while all is well."""

    def __init__(self, *, backoff: Backoff, random: Random) -> None:
        self._backoff = backoff
        self._random = random
        self.failures = 0
        self._until_s = 0.0
        self.error: str | None = None
        self.since: datetime | None = None

    def failed(self, error: str, *, at: datetime, now_s: float, delay_s: float | None = None) -> bool:
        """Note a failure; return whether it is another one than before.

        ``delay_s`` is how long to wait where somebody has said so, else it grows with each failure in a row.
        """
        self.failures += 1
        if delay_s is None:
            delay_s = self._backoff.delay_s(self.failures, self._random)
        self._until_s = now_s + delay_s
        self.since = self.since or at
        former, self.error = self.error, error
        return former != error

    def is_over(self) -> None:
        """Note that what was tried went well."""
        self.failures, self._until_s, self.error, self.since = 0, 0.0, None, None

    def wait_s(self, now_s: float) -> float:
        """Return the seconds until the next try."""
        return max(0.0, self._until_s - now_s)
