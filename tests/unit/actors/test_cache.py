"""The cache: its generation is the newest commit, and late news does not turn it back."""

from __future__ import annotations

from typing import cast

import structlog

from actors.cache import LOOK_EVERY_S, Cache, page_key
from actors.names import BELL, STREAM
from actors.shown.snapshots import CacheSnapshot
from engine.messages import CommitRung, CommitSeen, PageBuilt, SignalsCommitted
from ops.http.routes.pages import last_good_key
from storage.errors import DatabaseUnavailableError, RedisUnavailableError, StorageError
from storage.pages import MemoryPages
from storage.postgres.ledger import Ledger
from tests.support.recording import World

TTL_S = 60.0


class FakeLedger:
    def __init__(self) -> None:
        self.number = 5
        self.told: int | None = None  # by a server that is behind
        self.down: StorageError | None = None

    def commit_number(self) -> int:
        if self.down is not None:
            raise self.down
        return self.number if self.told is None else self.told

    def certain_number(self) -> int:
        if self.down is not None:
            raise self.down
        return self.number


class FakePages:
    level = "fake"

    def __init__(self) -> None:
        self.pages: dict[str, tuple[bytes, float]] = {}
        self.down: RedisUnavailableError | None = None

    def get(self, key: str) -> bytes | None:
        raise NotImplementedError

    def put(self, key: str, page: bytes, *, ttl_s: float) -> None:
        if self.down is not None:
            raise self.down
        self.pages[key] = (page, ttl_s)


class Caching(World):
    """A cache with its page store and the database's number."""

    def __init__(self, *, rings: bool = False) -> None:
        super().__init__()
        self.ledger, self.pages = FakeLedger(), FakePages()
        self.memory = MemoryPages(self.clock)
        self.cache = Cache(
            self.context("cache"),
            ledger=cast("Ledger", self.ledger),
            pages=self.pages,
            memory=self.memory,
            ttl_s=TTL_S,
            metrics=self.metrics,
            rings=rings,
        )
        self.cache.on_start()

    def committed(self, number: int) -> None:
        self.cache.on_receive(SignalsCommitted(commit_number=number, signals=1))

    def built(self, number: int = 5, body: bytes = b"page") -> None:
        self.cache.on_receive(PageBuilt(query="limit=100", commit_number=number, body=body))

    @property
    def snapshot(self) -> CacheSnapshot:
        return self.shown("cache", CacheSnapshot)


def test_the_generation_is_unknown_until_the_database_has_told() -> None:
    caching = Caching()
    assert caching.snapshot == CacheSnapshot(commit_number=None, error=None)
    caching.advance(0, caching.cache)
    assert caching.snapshot.commit_number == 5


def test_a_commit_raises_the_generation_at_once() -> None:
    caching = Caching()
    caching.committed(7)
    assert caching.snapshot.commit_number == 7


def test_the_stream_is_told_of_each_new_number_and_of_nothing_else() -> None:
    caching = Caching()
    stream = caching.recorder(STREAM)
    for number in (7, 7, 6, 8):
        caching.committed(number)
    caching.advance(0, caching.cache)
    caching.advance(LOOK_EVERY_S, caching.cache)
    assert stream.taken() == [
        CommitSeen(commit_number=7),
        CommitSeen(commit_number=8),
        CommitSeen(commit_number=5, set_back=True),
    ]


def test_a_set_back_that_a_commit_has_overtaken_before_the_look_is_seen_by_its_news() -> None:
    """Number 12 follows number 8, so number 9 is lost."""
    caching = Caching()
    stream = caching.recorder(STREAM)
    for number, after in ((7, 6), (6, 5), (9, 7), (12, 8)):
        caching.cache.on_receive(SignalsCommitted(commit_number=number, signals=1, after=after))
    assert stream.taken() == [
        CommitSeen(commit_number=7),
        CommitSeen(commit_number=9),
        CommitSeen(commit_number=12, set_back=True),
    ]


def test_a_commit_that_changes_no_signal_raises_nothing_but_tells_of_a_set_back() -> None:
    caching = Caching()
    caching.committed(7)
    for number, after, known in ((8, 7, 7), (9, 6, 9)):
        news = SignalsCommitted(commit_number=number, signals=0, after=after, changed=False)
        caching.cache.on_receive(news)
        assert caching.snapshot.commit_number == known


def test_late_news_does_not_turn_the_generation_back() -> None:
    caching = Caching()
    for number in (7, 6, 7, 1):
        caching.committed(number)
    assert caching.snapshot.commit_number == 7


def test_commits_whose_news_was_lost_are_seen_each_second() -> None:
    caching = Caching()
    caching.advance(0, caching.cache)
    caching.ledger.number = 9
    caching.advance(LOOK_EVERY_S, caching.cache)
    assert caching.snapshot.commit_number == 9


