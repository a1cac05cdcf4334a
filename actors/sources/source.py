"""Source: the part that poller, backfill and dead letters share - one batch in flight, and its end.

A source says two things: it sends ``MessagesFetched`` and waits for ``BatchCommitted``. The credit of
one is the back-pressure of the whole daemon: a slow database slows the fetching, and nothing queues up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from actors.names import PARSER, WRITER
from actors.shown.metrics import Metrics
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

#: without news of it for so long, a batch counts as lost; the writer pushes this back while it retries
CREDIT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlightBatch:
    """A batch under way. ``suspect``: it is alone because an actor died with it before."""

    batch_id: str
    channel: str
    messages: tuple[SourceMessage, ...]
    reread: bool
    suspect: bool
    since_s: float


class Source(Actor):
    """Base of the actors that bring messages in.

    A subclass calls :meth:`deliver` when :attr:`idle`; it gets :meth:`settled` once the batch is durable
    and :meth:`proceed` when the credit is back, whether the batch was settled or lost on the way.
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
        """Whether a batch may be sent."""
        return self.flight is None and not self._suspects and not self.draining

    @property
    def partial(self) -> bool:
        """Whether more messages of the batch delivered last are to go, one by one."""
        return bool(self._suspects)

    def deliver(self, channel: str, messages: Sequence[SourceMessage], *, reread: bool = False) -> None:
        """Send a batch on its way; it takes the only credit."""
        self._send(channel, tuple(messages), reread=reread, suspect=False, unread=False)

    def on_committed(self, flight: InFlightBatch, committed: BatchCommitted) -> None:
        """Take note that every message of ``flight`` is durable; of what was delivered when not :attr:`partial`."""
        raise NotImplementedError

    def fetch_next(self) -> None:
        """Go on after a batch has ended: fetch again, now or later."""
        raise NotImplementedError

    def finish(self) -> int:
        """Do what is left before the stop; return how many messages stay unacknowledged."""
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
        """Go on after the parser or the writer died: what it held is gone, and may be what killed it."""
        if news.name not in (PARSER, WRITER) or self.flight is None:
            return
        flight, self.flight = self.flight, None
        self.cancel_tick("credit")
        self.log.warning(
            "batch.lost", batch_id=flight.batch_id, cause=f"{news.name} died", count=len(flight.messages)
        )
        if flight.suspect:
            # alone, it was there again when an actor died: no message restarts the daemon for ever
            self._send(flight.channel, flight.messages, reread=flight.reread, suspect=True, unread=True)
        else:
            self._suspects.extend(flight.messages)
            self._suspect_origin = (flight.channel, flight.reread)
            self._after_flight()

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose == "credit" and self.flight is not None:
            self.log.warning(
                "batch.lost", batch_id=self.flight.batch_id, cause="no news", count=len(self.flight.messages)
            )
            self.flight = None
            # not the next one: what was lost would be passed over; all of them are fetched again
            self._suspects.clear()
            self._after_flight()

    @handles(Drain)
    def _on_drain(self, _: Drain) -> None:
        self.draining = True
        self._suspects.clear()  # unacknowledged: they come again after the restart
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
