"""How a channel is polled, and what its polls have found so far, as its snapshot shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from actors.shown.snapshots import PollerSnapshot, PollState
from engine.breaker import Breaker
from engine.model import ChannelMessage, SourceMessage
from storage.errors import GatewayError, GatewayUnauthorizedError

__all__ = ["PollPolicy", "PollRecord"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PollPolicy:
    """How often and how much: ``interval_s`` seconds, ``batch_size`` messages."""

    interval_s: float
    batch_size: int


@dataclass(slots=True)
class PollRecord:
    """The values that :class:`PollerSnapshot` explains."""

    channel: str
    state: PollState = PollState.STARTING
    last_poll_at: datetime | None = None
    last_success_at: datetime | None = None
    asked_s: float | None = None
    may_ask_s: float = 0.0
    newest_message_at: datetime | None = None
    lag_s: float | None = None
    error: str | None = None
    key_refused: bool = False
    failing_since: datetime | None = None
    covered: bool = False
    telegram_session: str | None = None

    def succeeded(self, messages: Sequence[SourceMessage], *, at: datetime) -> None:
        """Record a successful poll."""
        self.last_success_at = at
        self.error, self.key_refused, self.failing_since = None, False, None
        received = [m.received_at for m in messages if isinstance(m, ChannelMessage)]
        if received:
            self.newest_message_at = max([*received, self.newest_message_at or received[0]])

    def failed(self, error: GatewayError, *, at: datetime) -> bool:
        """Record a failed poll. Return whether it failed for another reason than the one before."""
        is_news = self.failing_since is None or self.error != str(error)
        self.error = str(error)
        self.key_refused = isinstance(error, GatewayUnauthorizedError)
        self.failing_since = self.failing_since or at
        return is_news

    def snapshot(
        self, breaker: Breaker, now_s: float, *, in_flight: int, unacknowledged: int
    ) -> PollerSnapshot:
        """Return what the poller publishes."""
        calls, failures = breaker.counts(now_s)
        return PollerSnapshot(
            channel=self.channel,
            state=self.state,
            breaker=breaker.state(now_s),
            breaker_calls=calls,
            breaker_failures=failures,
            breaker_openings=breaker.openings,
            last_poll_at=self.last_poll_at,
            last_success_at=self.last_success_at,
            asked_s=self.asked_s,
            may_ask_s=self.may_ask_s,
            newest_message_at=self.newest_message_at,
            lag_s=self.lag_s,
            error=self.error,
            key_refused=self.key_refused,
            failing_since=self.failing_since,
            in_flight=in_flight,
            unacknowledged=unacknowledged,
            covered=self.covered,
            telegram_session=self.telegram_session,
        )
