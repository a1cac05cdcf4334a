"""Consumer: the source of messages that come through the broker. Several daemons may share its queue.

A message is acknowledged to the broker after its batch is durable. What is delivered and not acknowledged when a
connection ends is delivered again, to this consumer or to another one; the ledger then knows it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice, takewhile
from random import Random
from typing import TYPE_CHECKING

import pykka

from actors.names import ACKNOWLEDGER, CHANNELS, WRITER, of_channel
from actors.shown.metrics import Metrics
from actors.shown.snapshots import ChannelsSnapshot, ConsumerSnapshot, WriterSnapshot
from actors.sources.source import InFlightBatch, Source
from engine.actor import handles
from engine.backoff import Backoff, RetryState
from engine.breaker import Breaker, BreakerPolicy, Permit
from engine.messages import Acknowledge, BatchCommitted, ConnectionLost, MessagesDelivered, QueueSeen, Tick
from engine.model import ChannelMessage, SourceMessage
from engine.spec import Context
from storage.broker.values import Delivery, QueueState
from storage.errors import BrokerError
from storage.gateway.messages import decode_body

if TYPE_CHECKING:
    from storage.broker.reader import Listener, QueueReader

__all__ = ["MANY_CHANNELS", "Consumer"]

LOOK_EVERY_S = 1.0
#: a connection that shows no life for so long is given up
SILENT_S = 15.0
#: While the database is away, messages are held for so long. Then they go back, and nothing is read until it is there
#: again: RabbitMQ closes the channel of a consumer that holds a message for half an hour
HELD_S = 240.0
#: the channel of a batch that may hold messages of several channels
MANY_CHANNELS = "*"
#: the status of a message that is to be reread
_REREAD = "reprocess_pending"
BACKOFF = Backoff(first_s=0.5, cap_s=5.0)


class Consumer(Source):
    """Reads the queue over one connection at a time. The breaker holds for connecting.

    ``connect`` makes a reader that tells what it hears to a listener. ``now`` returns the database's time.
    """

    def __init__(
        self,
        context: Context,
        *,
        connect: Callable[[Listener], QueueReader],
        now: Callable[[], datetime | None],
        batch_size: int,
        breaker: BreakerPolicy,
        metrics: Metrics,
        random: Random,
    ) -> None:
        super().__init__(context, metrics=metrics)
        self._connect = connect
        self._now = now
        self._batch_size = batch_size
        self._breaker = Breaker(breaker)
        self._permit: Permit | None = None
        self._retry = RetryState(backoff=BACKOFF, random=random)
        self._reader: QueueReader | None = None
        #: the number of the present connection. What an earlier one says is stale, and so are its tags
        self._line = 0
        self._line_of_flight = 0
        self._began_s = 0.0
        #: what was delivered and is not durable, in the order of the queue; the batch in flight is its beginning
        self._pending: deque[tuple[int, SourceMessage]] = deque()
        self._bound: set[str] = set()
        #: durable messages that are not yet marked at the gateway, by channel
        self._unmarked: defaultdict[str, list[SourceMessage]] = defaultdict(list)
        self._held_back = False
        self._well_at_s: float | None = None
        self._queue: QueueSeen | None = None

    def _open(self) -> None:
        self.tick_later("look", 0)

    def _close(self) -> None:
        if self._reader is not None:
            # the last acknowledgements are sent before the process ends
            self._reader.close(wait_s=1.0)

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose == "look":
            self.tick_later("look", LOOK_EVERY_S)
            self._look()
        else:
            super()._on_tick(tick)

    # ── the connection ───────────────────────────────────────────────────────

    def _look(self) -> None:
        """Connect, or judge the present connection. Then mark what has become durable since the last look."""
        now_s = self.clock.monotonic_s()
        if self._reader is None:
            self._begin(now_s)
        elif now_s - max(self._began_s, self._well_at_s or 0.0) > SILENT_S:
            self._lose(f"the broker gave no answer for {SILENT_S:g} s")
        elif self.flight is not None and now_s - self.flight.since_s > HELD_S:
            self._held_back = True
            self._lose("messages went back: the database is away")
        else:
            self._follow_channels()
        self._mark()
        self._publish()

    def _begin(self, now_s: float) -> None:
        """Open a connection if everything permits it."""
        writer = self.context.services.snapshots.read(WRITER, WriterSnapshot)
        if self.draining or writer is None or not writer.value.schema_ready or self._retry.wait_s(now_s) > 0:
            return
        if self._channels() is None:
            return  # a queue that is not bound gets nothing, and nobody would notice
        if self._held_back and writer.value.error is not None:
            return
        self._permit = self._breaker.ask(now_s)
        if self._permit is None:
            return
        self._held_back = False
        self._line, self._began_s = self._line + 1, now_s
        self._bound.clear()
        self._reader = self._connect(_Ears(self.actor_ref, self._line, self._now))
        self._reader.start()
        self._follow_channels()

    def _follow_channels(self) -> None:
        """Bind the queue to exactly the channels that are read."""
        channels = self._channels()
        if channels is None or self._reader is None:
            return
        self._reader.bind(channels - self._bound)
        self._reader.unbind(self._bound - channels)
        self._bound = set(channels)

    def _channels(self) -> frozenset[str] | None:
        shown = self.context.services.snapshots.read(CHANNELS, ChannelsSnapshot)
        return frozenset(entry.channel for entry in shown.value.channels) if shown is not None else None

    @handles(QueueSeen)
    def _on_queue_seen(self, seen: QueueSeen) -> None:
        if not self._is_present(seen.line):
            return
        now_s = self.clock.monotonic_s()
        self._well_at_s, self._queue = now_s, seen
        if self._permit is not None:
            self._breaker.succeeded(self._permit, now_s)
            self._permit = None
            self._retry.succeeded()
            self.log.info("broker.connected", waiting=seen.waiting, consumers=seen.consumers)
        self._publish()

    @handles(ConnectionLost)
    def _on_connection_lost(self, lost: ConnectionLost) -> None:
        if self._is_present(lost.line):
            self._lose(lost.error)
            self._publish()

    def _lose(self, error: str) -> None:
        """Give up the connection. The broker delivers again what was not acknowledged."""
        now_s = self.clock.monotonic_s()
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        if self._permit is not None:
            self._breaker.failed(self._permit, now_s)
            self._permit = None
        self._pending.clear()
        if self._retry.failed(error, at=self.clock.now(), now_s=now_s):
            self.log.warning("broker.lost", error=error)

    def _is_present(self, line: int) -> bool:
        present = self._reader is not None and line == self._line
        if not present:
            self.metrics.stale_control.inc()
        return present

    # ── messages ─────────────────────────────────────────────────────────────

    @handles(MessagesDelivered)
    def _on_messages_delivered(self, delivered: MessagesDelivered) -> None:
        if not self._is_present(delivered.line):
            return
        self._pending.extend(zip(delivered.tags, delivered.messages, strict=True))
        self._deliver_pending()

    def _deliver_pending(self) -> None:
        """Send what is pending, at most a batch. A message to reread goes in another batch than a new one."""
        if not self.idle or not self._pending:
            return
        reread = _is_reread(self._pending[0][1])
        alike = takewhile(lambda one: _is_reread(one[1]) == reread, self._pending)
        self._line_of_flight = self._line
        self.deliver(
            MANY_CHANNELS, [message for _, message in islice(alike, self._batch_size)], reread=reread
        )

    def on_committed(self, flight: InFlightBatch, committed: BatchCommitted) -> None:
        """Acknowledge durable messages to the broker, unless their connection is gone."""
        for message in flight.messages:
            self._unmarked[message.channel].append(message)
        self._held_back = False
        if self._reader is not None and self._line_of_flight == self._line:
            tags = [self._pending.popleft()[0] for _ in flight.messages]
            self._reader.acknowledge(tags[-1])
        self.log.info(
            "batch.committed",
            batch_id=flight.batch_id,
            new=committed.new,
            duplicates=committed.duplicates,
            signals=committed.signals,
            duration_ms=round((self.clock.monotonic_s() - flight.since_s) * 1000),
        )

    def fetch_next(self) -> None:
        """Send what has arrived meanwhile. It has waited long enough."""
        self._deliver_pending()

    def _mark(self) -> None:
        """Have durable messages marked at the gateway. Where that fails, polling reads them once more."""
        for channel, messages in self._unmarked.items():
            self.send(of_channel(ACKNOWLEDGER, channel), Acknowledge(number=None, messages=tuple(messages)))
        self._unmarked.clear()

    def finish(self) -> int:
        """Return how many messages the broker will deliver again."""
        self._mark()
        return len(self._pending)

    # ── showing ──────────────────────────────────────────────────────────────

    def _publish(self) -> None:
        now_s = self.clock.monotonic_s()
        self.publish(
            ConsumerSnapshot(
                connected=self._reader is not None and self._permit is None,
                well_at_s=self._well_at_s,
                held_back=self._held_back,
                breaker=self._breaker.state(now_s),
                error=self._retry.error,
                failing_since=self._retry.since,
                waiting=self._queue.waiting if self._queue else None,
                consumers=self._queue.consumers if self._queue else None,
                dead=self._queue.dead if self._queue else None,
                in_flight=len(self.flight.messages) if self.flight else 0,
            )
        )


@dataclass(frozen=True, slots=True)
class _Ears:
    """Tells the consumer what the reader of connection ``line`` hears. Messages are decoded in the reader's thread."""

    consumer: pykka.ActorRef[Consumer]
    line: int
    now: Callable[[], datetime | None]

    def delivered(self, deliveries: tuple[Delivery, ...]) -> None:
        now = self.now()
        messages = tuple(decode_body(one.body, channel=one.channel, now=now) for one in deliveries)
        self._tell(
            MessagesDelivered(line=self.line, tags=tuple(d.tag for d in deliveries), messages=messages)
        )

    def seen(self, state: QueueState) -> None:
        seen = QueueSeen(line=self.line, waiting=state.waiting, consumers=state.consumers, dead=state.dead)
        self._tell(seen)

    def lost(self, error: BrokerError) -> None:
        self._tell(ConnectionLost(line=self.line, error=str(error)))

    def _tell(self, message: object) -> None:
        # The next generation of a dead consumer opens a connection of its own.
        with suppress(pykka.ActorDeadError):
            self.consumer.tell(message)


def _is_reread(message: SourceMessage) -> bool:
    return isinstance(message, ChannelMessage) and message.status == _REREAD
