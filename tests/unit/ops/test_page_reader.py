"""What the reader of pages hands on and keeps, without a database."""

from __future__ import annotations

from actors.shown.health_report import Status
from ops.http.routes.pages import LAST_GOOD_S, MOST_WAITING
from ops.http.server.guard import GuardPolicy
from ops.http.server.hosts import ServedHosts
from ops.http.server.keys import KeyRing
from storage.pages import MemoryPages
from tests.support.clock import FakeClock
from tests.support.ready import ReadyWorld

POLICY = GuardPolicy(
    hosts=ServedHosts(loopback=True, allowed=()),
    keys=KeyRing([]),
    allow_open=False,
    read_key_required=False,
    origins=(),
)


class Reading(ReadyWorld):
    """A daemon whose store is apart from its memory, and which knows commit 5."""

    def __init__(self, *answers: str | None) -> None:
        self.answers, self.newest = list(answers), 5
        clock = FakeClock()
        super().__init__(
            POLICY,
            lambda *_: self.answers.pop(0),
            clock=clock,
            pages=MemoryPages(clock),
            newest=lambda: self.newest,
        )
        self.knows(5)


def test_pages_that_the_cache_cannot_store_in_time_do_not_wait_in_its_mailbox() -> None:
    world = Reading("one", "two")
    world.waiting = MOST_WAITING
    assert world.ask("/signals").status == 200
    assert world.pages.size_bytes == 0  # type: ignore[attr-defined]  # the store of this test counts
    assert world.count("tpcapital_cache_writes_total", result="skipped") == 1
    world.waiting = MOST_WAITING - 1
    assert world.ask("/signals?limit=7").status == 200
    assert world.pages.size_bytes > 0  # type: ignore[attr-defined]
    assert world.count("tpcapital_cache_writes_total", result="skipped") == 1


def test_a_page_of_a_commit_that_nobody_told_is_kept_for_that_commit_alone() -> None:
    world = Reading("lost", "kept", "new")
    world.newest = 6
    assert world.ask().headers["x-cache"] == "database"
    world.newest = 5  # a failover has lost the commit, and nobody knows that there was one
    again = world.ask()
    assert (b"kept" in again.body, again.headers["x-cache"]) == (True, "database")
    assert b"kept" in world.ask().body
    world.newest = 7
    world.knows(7)
    assert b"new" in world.ask().body


def test_fault_13_the_last_good_page_is_kept_for_a_day_though_the_cache_was_too_busy_for_it() -> None:
    world = Reading("good", None, None)
    world.waiting = MOST_WAITING
    world.ask("/signals")
    world.database_is(Status.UNHEALTHY)
    world.clock.advance(LAST_GOOD_S - 1)
    world.database_is(Status.UNHEALTHY)
    stale = world.ask("/signals")
    assert (stale.status, stale.headers["x-cache"]) == (200, "stale")
    world.clock.advance(2)
    world.database_is(Status.UNHEALTHY)
    assert world.ask("/signals").status == 503


def test_while_health_knows_that_the_database_is_away_no_reader_waits_for_it() -> None:
    world = Reading("good")
    world.waiting = MOST_WAITING
    world.ask("/signals")
    world.database_is(Status.UNHEALTHY)
    # A build would find no answer here and fail.
    stale = world.ask("/signals")
    assert (stale.status, stale.headers["x-cache"]) == (200, "stale")
    world.answers.append("new")
    world.database_is(Status.HEALTHY)
    assert world.ask("/signals").headers["x-cache"] == "database"
