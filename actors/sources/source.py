"""Source: the base of all actors that bring messages in. It has at most one batch in flight.

A source sends ``MessagesFetched`` and waits for ``BatchCommitted``. The credit of one batch is the back-pressure of the
daemon: a slow database slows the fetching, and no mailbox fills up.

A batch ends in one of these ways. Several may happen to the same batch: the first one ends it, and an answer that
comes later is recognised as stale by its batch id.

* ``BatchCommitted``: the batch is durable.
* ``GenerationRaised`` of parser or writer: the batch was in a mailbox that is lost. Its messages are sent again one by
  one, to find the message that killed the actor. The old batch may have been committed all the same; the ledger then
  counts its messages as duplicates.
* the ``credit`` tick: nothing was heard for ``CREDIT_S``, and the messages are fetched again. ``BatchDelayed``
  postpones the tick while the writer retries. Otherwise each expiry in an outage would put one more copy into the
  writer's mailbox.
* the source itself restarts. Its batch ids contain its generation, so answers to its former self are stale too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from actors.names import PARSER, WRITER
from actors.shown.metrics import Metrics
from actors.sources.lease import may_work
from engine.actor import Actor, handles
from engine.messages import (
    BatchCommitted,
    BatchDelayed,
    Drain,
    Drained,
    GenerationRaised,
    MessagesFetched,
    Tick,
)
from engine.model import SourceMessage
from engine.spec import SUPERVISOR, Context

__all__ = ["CREDIT_S", "InFlightBatch", "Source"]

#: a batch counts as lost when nothing was heard of it for so long
CREDIT_S = 60.0
#: how often a source whose lease has ended looks whether it is to go on
LEASE_EVERY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlightBatch:
    """A batch in flight. ``suspect``: it holds one message, because an actor died with that message before."""

    batch_id: str
    channel: str
    messages: tuple[SourceMessage, ...]
    reread: bool
    suspect: bool
    since_s: float


class Source(Actor):
    """Base of the actors that bring messages in.

    A subclass calls :meth:`deliver` when :attr:`idle`. :meth:`on_committed` is called when the batch is durable, and
    :meth:`fetch_next` when the credit is back, whether the batch was committed or lost.
    """

    def __init__(self, context: Context, *, metrics: Metrics) -> None:
        super().__init__(context)
        self.metrics = metrics
        self.flight: InFlightBatch | None = None
        self.draining = False
        self._batches = 0
        self._suspects: deque[SourceMessage] = deque()
        self._suspect_origin: tuple[str, bool] = ("", False)

    # ── for subclasses ───────────────────────────────────────────────────────

    @property
    def idle(self) -> bool:
        """Whether the credit is free, and this daemon may do the work. If it may not, it looks again later."""
        if self.flight is not None or self._suspects or self.draining:
            return False
        if may_work(self.context.services.snapshots, self.context.name, self.clock.monotonic_s()):
            return True
        self.tick_later("lease", LEASE_EVERY_S)
        return False

    @property
    def partial(self) -> bool:
        """Whether messages of the last delivered batch remain to be sent one by one."""
        return bool(self._suspects)

    def deliver(self, channel: str, messages: Sequence[SourceMessage], *, reread: bool = False) -> None:
        """Send a batch, which takes the only credit."""
        self._send(channel, tuple(messages), reread=reread, suspect=False, unread=False)

    def on_committed(self, flight: InFlightBatch, committed: BatchCommitted) -> None:
        """Record that ``flight`` is durable. Unless :attr:`partial`, so is the whole delivered batch."""
        raise NotImplementedError

    def fetch_next(self) -> None:
        """Continue after a batch has ended: fetch again, now or later."""
        raise NotImplementedError

    def finish(self) -> int:
        """Finish the work before the stop. Return how many messages stay unacknowledged."""
        return 0

    # ── the life of a batch ──────────────────────────────────────────────────

    @handles(BatchCommitted)
    def _on_batch_committed(self, committed: BatchCommitted) -> None:
        flight = self.flight
        if flight is None or flight.batch_id != committed.batch_id:
            self.metrics.stale_control.inc()
            return
        self.cancel_tick("credit")
        self.flight = None
        self.on_committed(flight, committed)
        self._after_flight()

    @handles(BatchDelayed)
    def _on_batch_delayed(self, delayed: BatchDelayed) -> None:
        if self.flight is None or self.flight.batch_id != delayed.batch_id:
            self.metrics.stale_control.inc()
            return
        self.tick_later("credit", CREDIT_S + delayed.retry_in_s)

    @handles(GenerationRaised)
    def _on_generation_raised(self, news: GenerationRaised) -> None:
        """Send the messages one by one after parser or writer died: the batch is lost and may be the cause."""
        if news.name not in (PARSER, WRITER) or self.flight is None:
            return
        flight, self.flight = self.flight, None
        self.cancel_tick("credit")
        self.log.warning(
            "batch.lost", batch_id=flight.batch_id, cause=f"{news.name} died", count=len(flight.messages)
        )
        if flight.suspect:
            # An actor died again with only this message. It becomes a dead letter unread, so that no message can
            # restart the daemon for ever.
            self._send(flight.channel, flight.messages, reread=flight.reread, suspect=True, unread=True)
        else:
            self._suspects.extend(flight.messages)
            self._suspect_origin = (flight.channel, flight.reread)
            self._after_flight()

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose == "lease" and self.idle:
            self.fetch_next()
        elif tick.purpose == "credit" and self.flight is not None:
            self.log.warning(
                "batch.lost",
                batch_id=self.flight.batch_id,
                cause="no answer in time",
                count=len(self.flight.messages),
            )
            self.flight = None
            # The other suspects are dropped too. If they were sent, the lost message would be skipped. So the
            # subclass fetches all of them again.
            self._suspects.clear()
            self._after_flight()

    @handles(Drain)
    def _on_drain(self, _: Drain) -> None:
        self.draining = True
        self._suspects.clear()  # they are not acknowledged, so they are fetched again after the restart
        if self.flight is None:
            self._finish()

    def _after_flight(self) -> None:
        if self.draining:
            self._finish()
        elif self._suspects:
            channel, reread = self._suspect_origin
            self._send(channel, (self._suspects.popleft(),), reread=reread, suspect=True, unread=False)
        else:
            self.fetch_next()

    def _finish(self) -> None:
        drained = Drained(
            name=self.context.name, generation=self.context.generation, unacknowledged=self.finish()
        )
        self.send(SUPERVISOR, drained)

    def _send(
        self, channel: str, messages: tuple[SourceMessage, ...], *, reread: bool, suspect: bool, unread: bool
    ) -> None:
        self._batches += 1
        self.flight = InFlightBatch(
            batch_id=f"{self.context.name}-{self.context.generation}-{self._batches}",
            channel=channel,
            messages=messages,
            reread=reread,
            suspect=suspect,
            since_s=self.clock.monotonic_s(),
        )
        self.tick_later("credit", CREDIT_S)
        self.send(
            PARSER,
            MessagesFetched(
                batch_id=self.flight.batch_id,
                source=self.context.name,
                channel=channel,
                messages=messages,
                reread=reread,
                unread=unread,
            ),
        )
