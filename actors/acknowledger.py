"""Acknowledger: tells the gateway what of one channel is durable, and looks at it again where that is needed.

An actor beside the poller: an acknowledgement that hangs or fails holds up no poll and opens no breaker.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from random import Random

from actors.names import BACKFILL
from actors.shown.metrics import Metrics
from actors.shown.snapshots import AcknowledgerSnapshot
from actors.sources.acknowledgements import Acknowledgements, Done, Round
from actors.sources.second_look import SecondLook, hull_of, looks_for
from actors.sources.source import InFlightBatch, Source
from engine.actor import handles
from engine.backoff import Backoff, RetryState
from engine.messages import Acknowledge, Acknowledged, BatchCommitted, CheckHistory, Tick
from engine.model import SourceMessage
from engine.spec import Context
from storage.errors import GatewayRateLimitedError, StorageError
from storage.gateway.client import GatewayClient
from storage.postgres.known import KnownMessages
from storage.postgres.second_looks import SecondLooks

__all__ = ["Acknowledger"]

BACKOFF = Backoff(first_s=1.0, cap_s=30.0)
#: how often is looked for what a daemon that died has left to be looked at
ADOPT_EVERY_S = 30.0
#: beyond so many looks one reading of the whole span is less work
MANY_LOOKS = 50


class Acknowledger(Source):
    """Acknowledges what its poller gives it; what a second look finds it delivers itself."""

    def __init__(
        self,
        context: Context,
        *,
        channel: str,
        poller: str,
        gateway: GatewayClient,
        looks: SecondLooks,
        known: KnownMessages,
        metrics: Metrics,
        random: Random,
    ) -> None:
        super().__init__(context, metrics=metrics)
        self._channel = channel
        self._poller = poller
        self._gateway = gateway
        self._store = looks
        self._known = known
        self._acks = Acknowledgements(channel, gateway)
        self._ack_retry = RetryState(backoff=BACKOFF, random=random)
        self._look_retry = RetryState(backoff=BACKOFF, random=random)
        #: whether the gateway compares what it marks with what we read; None until it has answered
        self._compares: bool | None = None
        #: the look owed for these rows stands in the database, so that our death does not undo it
        self._promised: set[str] = set()
        self._looks: deque[SecondLook] = deque()
        self._adopted_once = False

    def _open(self) -> None:
        self.tick_later("adopt", 0)
        self._publish()

    def _close(self) -> None:
        self._gateway.close()  # the next generation connects anew; of a channel that was removed there is none

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        match tick.purpose:
            case "acknowledge":
                self._acknowledge(number=None)
            case "look":
                self._look()
            case "adopt":
                self._adopt()
            case _:
                super()._on_tick(tick)

    # ── acknowledging ────────────────────────────────────────────────────────

    @handles(Acknowledge)
    def _on_acknowledge(self, command: Acknowledge) -> None:
        self._acks.add(command.messages)
        self._acknowledge(number=command.number, insist=command.insist)

    def _acknowledge(self, *, number: int | None, insist: bool = False) -> None:
        """Send what is owed unless a back-off is under way, and tell the poller what came of it."""
        wait_s = 0.0 if insist else self._ack_retry.wait_s(self.clock.monotonic_s())
        quiet_s = 0.0
        if self._acks.owed and wait_s <= 0:
            try:
                self._promise()
                result = self._acks.send()
            except StorageError as error:
                quiet_s = error.retry_after_s if isinstance(error, GatewayRateLimitedError) else 0.0
                self._ack_failed(error, delay_s=quiet_s or None)
            else:
                self._ack_went_well(result)
        if self._acks.owed:
            self.tick_later("acknowledge", self._ack_retry.wait_s(self.clock.monotonic_s()))
        done = self._acks.take_done()
        self._take_note(done)
        if number is not None or done.rows:
            answer = Acknowledged(number=number, messages=tuple(done.rows), edited=done.left, quiet_s=quiet_s)
            self.send(self._poller, answer)
        self._publish()
        self._look()

    def _ack_went_well(self, result: Round) -> None:
        self._ack_retry.succeeded()
        self.metrics.acknowledgements.labels(self._channel, "ok").inc()
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

    def _ack_failed(self, error: StorageError, *, delay_s: float | None) -> None:
        self.metrics.acknowledgements.labels(self._channel, "failed").inc()
        self._ack_retry.failed(
            str(error), at=self.clock.now(), now_s=self.clock.monotonic_s(), delay_s=delay_s
        )
        self.log.warning("acknowledgement.failed", error=str(error), owed=self._acks.owed)

    # ── the second look ──────────────────────────────────────────────────────

    def _promise(self) -> None:
        """Have it stand in the database that these rows are to be looked at, before the gateway marks them."""
        rows = [row for row in self._acks.rows if row.gateway_id not in self._promised]
        if self._compares or not rows:
            return
        if (hull := hull_of(rows)) is not None:
            self._store.promise(self._channel, *hull)
        self._promised.update(row.gateway_id for row in rows)

    def _take_note(self, done: Done) -> None:
        if not done.rows:
            return
        self._compares = done.compares
        if done.left:
            self.log.info("acknowledgement.left", reason="edited since it was read")
        if not done.compares:
            self._looks.extend(looks_for(self._channel, done.rows))
            if len(self._looks) > MANY_LOOKS:
                whole = SecondLook(
                    channel=self._channel,
                    since=min(look.since for look in self._looks),
                    until=max(look.until for look in self._looks),
                )
                # adopted ones stay by themselves: their promise is not ours to end
                self._looks = deque([*(look for look in self._looks if look.owner), whole])

    def _adopt(self) -> None:
        """Take over looks that daemons have promised and did not live to make."""
        self.tick_later("adopt", ADOPT_EVERY_S)
        try:
            promises = self._store.promised(self._channel)
        except StorageError as error:
            self.log.debug("second_look.adopting_failed", error=str(error))
            self.tick_later("adopt", 1.0)
            return
        under_way = {look.owner for look in self._looks}
        for promise in promises:
            if promise.own and not self._adopted_once:
                self._promised.add("of an earlier life")
            # at our start all are looked at: our own of an earlier life too, and that of one killed just now
            if (promise.orphaned or not self._adopted_once) and promise.owner not in under_way:
                self._looks.append(
                    SecondLook(
                        channel=self._channel,
                        since=promise.since,
                        until=promise.until,
                        owner=promise.owner if promise.orphaned else None,
                    )
                )
        self._adopted_once = True
        self._look()

    def _look(self) -> None:
        """Read a page of what is to be looked at, unless a batch is under way; the next tick reads on."""
        if not self.idle:
            return
        if (wait_s := self._look_retry.wait_s(self.clock.monotonic_s())) > 0:
            self.tick_later("look", wait_s)
            return
        try:
            if self._looks:
                self._look_at(self._looks[0])
            elif self._promised and not self._acks.owed:
                self._store.keep(self._channel)
                self._promised.clear()
        except StorageError as error:
            delay_s = error.retry_after_s if isinstance(error, GatewayRateLimitedError) else None
            now_s = self.clock.monotonic_s()
            self._look_retry.failed(str(error), at=self.clock.now(), now_s=now_s, delay_s=delay_s)
            self.log.warning("second_look.failed", error=str(error))
            self.tick_later("look", self._look_retry.wait_s(now_s))
        else:
            self._look_retry.succeeded()
        self._publish()

    def _look_at(self, look: SecondLook) -> None:
        reading = look.reading
        wanted = reading.next_page
        page = self._gateway.history(
            self._channel, offset=wanted.offset, limit=wanted.limit, since=look.since, until=look.until
        )
        rows = reading.accept(page.messages, page.total)
        news = self._news(look.differing(rows))
        if news:
            self.log.warning("second_look.found", count=len(news))
            self.deliver(self._channel, news)
            return
        # a page that the reading stepped back from is asked for again; none of its rows counts as looked at
        self._page_done(look, last=reading.complete or (bool(rows) and len(page.messages) < wanted.limit))

    def _news(self, rows: Sequence[SourceMessage]) -> Sequence[SourceMessage]:
        return self._known.missing(rows) if rows else ()

    def _page_done(self, look: SecondLook, *, last: bool) -> None:
        look.reading.committed()
        if last:
            if look.owner is not None:
                self._store.settle(self._channel, look.owner)
            self._looks.popleft()
        if self._looks or self._promised:
            self.tick_later("look", 0)

    def on_committed(self, flight: InFlightBatch, committed: BatchCommitted) -> None:
        """Count what the look found. It is marked at the gateway, or the poller finds it too."""
        self._looks[0].read.update((message.gateway_id, message) for message in flight.messages)
        self.metrics.history_found.labels(self._channel).inc(committed.new)
        self.log.info("second_look.delivered", batch_id=flight.batch_id, new=committed.new)

    def fetch_next(self) -> None:
        """Read the same page once more: what was found in it is known now."""
        self._look()

    # ── showing ──────────────────────────────────────────────────────────────

    def _publish(self) -> None:
        acks, looks = self._ack_retry, self._look_retry
        if acks.error is not None:
            failure, words = acks, "acknowledgements fail"
        else:
            failure, words = looks, "what was acknowledged cannot be looked at again"
        self.publish(
            AcknowledgerSnapshot(
                channel=self._channel,
                owed=self._acks.owed,
                looks=len(self._looks),
                error=f"{words}: {failure.error}" if failure.error is not None else None,
                failures=failure.failures,
                failing_since=failure.since,
            )
        )
