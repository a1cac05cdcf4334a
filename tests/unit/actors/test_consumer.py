"""The consumer acknowledges what is durable and nothing else, and gives the rest back when it must."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from random import Random
from typing import cast

import pytest

from actors.consumer import HELD_S, MANY_CHANNELS, SILENT_S, Consumer
from actors.shown.snapshots import ChannelEntry, ChannelsSnapshot, ConsumerSnapshot, WriterSnapshot
from engine.breaker import BreakerPolicy, BreakerState
from engine.messages import (
    Acknowledge,
    BatchDelayed,
    ConnectionLost,
    Drain,
    Drained,
    MessagesDelivered,
    QueueSeen,
)
from engine.model import SourceMessage
from storage.broker.reader import Listener, QueueReader
from tests.support.clock import START
from tests.support.polling import SourceWorld
from tests.support.recording import message, messages

OTHER = "-1002"
BATCH_SIZE = 3


@dataclass
class FakeReader:
    """Records what it is asked for."""

    acknowledged: list[int] = field(default_factory=list)
    bound: set[str] = field(default_factory=set)
    closed: bool = False

    def start(self) -> None:
        """Begin nothing: the test says what the broker does."""

    def bind(self, channels: Iterable[str]) -> None:
        self.bound |= set(channels)

    def unbind(self, channels: Iterable[str]) -> None:
        self.bound -= set(channels)

    def acknowledge(self, tag: int) -> None:
        self.acknowledged.append(tag)

    def close(self, *, wait_s: float = 0.0) -> None:
        self.closed = True


class Consuming(SourceWorld):
    """A consumer, the readers that it has made, and the acknowledgers of two channels."""

    def __init__(self) -> None:
        super().__init__()
        self.acknowledgers = [self.recorder(f"acknowledger:{channel}") for channel in ("-1001", OTHER)]
        self.readers: list[FakeReader] = []
        self.show_writer()
        self.read_channels("-1001", OTHER)
        self.source = self.consumer = Consumer(
            self.context("consumer"),
            connect=self._connect,
            now=self.clock.now,
            batch_size=BATCH_SIZE,
            breaker=BreakerPolicy(minimum=5, reset_s=30.0),
            metrics=self.metrics,
            random=Random(1),
        )

    def _connect(self, _: Listener) -> QueueReader:
        self.readers.append(FakeReader())
        return cast("QueueReader", self.readers[-1])

    @property
    def reader(self) -> FakeReader:
        return self.readers[-1]

    def show_writer(self, error: str | None = None, *, ready: bool = True) -> None:
        snapshot = WriterSnapshot(
            schema_ready=ready,
            error=error,
            misconfigured=False,
            failing_since=None,
            waiting=0,
            last_commit_at=None,
            last_commit_number=0,
        )
        self.snapshots.publish("writer", snapshot)

    def read_channels(self, *channels: str) -> None:
        entries = (ChannelEntry(channel=c, label=None, source="api", added_at=START) for c in channels)
        self.snapshots.publish(
            "channels", ChannelsSnapshot(channels=tuple(entries), complete=True, error=None)
        )

    def connect(self) -> None:
        """Let the consumer open a connection, and the broker answer."""
        self.tick("look")
        self.see()

    def see(self, dead: int = 0) -> None:
        self.source.on_receive(QueueSeen(line=len(self.readers), waiting=0, consumers=1, dead=dead))

    def deliver(self, *rows: SourceMessage, line: int | None = None) -> None:
        """Deliver messages; the tag of each is its own number."""
        tags = tuple(int(row.message_id) for row in rows)
        self.source.on_receive(MessagesDelivered(line=line or len(self.readers), tags=tags, messages=rows))

    def lose_connection(self) -> None:
        self.source.on_receive(ConnectionLost(line=len(self.readers), error="the broker: gone"))

    @property
    def shown_state(self) -> ConsumerSnapshot:
        self.tick("look")
        return self.shown("consumer", ConsumerSnapshot)


@pytest.fixture
def world() -> Consuming:
    world = Consuming()
    world.connect()
    return world


def ids(rows: Iterable[SourceMessage]) -> list[str]:
    return [row.message_id for row in rows]


def test_a_batch_holds_the_messages_of_several_channels_and_is_acknowledged_when_durable(
    world: Consuming,
) -> None:
    world.deliver(message(1), message(2, channel=OTHER))
    batch = world.batch()
    assert (batch.source, batch.channel, ids(batch.messages)) == ("consumer", MANY_CHANNELS, ["1", "2"])
    assert world.reader.acknowledged == []
    world.commit(batch)
    assert world.reader.acknowledged == [2]


def test_one_batch_is_in_flight_and_the_next_one_is_full(world: Consuming) -> None:
    world.deliver(message(1))
    world.deliver(*messages(2, 3, 4, 5))
    first = world.batch()
    assert ids(first.messages) == ["1"]
    world.commit(first)
    second = world.batch()
    assert ids(second.messages) == ["2", "3", "4"]
    world.commit(second)
    assert world.reader.acknowledged == [1, 4]


def test_what_an_earlier_connection_delivered_is_not_acknowledged_on_the_next_one(world: Consuming) -> None:
    world.deliver(*messages(1, 2))
    batch = world.batch()
    world.lose_connection()
    world.advance(2.0, world.consumer)
    world.connect()
    world.deliver(*messages(1, 2))
    assert world.batches() == [], "the credit is still out"
    world.commit(batch)
    assert world.reader.acknowledged == []
    again = world.batch()
    assert ids(again.messages) == ["1", "2"]
    world.commit(again, new=0)
    assert world.reader.acknowledged == [2]


def test_what_a_former_connection_says_is_ignored(world: Consuming) -> None:
    world.lose_connection()
    world.advance(2.0, world.consumer)
    world.connect()
    world.deliver(message(1), line=1)
    world.source.on_receive(ConnectionLost(line=1, error="late"))
    assert world.batches() == []
    assert not world.reader.closed


def test_a_lost_batch_is_sent_again(world: Consuming) -> None:
    world.deliver(*messages(1, 2))
    world.batch()
    world.tick("credit")
    assert ids(world.batch().messages) == ["1", "2"]
    assert world.reader.acknowledged == []


def test_after_a_death_messages_go_one_by_one_and_each_is_acknowledged(world: Consuming) -> None:
    world.deliver(*messages(1, 2))
    world.batch()
    world.lose()
    world.commit(world.batch())
    assert world.reader.acknowledged == [1]
    world.batch()
    world.lose(generation=3)
    unread = world.batch()
    assert unread.unread
    world.commit(unread)
    assert world.reader.acknowledged == [1, 2]


def test_messages_to_reread_go_in_a_batch_of_their_own(world: Consuming) -> None:
    asked = replace(message(2), status="reprocess_pending")
    world.deliver(message(1), asked, message(3))
    kinds = []
    for _ in range(3):
        batch = world.batch()
        kinds.append((ids(batch.messages), batch.reread))
        world.commit(batch)
    assert kinds == [(["1"], False), (["2"], True), (["3"], False)]


def test_durable_messages_are_marked_at_the_gateway_in_batches_by_channel(world: Consuming) -> None:
    for number in (1, 2, 3):
        world.deliver(message(number, channel=OTHER if number == 2 else "-1001"))
        world.commit(world.batch())
    told = [acknowledger.taken() for acknowledger in world.acknowledgers]
    assert told == [[], []], "not one request for each message"
    world.tick("look")
    (first,), (second,) = [acknowledger.taken() for acknowledger in world.acknowledgers]
    assert isinstance(first, Acknowledge)
    assert isinstance(second, Acknowledge)
    assert (ids(first.messages), ids(second.messages)) == (["1", "3"], ["2"])
    world.tick("look")
    assert [acknowledger.taken() for acknowledger in world.acknowledgers] == [[], []]


def test_while_the_database_is_away_messages_are_held_and_then_go_back_once(world: Consuming) -> None:
    world.deliver(*messages(1, 2))
    batch = world.batch()

    def wait(seconds: float) -> None:
        world.advance(seconds, world.consumer)
        world.see()
        delayed = BatchDelayed(batch_id=batch.batch_id, channel=batch.channel, retry_in_s=5.0, cause="away")
        world.source.on_receive(delayed)

    world.show_writer("the database is away")
    for _ in range(int(HELD_S / 5) - 1):
        wait(5.0)
    assert not world.reader.closed
    wait(10.0)
    assert world.reader.closed
    assert world.shown_state.held_back
    world.advance(100.0, world.consumer)
    assert len(world.readers) == 1, "no message is fetched to be given back again"
    world.commit(batch)
    world.show_writer()
    world.advance(2.0, world.consumer)
    assert len(world.readers) == 2
    assert not world.shown_state.held_back


def test_nothing_is_read_before_the_schema_is_ready() -> None:
    world = Consuming()
    world.show_writer("the database is away", ready=False)
    world.tick("look")
    assert world.readers == []
    world.show_writer()
    world.tick("look")
    assert len(world.readers) == 1


def test_a_connection_is_made_when_the_channels_are_known() -> None:
    world = Consuming()
    world.snapshots.remove("channels")
    world.tick("look")
    assert world.readers == []
    world.read_channels("-1001")
    world.tick("look")
    assert world.reader.bound == {"-1001"}


def test_the_breaker_holds_for_connecting() -> None:
    world = Consuming()
    for _ in range(5):
        world.advance(8.0, world.consumer)
        world.tick("look")
        world.lose_connection()
    assert world.shown_state.breaker is BreakerState.OPEN
    assert len(world.readers) == 5
    world.advance(20.0, world.consumer)
    assert len(world.readers) == 5
    world.advance(12.0, world.consumer)
    assert len(world.readers) == 6
    world.see()
    after = world.shown_state
    assert (after.breaker, after.error) == (BreakerState.CLOSED, None)


def test_a_connection_that_shows_no_life_is_given_up(world: Consuming) -> None:
    world.advance(SILENT_S + 2.0, world.consumer)
    assert world.readers[0].closed
    error = world.shown_state.error
    assert error is not None
    assert "no answer" in error


def test_the_queue_is_bound_to_the_channels_that_are_read(world: Consuming) -> None:
    assert world.reader.bound == {"-1001", OTHER}
    world.read_channels("-1001", "-1003")
    world.tick("look")
    assert world.reader.bound == {"-1001", "-1003"}


def test_a_drained_consumer_sends_no_more_and_says_what_comes_again(world: Consuming) -> None:
    world.deliver(*messages(1))
    world.deliver(*messages(2, 3))
    batch = world.batch()
    world.source.on_receive(Drain())
    world.commit(batch)
    assert world.batches() == []
    assert world.reader.acknowledged == [1]
    (drained,) = (told for told in world.supervisor.taken() if isinstance(told, Drained))
    assert drained.unacknowledged == 2
    assert world.acknowledgers[0].taken(), "what is durable is marked before the stop"
