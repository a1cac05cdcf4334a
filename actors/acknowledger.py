"""Acknowledger: acknowledges durable messages of one channel at the gateway, and reads them once more where needed.

It is an actor separate from the poller. So an acknowledgement that hangs or fails delays no poll and opens no breaker.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from random import Random

from actors.names import BACKFILL
from actors.shown.metrics import Metrics
from actors.shown.snapshots import AcknowledgerSnapshot
from actors.sources.acknowledgements import Acknowledgements, Done, Round
from actors.sources.second_look import SecondLook, looks_for, span_of
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
#: how often it searches for second looks that a dead daemon has left
ADOPT_EVERY_S = 30.0
#: above this number, one look at the whole span is less work than many looks
MANY_LOOKS = 50


class Acknowledger(Source):
    """Acknowledges the messages that its poller sends. It delivers the messages that a second look finds."""

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
        #: whether the gateway compares the text it marks with the text we read; None until its first answer
        self._compares: bool | None = None
        #: rows whose second look is recorded in the database, so that it is made even if this daemon dies
        self._promised: set[str] = set()
        self._looks: deque[SecondLook] = deque()
        self._adopted_once = False

    def _open(self) -> None:
        self.tick_later("adopt", 0)
        self._publish()

    def _close(self) -> None:
        self._gateway.close()  # the next generation opens its own connection; a removed channel has none

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
        """Send the owed acknowledgements, unless a back-off is running, and report the result to the poller."""
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
                self._ack_succeeded(result)
        if self._acks.owed:
            self.tick_later("acknowledge", self._ack_retry.wait_s(self.clock.monotonic_s()))
        done = self._acks.take_done()
        self._add_looks(done)
        if number is not None or done.rows:
            answer = Acknowledged(number=number, messages=tuple(done.rows), edited=done.left, quiet_s=quiet_s)
            self.send(self._poller, answer)
        self._publish()
        self._look()

    def _ack_succeeded(self, result: Round) -> None:
        self._ack_retry.succeeded()
        self.metrics.acknowledgements.labels(self._channel, "ok").inc()
        if result.refused:
            self.log.error(
                "acknowledgement.refused", ids=list(result.refused[:20]), count=len(result.refused)
            )
        if result.updated > result.requested:
            # The gateway matched the message id only, and marked messages of another channel too.
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
        """Record in the database that the owed rows need a second look.

        It comes before the acknowledgement: if the daemon died between the two, no poll would show an edit that
        was marked with it. A gateway that compares texts needs no second look.
        """
        rows = [row for row in self._acks.rows if row.gateway_id not in self._promised]
        if self._compares or not rows:
            return
        if (span := span_of(rows)) is not None:
            self._store.promise(self._channel, *span)
        self._promised.update(row.gateway_id for row in rows)

    def _add_looks(self, done: Done) -> None:
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
                # An adopted look stays separate: its end deletes the promise of its own daemon only.
                self._looks = deque([*(look for look in self._looks if look.owner), whole])

    def _adopt(self) -> None:
        """Take over the looks that daemons promised but did not make before they died."""
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
                self._promised.add("from an earlier start")
            # The first time takes every promise: our own from an earlier start, and that of a daemon which was
            # killed so recently that its lease still runs. Only an orphaned promise is deleted afterwards.
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
        """Read one page of the first look, unless a batch is in flight. The next tick continues."""
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
        missing = self._missing(look.differing(rows))
        if missing:
            self.log.warning("second_look.found", count=len(missing))
            self.deliver(self._channel, missing)
            return
        # After a step back the page is fetched again, and none of its rows counts as read.
        self._page_done(look, last=reading.complete or (bool(rows) and len(page.messages) < wanted.limit))

    def _missing(self, rows: Sequence[SourceMessage]) -> Sequence[SourceMessage]:
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
        """Count what the look found. It needs no acknowledgement: it is marked already, or the poller finds it too."""
        self._looks[0].read.update((message.gateway_id, message) for message in flight.messages)
        self.metrics.history_found.labels(self._channel).inc(committed.new)
        self.log.info("second_look.delivered", batch_id=flight.batch_id, new=committed.new)

    def fetch_next(self) -> None:
        """Reread the same page. Its new messages are known now."""
        self._look()

    # ── showing ──────────────────────────────────────────────────────────────

    def _publish(self) -> None:
        acks, looks = self._ack_retry, self._look_retry
        if acks.error is not None:
            failure, words = acks, "acknowledgements fail"
        else:
            failure, words = looks, "acknowledged messages cannot be reread"
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
