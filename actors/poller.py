"""Poller: asks the gateway for one channel's new messages. When they are durable, it asks for their acknowledgement.

It owns the circuit breaker, which judges polls only. ``actors/acknowledger.py`` sends the acknowledgements.
"""

from __future__ import annotations

from collections.abc import Sequence

from actors.shown.lag import lag_s
from actors.shown.metrics import Metrics
from actors.shown.snapshots import PollState
from actors.sources.cover import Cover
from actors.sources.held import Held
from actors.sources.poll_record import PollPolicy, PollRecord
from actors.sources.rereads import Rereads
from actors.sources.source import InFlightBatch, Source
from engine.actor import handles
from engine.breaker import Breaker, BreakerPolicy, BreakerState
from engine.messages import (
    Acknowledge,
    Acknowledged,
    Answered,
    BatchCommitted,
    GenerationRaised,
    PollNow,
    Tick,
)
from engine.model import ChannelMessage, SourceMessage
from engine.spec import Context
from storage.errors import GatewayError, GatewayRateLimitedError
from storage.gateway.client import GatewayClient

__all__ = ["PollPolicy", "Poller"]

#: the gateway returns at most so many messages at once
MAX_PAGE = 10_000
#: how often it asks for messages to reread
REPROCESS_EVERY_S = 60.0


