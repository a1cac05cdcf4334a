"""Delays between attempts: exponential, capped, jittered. The delay is data; a timer applies it."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

__all__ = ["Backoff"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait before attempt number n.

    The delay doubles from ``first_s`` up to ``cap_s``; ``jitter`` takes a random part of it away
    (0.2: up to a fifth), so that daemons which failed together do not come back together.
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
        # 2**40 would overflow nothing but says nothing either: the cap is reached long before
        exponent = min(max(attempt, 1) - 1, 40)
        full_s: float = min(self.cap_s, self.first_s * 2**exponent)
        return full_s * (1 - self.jitter * random.random())
