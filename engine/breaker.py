"""Circuit breaker: a pure state machine. The calling actor owns it and passes the time.

The rules are those of the former service (opossum: rolling window, minimum volume, error threshold, reset
timeout). Two gaps of it are closed. A call also leaves the window when it is too old. An answer to a call
from before a change of state changes nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Breaker", "BreakerPolicy", "BreakerState", "Permit"]


class BreakerState(StrEnum):
    """Closed lets calls through, open rejects them, half-open allows a single trial call."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When to open, and for how long.

    The breaker counts the last ``window`` calls that are no older than ``horizon_s``. It opens when at least
    ``minimum`` calls are counted and at least ``threshold_percent`` of them failed. After ``reset_s`` it allows
    one trial call.
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
    """Permission for one call. ``epoch`` identifies the period between two changes of state that it belongs to."""

    epoch: int


class Breaker:
    """The breaker of one caller. It has no lock, no thread and no clock.

    Each opening and each closing starts a new epoch. A call may be in flight across such a change. Its permit
    then carries an old epoch, and its result is ignored: it says nothing about the present state.
    """

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
        """Return the seconds until the breaker may permit a call; 0 when it may now."""
        if self._opened_at_s is None:
            return 0.0
        return max(0.0, self._opened_at_s + self._policy.reset_s - now_s)

    def ask(self, now_s: float) -> Permit | None:
        """Return a permit for one call, or None to reject it. Half-open permits exactly one call at a time."""
        match self.state(now_s):
            case BreakerState.CLOSED:
                return Permit(self._epoch)
            case BreakerState.HALF_OPEN if not self._trial_under_way:
                self._trial_under_way = True
                return Permit(self._epoch)
            case _:
                return None

    def succeeded(self, permit: Permit, now_s: float) -> None:
        """Record that the permitted call succeeded. A successful trial closes the breaker."""
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
        """Record that the permitted call failed. A failed trial opens the breaker again."""
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
        """Return a permit that was not used, or whose call says nothing about the other side's health."""
        if permit.epoch == self._epoch:
            self._trial_under_way = False

    def counts(self, now_s: float) -> tuple[int, int]:
        """Return (number of calls, number of failed calls) in the window at ``now_s``."""
        while self._calls and now_s - self._calls[0][0] > self._policy.horizon_s:
            self._calls.popleft()
        return len(self._calls), sum(not ok for _, ok in self._calls)

    def _open(self, now_s: float) -> None:
        self._opened_at_s = now_s
        self._trial_under_way = False
        self._epoch += 1
        self.openings += 1
        self._calls.clear()
