"""The stream's reader: each commit is read once, what failed is read later, a restored database starts anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from actors.names import STREAM
from actors.shown.event_log import EventLog, LoggedEvent, Position, Reached
from actors.shown.snapshots import CacheSnapshot, StreamSnapshot
from actors.stream import LOOK_EVERY_S, PAGE_SIZE, Stream
from engine.messages import CommitSeen
from storage.errors import DatabaseUnavailableError, StorageError
from storage.postgres.signals import Changes, Signals
from tests.support.changes import first
from tests.support.recording import World


class FakeSignals:
    """Commits by number: how many signals each has."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.down: StorageError | None = None
        self.reads = 0

    def commit(self, number: int, signals: int = 1) -> None:
        self.rows += [{"number": number, "id": len(self.rows) + i + 1} for i in range(signals)]

    def committed(self, *, after: tuple[int, int], upto: int, limit: int) -> Changes:
        self.reads += 1
        if self.down is not None:
            raise self.down
        rows = [row for row in self.rows if after < (row["number"], row["id"]) and row["number"] <= upto]
        return first(rows, limit)


def event_of(row: Mapping[str, Any]) -> LoggedEvent:
    place = Position(row["number"], row["id"])
    return LoggedEvent(place=place, channel="", asset="", signal_type="", side="", frame=b"x")


class Streaming(World):
    def __init__(self, *, listened: bool = True) -> None:
        super().__init__()
        self.signals, self.event_log = FakeSignals(), EventLog()
        if listened:
            self.event_log.listen(lambda: None)
        self.stream = self.make()

    def make(self) -> Stream:
        stream = Stream(
            self.context(STREAM),
            signals=cast("Signals", self.signals),
            event_log=self.event_log,
            event_of=event_of,
        )
        stream.on_start()
        return stream

    def see(self, number: int) -> None:
        self.stream.on_receive(CommitSeen(commit_number=number))

    def places(self, after: int) -> list[tuple[int, int]]:
        part = self.event_log.after(Position.end_of(after), max_events=10_000)
        assert part.reached is Reached.WITHIN
        return [(event.place.number, event.place.id) for event in part.events]


def test_it_begins_at_the_newest_commit_and_reads_those_that_follow() -> None:
    world = Streaming()
    world.signals.commit(7)
    world.see(7)
    assert world.event_log.newest == Position.end_of(7)
    assert world.signals.reads == 0
    world.signals.commit(8, signals=2)
    world.signals.commit(9)
    world.see(9)
    assert world.places(7) == [(8, 2), (8, 3), (9, 4)]
    assert world.shown(STREAM, StreamSnapshot) == StreamSnapshot(commit_number=9, error=None)


def test_a_large_commit_is_read_in_pages() -> None:
    world = Streaming()
    world.see(1)
    world.signals.commit(2, signals=2 * PAGE_SIZE)
    world.see(2)
    assert len(world.places(1)) == 2 * PAGE_SIZE
    assert world.signals.reads == 3


def test_news_of_a_commit_that_was_read_is_not_read_again() -> None:
    world = Streaming()
    for number in (1, 2, 2):
        world.signals.commit(number)
        world.see(number)
    assert world.signals.reads == 1


def test_what_could_not_be_read_is_read_with_the_next_look() -> None:
    world = Streaming()
    world.see(1)
    world.signals.commit(2)
    world.signals.down = DatabaseUnavailableError("refused")
    world.see(2)
    assert world.shown(STREAM, StreamSnapshot).error == "refused"
    world.signals.down = None
    world.advance(LOOK_EVERY_S, world.stream)
    assert world.places(1) == [(2, 1)]
    assert world.shown(STREAM, StreamSnapshot).error is None


def test_nothing_is_read_while_nobody_listens() -> None:
    world = Streaming(listened=False)
    world.see(1)
    world.signals.commit(2)
    world.see(2)
    assert world.signals.reads == 0
    assert world.event_log.newest == Position.end_of(2)


def test_a_database_set_back_to_an_earlier_commit_starts_the_feed_anew() -> None:
    world = Streaming()
    world.see(9)
    world.see(5)
    assert world.event_log.newest == Position.end_of(5)
    assert world.event_log.after(Position.end_of(9), max_events=1).reached is Reached.AHEAD


def test_a_database_that_has_overtaken_its_lost_commits_starts_the_feed_anew_too() -> None:
    world = Streaming()
    world.see(9)
    turn = world.event_log.turn
    world.stream.on_receive(CommitSeen(commit_number=12, set_back=True))
    assert world.event_log.newest == Position.end_of(12)
    assert world.event_log.turn == turn + 1, "readers are told to read the list anew"


def test_the_next_generation_goes_on_where_the_feed_was() -> None:
    world = Streaming()
    world.see(1)
    world.signals.commit(2)
    world.snapshots.publish("cache", CacheSnapshot(commit_number=2, error=None))
    world.stream = world.make()
    world.advance(0, world.stream)
    assert world.places(1) == [(2, 1)]