class Poller(Source):
    """The source of one channel's new messages."""

    def __init__(
        self,
        context: Context,
        *,
        channel: str,
        acknowledger: str,
        gateway: GatewayClient,
        policy: PollPolicy,
        breaker: BreakerPolicy,
        metrics: Metrics,
    ) -> None:
        super().__init__(context, metrics=metrics)
        self._channel = channel
        self._gateway = gateway
        self._policy = policy
        self._breaker = Breaker(breaker)
        self._shown_breaker = BreakerState.CLOSED
        self._acknowledger = acknowledger
        self._held, self._cover = Held(), Cover(context.services.snapshots)
        self._acknowledgements = 0
        #: the number of the ``Acknowledge`` that has no answer yet
        self._awaited: int | None = None
        self._insisted = False
        self._page_was_full = self._poll_requested = False
        #: the doorbell that has rung and waits for an answer
        self._doorbell: str | None = None
        self._rereads = Rereads()
        self._poll_began_s = self._quiet_until_s = 0.0
        self._record = PollRecord(channel)
        metrics.begin_channel(channel)

    def _open(self) -> None:
        self.log.info(
            "poller.started",
            message="HTTP Mode: Gateway polling worker started",
            channel=self._channel,
            interval_s=self._policy.interval_s,
            batch_size=self._policy.batch_size,
        )
        self.tick_later("poll", 0)
        # Soon: an earlier generation may have acknowledged an edit that it had not read.
        self.tick_later("reprocess", min(REPROCESS_EVERY_S, self._policy.interval_s))
        self._publish()

    def _close(self) -> None:
        self._gateway.close()  # the next generation opens its own connection; a removed channel has none

    # ── polling ──────────────────────────────────────────────────────────────
    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        match tick.purpose:
            case "poll":
                wait_s = self._cover.wait_s(self._poll_began_s, self.clock.monotonic_s())
                if not wait_s or self._polls_at_once:
                    self._poll()
                else:
                    self._poll_later(wait_s)
                    self._publish()
            case "reprocess":
                self._rereads.due = True
                self.tick_later("reprocess", REPROCESS_EVERY_S)
                self._poll()
            case _:
                super()._on_tick(tick)

    @handles(PollNow)
    def _on_poll_now(self, ring: PollNow) -> None:
        self._doorbell = ring.doorbell or self._doorbell
        now_s = self.clock.monotonic_s()
        if not self.idle or self._awaited is not None:
            self._poll_requested = True  # its message may not be in the page that is in flight
        elif (
            all(map(self._held.holds, ring.messages))
            or self._quiet_until_s > now_s
            or self._breaker.state(now_s) is not BreakerState.CLOSED
        ):
            self._poll()
        else:
            self._fetched(ring.messages, full=ring.full, reread=False)

    def _poll(self) -> None:
        if not self.idle:
            return
        quiet_s = self._quiet_until_s - self.clock.monotonic_s()
        if quiet_s > 0 or (quiet_s := self._gateway.wait_s()) > 0:
            # A ring does not permit a call earlier than the gateway's quota for all channels.
            self._record.may_ask_s = self.clock.monotonic_s() + quiet_s
            self._publish()
            self._poll_later(quiet_s)
            return
        self._poll_began_s = self.clock.monotonic_s()
        self._record.last_poll_at = self.clock.now()
        self._poll_requested = False
        permit = self._breaker.ask(self.clock.monotonic_s())
        self._show_breaker()
        if permit is None:
            self._ended(PollState.REJECTED)
            self._poll_later(
                min(self._policy.interval_s, max(0.05, self._breaker.wait_s(self.clock.monotonic_s())))
            )
            return
        reread = self._rereads.take_turn()
        limit = min(MAX_PAGE, self._policy.batch_size + len(self._held))
        try:
            with self.metrics.poll_seconds.time():
                messages = self._gateway.unprocessed(self._channel, limit=limit, reprocess=reread)
        except GatewayRateLimitedError as error:
            # A rate limit is no outage, so the breaker does not count it. The poller waits as long as it says.
            self._breaker.dropped(permit)
            self._quiet_until_s = self.clock.monotonic_s() + error.retry_after_s
            self._failed(error)
            self._poll_later(error.retry_after_s)
            return
        except GatewayError as error:
            self._breaker.failed(permit, self.clock.monotonic_s())
            self._failed(error)
            self._poll_later(self._policy.interval_s)
            return
        self._breaker.succeeded(permit, self.clock.monotonic_s())
        self._record.telegram_session = self._gateway.telegram_session
        if reread:
            self._rereads.read(messages, full=len(messages) >= limit)
        else:
            self._record.asked_s = self._poll_began_s
        self._fetched(messages, full=len(messages) >= limit, reread=reread)

    def _fetched(self, messages: Sequence[SourceMessage], *, full: bool, reread: bool) -> None:
        news = messages if reread else [m for m in messages if not self._held.holds(m)]
        self._record.succeeded(messages, at=self.clock.now())
        self._page_was_full = (full or reread) and bool(news)
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
            self._answer_doorbell()
            self._cover.found(0)
            self._ended(PollState.EMPTY)
            self._poll_later(0 if self._rereads.due else self._rest_s)

    def fetch_next(self) -> None:
        """Poll at once after a full page, a ring or a reprocess request; otherwise when the interval is over.

        Before the acknowledgement is answered the gateway would only list the same messages again. So the poller
        waits for the answer, but no longer than the interval.
        """
        if self._polls_at_once and self._awaited is None:
            self._poll_later(0)
        else:
            self._poll_later(self._rest_s)

    @property
    def _rest_s(self) -> float:
        """The rest of the interval, which runs from the begin of a poll to the begin of the next one."""
        return self._policy.interval_s - (self.clock.monotonic_s() - self._poll_began_s)

    @property
    def _polls_at_once(self) -> bool:
        return self._page_was_full or self._poll_requested or self._rereads.due

    # ── acknowledging ────────────────────────────────────────────────────────

    def on_committed(self, flight: InFlightBatch, committed: BatchCommitted) -> None:
        """Ask for the acknowledgement of a durable batch."""
        self._held.add(flight.messages)
        self._cover.found(committed.new if not flight.reread else 0)
        received = [m.received_at for m in flight.messages if isinstance(m, ChannelMessage)]
        if received and not flight.reread:
            self._record.lag_s = lag_s(max(received), channel=self._channel, services=self.context.services)
        self.log.info(
            "batch.committed",
            batch_id=flight.batch_id,
            new=committed.new,
            duplicates=committed.duplicates,
            signals=committed.signals,
            duration_ms=round((self.clock.monotonic_s() - flight.since_s) * 1000),
        )
        if not committed.new:
            # the gateway lists what it has marked, so a prompt answer would ring again at once
            self._doorbell = None
        self._have_acknowledged(flight.messages)

    def _answer_doorbell(self) -> None:
        """Have the doorbell listen again, once the gateway lists nothing that is held here."""
        if self._doorbell is not None and not self._held:
            self.send(self._doorbell, Answered())
            self._doorbell = None

    def _have_acknowledged(self, messages: Sequence[SourceMessage], *, insist: bool = False) -> None:
        self._acknowledgements += 1
        command = Acknowledge(number=self._acknowledgements, messages=tuple(messages), insist=insist)
        # An acknowledger that is down receives all held messages when it has restarted.
        self._awaited = command.number if self.send(self._acknowledger, command) else None
        self._publish()

    @handles(Acknowledged)
    def _on_acknowledged(self, answer: Acknowledged) -> None:
        self._held.release(answer.messages)
        if answer.quiet_s:
            self._quiet_until_s = self.clock.monotonic_s() + answer.quiet_s
        if answer.edited:
            # The gateway lists the new text, as an unprocessed message or as one to reread.
            self._poll_requested = self._rereads.due = True
        if answer.number is not None and answer.number == self._awaited:
            self._awaited = None
        self._answer_doorbell()
        self._publish()
        if self.draining:
            if self.flight is None:
                self._finish()
        elif self.idle and self._awaited is None and self._polls_at_once:
            self._poll_later(0)

    @handles(GenerationRaised)
    def _on_generation_raised(self, news: GenerationRaised) -> None:
        if news.name != self._acknowledger:
            super()._on_generation_raised(news)
        elif self._held:
            self._have_acknowledged(self._held.rows)

    def _finish(self) -> None:
        """Report the end of the drain when the acknowledger has answered. It first retries what it still owes."""
        if self._held and self._awaited is None and not self._insisted:
            self._insisted = True
            self._have_acknowledged((), insist=True)
        if self._awaited is None:
            super()._finish()

    def finish(self) -> int:
        """Return how many messages the gateway will return again."""
        self._publish()
        return len(self._held)

    # ── showing ──────────────────────────────────────────────────────────────

    def _failed(self, error: GatewayError) -> None:
        if self._record.failed(error, at=self.clock.now()):
            self.log.warning("poll.failed", error=str(error), kind=type(error).__name__)
        self._ended(PollState.FAILED)

    def _ended(self, state: PollState) -> None:
        self._record.state = state
        self.metrics.polls.labels(self._channel, state.value).inc()
        self._show_breaker()
        self._publish()

    def _poll_later(self, delay_s: float) -> None:
        self.tick_later("poll", max(0.0, delay_s))

    def _show_breaker(self) -> None:
        state = self._breaker.state(self.clock.monotonic_s())
        if state is self._shown_breaker:
            return
        self._shown_breaker = state
        self.metrics.breaker_transitions.labels(self._channel, state.value).inc()
        words = "opened" if state is BreakerState.OPEN else state.value
        log = self.log.warning if state is BreakerState.OPEN else self.log.info
        log(
            "breaker.changed", message=f"Circuit breaker {words}", state=state.value, error=self._record.error
        )

    def _publish(self) -> None:
        now_s, unacknowledged = self.clock.monotonic_s(), len(self._held)
        in_flight = len(self.flight.messages) if self.flight else 0
        self._record.covered = self._cover.holds(now_s)
        self.publish(
            self._record.snapshot(self._breaker, now_s, in_flight=in_flight, unacknowledged=unacknowledged)
        )
