"""Time that stands still until a test moves it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import UTC, datetime, timedelta

__all__ = ["FakeClock", "FakeTimers"]

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class FakeClock:
    """Both clocks of :class:`engine.clock.Clock`, moved together."""

    def __init__(self) -> None:
        self._elapsed_s = 0.0
        # monotonic time starts anywhere but at 0, so that a forgotten zero shows
        self._origin_s = 1000.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self._elapsed_s)

    def monotonic_s(self) -> float:
        return self._origin_s + self._elapsed_s

    def advance(self, seconds: float) -> None:
        assert seconds >= 0, "time does not run back"
        self._elapsed_s += seconds

    def advance_to(self, monotonic_s: float) -> None:
        self.advance(max(0.0, monotonic_s - self.monotonic_s()))


class FakeTimers:
    """Timers (:class:`engine.timers.Timers`) served by the test: nothing runs but in :meth:`advance`."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self._numbers = 0
        self._pending: dict[Hashable, tuple[float, int, Callable[[], object]]] = {}

    def call_later(self, key: Hashable, delay_s: float, call: Callable[[], object]) -> None:
        self._numbers += 1
        self._pending[key] = (self.clock.monotonic_s() + max(0.0, delay_s), self._numbers, call)

    def cancel(self, key: Hashable) -> None:
        self._pending.pop(key, None)

    def keys(self) -> tuple[Hashable, ...]:
        """Return the keys that have a call outstanding."""
        return tuple(self._pending)

    def due_in_s(self, key: Hashable) -> float | None:
        """Return the seconds until the call of ``key``; None when none is outstanding."""
        entry = self._pending.get(key)
        # rounded: due times are sums of floats
        return None if entry is None else round(entry[0] - self.clock.monotonic_s(), 6)

    def advance(self, seconds: float, after_each: Callable[[], object] = lambda: None) -> None:
        """Move the clock on and run what falls due, in order, with the clock at the time it is due.

        ``after_each`` runs after each call: it may set timers of its own, which run too when due in time.
        """
        end_s = self.clock.monotonic_s() + seconds
        while self._pending:
            key, (due_s, _, call) = min(self._pending.items(), key=lambda item: item[1][:2])
            # half a microsecond of grace for the sums of floats
            if due_s > end_s + 5e-7:
                break
            del self._pending[key]
            self.clock.advance_to(due_s)
            call()
            after_each()
        self.clock.advance_to(end_s)
