"""Leases of jobs: one daemon holds each, until the database's clock says that it ended."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from storage.postgres.daemons import Daemons, daemons_at_work
from storage.postgres.database import Database
from storage.postgres.leases import JobLeases

pytestmark = pytest.mark.every_way

Ask = Callable[..., list[dict[str, Any]]]
JOBS = frozenset({"poller", "backfill", "maintenance"})


@pytest.fixture
def first(database: Database) -> JobLeases:
    return JobLeases(database, daemon_id="a")


@pytest.fixture
def second(database: Database) -> JobLeases:
    return JobLeases(database, daemon_id="b")


def test_who_comes_first_holds_all_and_keeps_them(first: JobLeases, second: JobLeases) -> None:
    assert first.take(JOBS) == JOBS
    assert second.take(JOBS) == frozenset()
    assert first.take(JOBS) == JOBS


def test_what_was_given_back_is_taken_at_once(first: JobLeases, second: JobLeases) -> None:
    first.take(JOBS)
    first.give_back()
    assert second.take(JOBS) == JOBS
    second.give_back()
    first.give_back()
    assert first.take({"poller"}) == {"poller"}
    assert second.take(JOBS) == JOBS - {"poller"}


def test_a_lease_ends_by_the_databases_clock_and_its_former_holder_hears_of_it(
    first: JobLeases, second: JobLeases, ask: Ask
) -> None:
    first.take(JOBS)
    ask("update leases set until = now() - interval '1 ms' where job = 'poller'")
    assert second.take(JOBS) == {"poller"}
    assert first.take(JOBS) == JOBS - {"poller"}


def test_a_lease_that_ended_and_that_nobody_took_goes_on(first: JobLeases, ask: Ask) -> None:
    first.take(JOBS)
    (before,) = ask("select max(since) as since from leases")
    ask("update leases set until = now() - interval '1 hour'")
    assert first.take(JOBS) == JOBS
    assert ask("select max(since) as since from leases") == [before]


def test_of_many_that_ask_at_once_each_job_has_one(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda n: JobLeases(database, daemon_id=f"{n}").take(JOBS), range(8)))
    assert sorted(job for held in taken for job in held) == sorted(JOBS)


def test_who_does_what_is_told_and_what_nobody_does(database: Database, first: JobLeases) -> None:
    reading = Daemons(database, daemon_id="a", place="host pid 1", role="ingest")
    serving = Daemons(database, daemon_id="b", place="host pid 2", role="serve")
    reading.beat()
    serving.beat()
    assert serving.undone(JOBS) == tuple(sorted(JOBS))
    first.take({"poller"})
    assert serving.undone(JOBS) == ("backfill", "maintenance")
    shown = [(one.place, one.role, one.jobs) for one in daemons_at_work(database, JOBS)]
    assert shown == [("host pid 1", "ingest", ("poller",)), ("host pid 2", "serve", ())]
    Daemons(database, daemon_id="c", place="host pid 3").beat()
    assert serving.undone(JOBS) == ()
    everything = daemons_at_work(database, JOBS)[0]
    assert (everything.role, everything.jobs) == ("all", tuple(sorted(JOBS)))
