"""Round robin: channels that share one reader take turns. A failing channel waits while the others continue."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from random import Random

from engine.backoff import Backoff, RetryState

__all__ = ["RoundRobin"]


class RoundRobin:
    """Decides which channel is next. It has no clock and no gateway; the caller passes the time."""

    def __init__(self, channels: Iterable[str], *, backoff: Backoff, random: Random) -> None:
        self._order = list(dict.fromkeys(channels))
        self._backoff = backoff
        self._random = random
        self._failures: dict[str, RetryState] = {}

    def follow(self, channels: Sequence[str]) -> None:
        """Set the channels that take part. New channels come first."""
        new = [channel for channel in channels if channel not in self._order]
        self._order = [*new, *(channel for channel in self._order if channel in channels)]
        self._failures = {c: failure for c, failure in self._failures.items() if c in channels}

    def next(self, candidates: Collection[str], now_s: float) -> str | None:
        """Return the next of ``candidates`` and move it to the end of the order. None: all of them wait."""
        for channel in self._order:
            if channel in candidates and self._wait_s(channel, now_s) == 0:
                self._order.remove(channel)
                self._order.append(channel)
                return channel
        return None

    def wait_s(self, candidates: Iterable[str], now_s: float) -> float | None:
        """Return the seconds until one of ``candidates`` is ready. None: none of them takes part."""
        taking_part = (channel for channel in candidates if channel in self._order)
        return min((self._wait_s(channel, now_s) for channel in taking_part), default=None)

    def failed(self, channel: str, error: str, *, at: datetime, now_s: float) -> bool:
        """Let a channel wait, longer after each failure. Return whether its error has changed."""
        state = self._failures.setdefault(channel, RetryState(backoff=self._backoff, random=self._random))
        return state.failed(error, at=at, now_s=now_s)

    def succeeded(self, channel: str) -> None:
        """Record that a channel was read. It waits no longer."""
        self._failures.pop(channel, None)

    def failure(self, channel: str) -> RetryState | None:
        """Return the failure for which a channel waits, or None."""
        return self._failures.get(channel)

    def _wait_s(self, channel: str, now_s: float) -> float:
        failure = self._failures.get(channel)
        return failure.wait_s(now_s) if failure else 0.0
