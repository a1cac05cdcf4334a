"""The announcer between its position and the broker: what is confirmed moves the position, and nothing moves it back."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from actors.announcer import Announcer
from actors.names import ANNOUNCER, CACHE
from actors.shown.event_log import Position
from actors.shown.snapshots import AnnouncerSnapshot, CacheSnapshot
from engine.messages import CommitSeen
from ops.events.cloud_events import CloudEvents
from storage.broker.values import Outgoing
from storage.errors import BrokerError
from storage.postgres.feed_positions import FeedPosition
from tests.support.recording import World


class Feed:
    """Positions, signals, channels and broker in memory. ``commits`` have one removed signal each."""

    def __init__(self) -> None:
        self.position = FeedPosition(number=10, id=Position.end_of(10).id, channels={})
        self.commits = list(range(1, 16))
        self.published: list[str] = []
        self.away = False

    def begin(self) -> FeedPosition:
        return self.position

    def move(self, before: FeedPosition, after: FeedPosition) -> bool:
        if self.position == before:
            self.position = after
            return True
        return False

    def committed(self, *, after: tuple[int, int], upto: int, limit: int) -> Any:
        numbers = [number for number in self.commits if after < (number, 1) and number <= upto][:limit]
        return SimpleNamespace(rows=numbers, reached=None)

    def load(self) -> tuple[()]:
        return ()

    def of_change(self, number: int) -> Outgoing:
        return Outgoing(routing_key=str(number), body=b"")

    def publish(self, messages: list[Outgoing]) -> None:
        if self.away:
            raise BrokerError("the broker is away")
        self.published += [message.routing_key for message in messages]

    def close(self) -> None:
        """Nothing is open."""


class Announcing(World):
    def __init__(self) -> None:
        super().__init__()
        self.feed = Feed()
        parts = dict.fromkeys(("positions", "signals", "channels", "publisher", "forms"), self.feed)
        self.announcer = Announcer(self.context(ANNOUNCER), random=Random(1), **cast("Any", parts))
        self.announcer.on_start()

    def see(self, number: int) -> None:
        """Let the cache see a commit and tell of it."""
        self.snapshots.publish(CACHE, CacheSnapshot(commit_number=number, error=None))
        self.announcer.on_receive(CommitSeen(commit_number=number))


@pytest.fixture
def world() -> Announcing:
    return Announcing()


def test_what_comes_after_the_position_is_published_once(world: Announcing) -> None:
    world.see(12)
    world.see(12)
    assert world.feed.published == ["11", "12"]
    assert world.feed.position.number == 12


def test_a_cache_that_lags_behind_the_position_moves_nothing_back(world: Announcing) -> None:
    """As after another daemon has published: its events would be told twice, with other ids."""
    world.see(8)
    assert (world.feed.published, world.feed.position.number) == ([], 10)


def test_what_is_not_confirmed_does_not_move_the_position(world: Announcing) -> None:
    world.feed.away = True
    world.see(12)
    assert (world.feed.position.number, world.shown(ANNOUNCER, AnnouncerSnapshot).error) == (
        10,
        "the broker is away",
    )
    world.feed.away = False
    world.advance(30, world.announcer)
    assert (world.feed.published, world.feed.position.number) == (["11", "12"], 12)
    assert world.shown(ANNOUNCER, AnnouncerSnapshot).error is None


def test_who_was_overtaken_reads_the_position_anew(world: Announcing) -> None:
    world.see(11)
    world.feed.position = FeedPosition(number=13, id=Position.end_of(13).id, channels={})
    world.see(12)
    world.see(14)
    assert world.feed.published == ["11", "12", "14"]  # 12 twice in all, by both daemons, with one id
    assert world.feed.position.number == 14


def test_ids_are_places_in_the_order_of_commits() -> None:
    row = {"number": 9, "id": 1, "channel": "-1001", "message_id": "1", "position": 0}
    gone = {**row, "superseded_at": "2026-11-29", "replaced_by": 2}
    event = CloudEvents(database="signals", daemon="d").of_change(gone)
    assert b'"id":"9-1"' in event.body
