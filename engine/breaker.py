"""Circuit breaker: a pure state machine. State of the actor that calls; time is passed in.

The rules are those of the service this one replaces (opossum: rolling window, minimum volume,
error threshold, reset timeout) with two of its gaps closed: calls also leave the window by age,
and an answer that comes after the opening changes nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Breaker", "BreakerPolicy", "BreakerState", "Permit"]


class BreakerState(StrEnum):
    """Closed lets calls through, open rejects them, half-open has one trial under way or due."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When to open, and for how long.

    Opens when at least ``minimum`` of the last ``window`` calls, none older than ``horizon_s``,
    are known and ``threshold_percent`` of them or more failed; ``reset_s`` later one trial may go.
    """

    window: int = 20
    minimum: int = 5
    threshold_percent: float = 50.0
    reset_s: float = 30.0
    horizon_s: float = 100.0

    def __post_init__(self) -> None:
        if not 1 <= self.minimum <= self.window:
            raise ValueError(f"breaker needs 1 <= minimum <= window: {self}")
        if not 0 < self.threshold_percent <= 100 or self.reset_s <= 0 or self.horizon_s <= 0:
            raise ValueError(f"breaker needs a threshold in (0, 100] and positive times: {self}")


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave for one call. ``epoch`` tells an answer from before an opening from one after it."""

    epoch: int


class Breaker:
    """The breaker of one caller: no lock, no thread, no clock of its own."""

    def __init__(self, policy: BreakerPolicy) -> None:
        self._policy = policy
        self._calls: deque[tuple[float, bool]] = deque(maxlen=policy.window)
        self._epoch = 0
        self._opened_at_s: float | None = None
        self._trial_under_way = False
        self.openings = 0

    def state(self, now_s: float) -> BreakerState:
        """Return the state at ``now_s`` (monotonic seconds)."""
        if self._opened_at_s is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self.wait_s(now_s) > 0 else BreakerState.HALF_OPEN

    def wait_s(self, now_s: float) -> float:
        """Return the seconds until a call may be asked for again; 0 when one may be now."""
        if self._opened_at_s is None:
            return 0.0
        return max(0.0, self._opened_at_s + self._policy.reset_s - now_s)

    def ask(self, now_s: float) -> Permit | None:
        """Return a permit for one call, or None: rejected. Half-open gives exactly one."""
        match self.state(now_s):
            case BreakerState.CLOSED:
                return Permit(self._epoch)
            case BreakerState.HALF_OPEN if not self._trial_under_way:
                self._trial_under_way = True
                return Permit(self._epoch)
            case _:
                return None

    def succeeded(self, permit: Permit, now_s: float) -> None:
        """Record that the call of ``permit`` went well; a successful trial closes the breaker."""
        if permit.epoch != self._epoch:
            return
        if self._opened_at_s is not None:
            self._opened_at_s = None
            self._trial_under_way = False
            self._epoch += 1
            self._calls.clear()
        else:
            self._calls.append((now_s, True))

    def failed(self, permit: Permit, now_s: float) -> None:
        """Record that the call of ``permit`` failed; may open the breaker, a failed trial does."""
        if permit.epoch != self._epoch:
            return
        if self._opened_at_s is not None:
            self._open(now_s)
            return
        self._calls.append((now_s, False))
        known, failures = self.counts(now_s)
        if known >= self._policy.minimum and failures * 100 >= known * self._policy.threshold_percent:
            self._open(now_s)

    def dropped(self, permit: Permit) -> None:
        """Give a permit back unused, or used by a call that says nothing of the other side's health."""
        if permit.epoch == self._epoch:
            self._trial_under_way = False

    def counts(self, now_s: float) -> tuple[int, int]:
        """Return (calls known, of them failed) in the window as it stands at ``now_s``."""
        while self._calls and now_s - self._calls[0][0] > self._policy.horizon_s:
            self._calls.popleft()
        return len(self._calls), sum(not ok for _, ok in self._calls)

    def _open(self, now_s: float) -> None:
        self._opened_at_s = now_s
        self._trial_under_way = False
        self._epoch += 1
        self.openings += 1
        self._calls.clear()