def test_a_database_restored_from_a_backup_counts_from_its_own_number() -> None:
    caching = Caching()
    caching.committed(700)
    caching.advance(0, caching.cache)
    assert caching.snapshot.commit_number == 5


def test_a_database_that_is_away_leaves_the_generation_and_the_looking_goes_on() -> None:
    caching = Caching()
    caching.advance(0, caching.cache)
    caching.ledger.down = DatabaseUnavailableError("down")
    caching.advance(30, caching.cache)
    assert caching.snapshot.commit_number == 5
    caching.ledger.down, caching.ledger.number = None, 6
    caching.advance(LOOK_EVERY_S, caching.cache)
    assert caching.snapshot.commit_number == 6


def test_a_page_is_kept_under_its_own_generation() -> None:
    caching = Caching()
    caching.committed(6)
    caching.built(number=5)
    assert caching.pages.pages == {page_key("limit=100", 5): (b"page", TTL_S)}


def test_a_page_of_a_commit_that_nobody_told_makes_the_cache_look() -> None:
    caching = Caching()
    caching.committed(5)
    caching.ledger.number = 6
    caching.built(number=5)
    assert caching.snapshot.commit_number == 5
    caching.built(number=6)
    assert caching.snapshot.commit_number == 6


def test_a_page_store_that_is_away_is_shown() -> None:
    caching = Caching()
    caching.pages.down = RedisUnavailableError("READONLY")
    with structlog.testing.capture_logs() as logs:
        caching.built()
        caching.built()
    assert [log["event"] for log in logs] == ["cache.write_failed"]
    assert caching.snapshot.error == "READONLY"
    caching.pages.down = None
    caching.built()
    assert caching.snapshot.error is None
    assert caching.count("tpcapital_cache_writes_total", result="failed") == 2


def test_that_pages_are_taken_again_is_found_out_without_one() -> None:
    caching = Caching()
    caching.pages.down = RedisUnavailableError("master: it did not answer in time")
    caching.advance(0, caching.cache)
    caching.built()
    caching.advance(LOOK_EVERY_S, caching.cache)
    assert caching.snapshot.error == "master: it did not answer in time"
    caching.pages.down = None
    caching.advance(LOOK_EVERY_S, caching.cache)
    assert caching.snapshot.error is None
    trials = len(caching.pages.pages)
    caching.pages.pages.clear()
    caching.advance(5 * LOOK_EVERY_S, caching.cache)
    assert (trials, caching.pages.pages) == (1, {}), "what is well is not tried"


def test_fault_86_an_earlier_number_of_a_standby_that_is_behind_sets_nothing_back() -> None:
    caching = Caching()
    caching.advance(0, caching.cache)
    caching.ledger.told = 3
    caching.advance(LOOK_EVERY_S, caching.cache)
    assert caching.snapshot.commit_number == 5
    caching.ledger.told = None
    caching.ledger.number = 3  # restored from a backup
    caching.advance(LOOK_EVERY_S, caching.cache)
    assert caching.snapshot.commit_number == 3


def test_fault_91_a_new_commit_forgets_the_pages_of_the_former_and_keeps_the_day_copies() -> None:
    caching = Caching()
    caching.advance(0, caching.cache)
    caching.memory.put(page_key("limit=100", 5), b"page", ttl_s=TTL_S)
    caching.memory.put(last_good_key("limit=100"), b"page", ttl_s=TTL_S)
    caching.committed(6)
    assert caching.memory.get(page_key("limit=100", 5)) is None
    assert caching.memory.get(last_good_key("limit=100")) == b"page"


def test_a_ring_of_another_process_makes_it_look_and_is_not_believed() -> None:
    caching = Caching()
    caching.advance(0, caching.cache)
    stream = caching.recorder(STREAM)
    caching.ledger.number = 7
    caching.cache.on_receive(CommitRung(commit_number=99))
    assert stream.taken() == [CommitSeen(commit_number=7)]
    caching.ledger.down = DatabaseUnavailableError("connection refused")
    caching.cache.on_receive(CommitRung(commit_number=6))  # known: nobody is asked
    caching.cache.on_receive(CommitRung(commit_number=8))
    assert stream.taken() == []


def test_only_commits_of_this_process_are_told_to_others() -> None:
    caching = Caching(rings=True)
    bell = caching.recorder(BELL)
    caching.advance(0, caching.cache)
    caching.cache.on_receive(CommitRung(commit_number=6))
    assert bell.taken() == []
    caching.ledger.number = 8
    caching.committed(8)
    assert bell.taken() == [CommitSeen(commit_number=8)]
    caching.committed(8)
    assert bell.taken() == []
