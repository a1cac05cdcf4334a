"""Poller: asks the gateway for one channel's new messages and acknowledges them once they are durable.

The circuit breaker is its state. Polling, acknowledging and the breaker never wait behind anything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

from actors.acknowledging import SPLITTABLE, Acknowledger
from actors.instruments import Instruments
from actors.lag import lag_s
from actors.rereads import Rereads
from actors.snapshots import PollerSnapshot, PollState
from actors.source import Flight, Source
from engine.actor import Context
from engine.backoff import Backoff
from engine.breaker import Breaker, BreakerPolicy, BreakerState
from engine.messages import BatchCommitted, CheckHistory, PollNow, Tick
from engine.model import ChannelMessage, SourceMessage
from storage.errors import (
    GatewayError,
    GatewayRateLimitedError,
    GatewayStatusError,
    GatewayUnauthorizedError,
)
from storage.gateway import GatewayClient

__all__ = ["BACKFILL", "PollPolicy", "Poller"]

BACKFILL = "backfill"
#: the gateway gives no more than this at once
MAX_PAGE = 10_000
#: how often messages are asked for that are to be read again
REPROCESS_EVERY_S = 60.0
#: between acknowledgements that the gateway refuses as a whole
ACK_BACKOFF = Backoff(first_s=1.0, cap_s=300.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PollPolicy:
    """How often and how much: ``interval_s`` seconds, ``batch_size`` messages."""

    interval_s: float
    batch_size: int


class Poller(Source):
    """The source of one channel's new messages."""

    def __init__(
        self,
        context: Context,
        *,
        channel: str,
        gateway: GatewayClient,
        policy: PollPolicy,
        breaker: BreakerPolicy,
        instruments: Instruments,
    ) -> None:
        super().__init__(context, instruments=instruments)
        self._channel = channel
        self._gateway = gateway
        self._policy = policy
        self._breaker = Breaker(breaker)
        self._shown_breaker = BreakerState.CLOSED
        self._acks = Acknowledger(channel, gateway)
        self._state = PollState.STARTING
        self._page_was_full = self._rung = False
        self._rereads = Rereads()
        self._poll_began_s = self._quiet_until_s = self._acks_quiet_until_s = 0.0
        self._acks_refused = 0
        self._random = Random()  # noqa: S311 - jitter, not cryptography
        self._last_poll_at: datetime | None = None
        self._last_success_at: datetime | None = None
        self._last_success_s: float | None = None
        self._newest_message_at: datetime | None = None
        self._lag_s: float | None = None
        self._error: str | None = None
        self._key_refused = False
        self._failing_since: datetime | None = None
        instruments.begin_channel(channel)

    def _open(self) -> None:
        self.log.info(
            "poller.started",
            message="HTTP Mode: Gateway polling worker started",
            channel=self._channel,
            interval_s=self._policy.interval_s,
            batch_size=self._policy.batch_size,
        )
        self.tick_later("poll", 0)
        self.tick_later("reprocess", REPROCESS_EVERY_S)
        self._publish()

    def _close(self) -> None:
        self._gateway.close()  # the next generation connects anew; of a channel that was removed there is none

    # ── polling ──────────────────────────────────────────────────────────────

    def _on_tick(self, tick: Tick) -> None:
        match tick.purpose:
            case "poll":
                self._poll()
            case "reprocess":
                self._rereads.due = True
                self.tick_later("reprocess", REPROCESS_EVERY_S)
                self._poll()
            case _:
                super()._on_tick(tick)

    def _on_poll_now(self, _: PollNow) -> None:
        if self.idle:
            self._poll()
        else:
            self._rung = True  # it may speak of a message that the page under way does not hold

    def _poll(self) -> None:
        if not self.idle:
            return
        self._acknowledge()
        quiet_s = self._quiet_until_s - self.clock.monotonic_s()
        if quiet_s > 0 or (quiet_s := self._gateway.wait_s()) > 0:
            self._poll_later(
                quiet_s
            )  # a ring is no reason to ask sooner than the gateway allows all channels
            return
        self._poll_began_s = self.clock.monotonic_s()
        self._last_poll_at = self.clock.now()
        self._rung = False
        permit = self._breaker.ask(self.clock.monotonic_s())
        self._show_breaker()
        if permit is None:
            self._ended(PollState.REJECTED)
            self._poll_later(
                min(self._policy.interval_s, max(0.05, self._breaker.wait_s(self.clock.monotonic_s())))
            )
            return
        reread = self._rereads.take_turn()
        limit = min(MAX_PAGE, self._policy.batch_size + self._acks.count)
        try:
            with self.instruments.poll_seconds.time():
                messages = self._gateway.unprocessed(self._channel, limit=limit, reprocess=reread)
        except GatewayRateLimitedError as error:
            # the gateway is well, we are too fast: no failure for the breaker, but its word is obeyed
            self._breaker.dropped(permit)
            self._keep_quiet(error)
            self._failed(error)
            self._poll_later(error.retry_after_s)
            return
        except GatewayError as error:
            self._breaker.failed(permit, self.clock.monotonic_s())
            self._failed(error)
            self._poll_later(self._policy.interval_s)
            return
        self._breaker.succeeded(permit, self.clock.monotonic_s())
        self._fetched(messages, full=len(messages) >= limit, reread=reread)

    def _fetched(self, messages: Sequence[SourceMessage], *, full: bool, reread: bool) -> None:
        if reread:
            self._rereads.read(messages, full=full)
        news = messages if reread else [m for m in messages if not self._acks.holds(m)]
        self._last_success_at = self.clock.now()
        self._last_success_s = self.clock.monotonic_s()
        self._error, self._key_refused, self._failing_since = None, False, None
        self._page_was_full = (full or reread) and bool(news)
        received = [m.received_at for m in messages if isinstance(m, ChannelMessage)]
        if received:
            self._newest_message_at = max([*received, self._newest_message_at or received[0]])
        if news:
            self._ended(PollState.MESSAGES)
            self.deliver(self._channel, news, reread=reread)
            assert self.flight is not None  # noqa: S101 - deliver has just set it
            self.log.info(
                "batch.fetched", message="Processing batch", count=len(news), batch_id=self.flight.batch_id
            )
            self._publish()
        elif reread:
            self._poll()
        else:
            self._ended(PollState.EMPTY)
            self._poll_later(0 if self._rereads.due else self._policy.interval_s)

    def proceed(self) -> None:
        """Poll at once after a full page, a ring or a reprocess; else when the interval is over."""
        if self._page_was_full or self._rung or self._rereads.due:
            self._poll_later(0)
        else:
            self._poll_later(self._policy.interval_s - (self.clock.monotonic_s() - self._poll_began_s))

    # ── acknowledging ────────────────────────────────────────────────────────

    def settled(self, flight: Flight, committed: BatchCommitted) -> None:
        """Acknowledge what has become durable."""
        self._acks.add(flight.messages)
        received = [m.received_at for m in flight.messages if isinstance(m, ChannelMessage)]
        if received and not flight.reread:
            self._lag_s = lag_s(max(received), channel=self._channel, services=self.context.services)
        self.log.info(
            "batch.committed",
            batch_id=flight.batch_id,
            new=committed.new,
            duplicates=committed.duplicates,
            signals=committed.signals,
            duration_ms=round((self.clock.monotonic_s() - flight.since_s) * 1000),
        )
        self._acknowledge()

    def finish(self) -> int:
        """Acknowledge once more before the stop."""
        self._acknowledge()
        self._publish()
        return self._acks.count

    def _acknowledge(self) -> None:
        """Repeat what is owed; a failure leaves it owed, the next poll tries again."""
        now_s = self.clock.monotonic_s()
        if not self._acks.owed or now_s < max(self._quiet_until_s, self._acks_quiet_until_s):
            return
        if self._breaker.state(now_s) is not BreakerState.CLOSED:
            return
        permit = self._breaker.ask(now_s)
        if permit is None:
            return
        try:
            result = self._acks.send()
        except GatewayRateLimitedError as error:
            self._breaker.dropped(permit)
            self._keep_quiet(error)
            self._note_ack_failure(error)
        except GatewayError as error:
            if isinstance(error, GatewayStatusError) and error.status in SPLITTABLE:
                # it speaks of the ids, not of the gateway's health: polling goes on, this waits its turn
                self._breaker.dropped(permit)
                self._acks_refused += 1
                delay_s = ACK_BACKOFF.delay_s(self._acks_refused, self._random)
                self._acks_quiet_until_s = now_s + delay_s
            else:
                self._breaker.failed(permit, self.clock.monotonic_s())
            self._note_ack_failure(error)
        else:
            self._acks_refused = 0
            self._breaker.succeeded(permit, self.clock.monotonic_s())
            self.instruments.acknowledgements.labels(self._channel, "ok").inc()
            if result.refused:
                self.log.error(
                    "acknowledgement.refused", ids=list(result.refused[:20]), count=len(result.refused)
                )
            if result.updated > result.requested:
                # the gateway matched by message id alone and marked another channel's messages too
                self.log.warning(
                    "acknowledgement.overreached", requested=result.requested, updated=result.updated
                )
                self.send(BACKFILL, CheckHistory(channel=self._channel, reason="acknowledgement overreached"))
        self._show_breaker()
        self._publish()

    def _keep_quiet(self, error: GatewayRateLimitedError) -> None:
        self._quiet_until_s = self.clock.monotonic_s() + error.retry_after_s

    def _note_ack_failure(self, error: GatewayError) -> None:
        self.instruments.acknowledgements.labels(self._channel, "failed").inc()
        self.log.warning("acknowledgement.failed", error=str(error), owed=self._acks.owed)

    # ── showing ──────────────────────────────────────────────────────────────

    def _failed(self, error: GatewayError) -> None:
        if self._failing_since is None or self._error != str(error):
            self.log.warning("poll.failed", error=str(error), kind=type(error).__name__)
        self._error = str(error)
        self._key_refused = isinstance(error, GatewayUnauthorizedError)
        self._failing_since = self._failing_since or self.clock.now()
        self._ended(PollState.FAILED)

    def _ended(self, state: PollState) -> None:
        self._state = state
        self.instruments.polls.labels(self._channel, state.value).inc()
        self._show_breaker()
        self._publish()

    def _poll_later(self, delay_s: float) -> None:
        self.tick_later("poll", max(0.0, delay_s))

    def _show_breaker(self) -> None:
        state = self._breaker.state(self.clock.monotonic_s())
        if state is self._shown_breaker:
            return
        self._shown_breaker = state
        self.instruments.breaker_transitions.labels(self._channel, state.value).inc()
        words = "opened" if state is BreakerState.OPEN else state.value
        log = self.log.warning if state is BreakerState.OPEN else self.log.info
        log("breaker.changed", message=f"Circuit breaker {words}", state=state.value, error=self._error)

    def _publish(self) -> None:
        now_s = self.clock.monotonic_s()
        calls, failures = self._breaker.counts(now_s)
        self.publish(
            PollerSnapshot(
                channel=self._channel,
                state=self._state,
                breaker=self._breaker.state(now_s),
                breaker_calls=calls,
                breaker_failures=failures,
                breaker_openings=self._breaker.openings,
                last_poll_at=self._last_poll_at,
                last_success_at=self._last_success_at,
                last_success_s=self._last_success_s,
                newest_message_at=self._newest_message_at,
                lag_s=self._lag_s,
                error=self._error,
                key_refused=self._key_refused,
                failing_since=self._failing_since,
                in_flight=len(self.flight.messages) if self.flight else 0,
                unacknowledged=self._acks.count,
            )
        )
