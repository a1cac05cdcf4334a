"""``GET /summary``: counted anew when something was committed, and the last counts in an outage."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import cast

import pytest
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from actors.shown.health_report import Finding, HealthReport, Inputs, Status
from actors.shown.snapshots import CacheSnapshot
from engine.snapshot import Snapshots
from ops.http.kit.problems import BadRequestError
from ops.http.routes.summary import SummaryParameters, SummaryReader, summary_operations
from storage.errors import DatabaseUnavailableError
from storage.postgres.summary import DayCount, Summaries, Summary, SummaryQuery
from tests.support.clock import FakeClock

SUMMARY = Summary(
    since=datetime(2026, 11, 23, tzinfo=UTC),
    until=None,
    days=(DayCount(day=date(2026, 11, 23), buy=1, sell=0),),
    outcomes={"open": 1},
    messages={"signal": 1},
    types={"Swing Trade": 1},
    assets={"PETR4": 1},
    newest_message_at=None,
)


class Counting:
    """Stands for :class:`Summaries`: tells how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[SummaryQuery] = []
        self.away = False

    def read(self, query: SummaryQuery) -> Summary:
        self.asked.append(query)
        if self.away:
            raise DatabaseUnavailableError("gone")
        return replace(SUMMARY, outcomes={"open": len(self.asked)})


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def snapshots(clock: FakeClock) -> Snapshots:
    snapshots = Snapshots(clock)
    snapshots.publish("cache", CacheSnapshot(commit_number=1, error=None))
    return snapshots


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def reader(counting: Counting, snapshots: Snapshots, clock: FakeClock) -> SummaryReader:
    return SummaryReader(summaries=cast("Summaries", counting), snapshots=snapshots, clock=clock)


def database_is(snapshots: Snapshots, clock: FakeClock, status: Status) -> None:
    finding = Finding(status=status, cause="gone", since=clock.now())
    # of the report nothing but this finding is looked at
    report = HealthReport(
        status=status, ready=False, findings={"timescaledb": finding}, inputs=cast("Inputs", None)
    )
    snapshots.publish("health", report)


def test_counts_are_kept_until_the_next_commit(
    reader: SummaryReader, counting: Counting, snapshots: Snapshots, clock: FakeClock
) -> None:
    reader.read(SummaryQuery(days=30, zone="UTC"))
    clock.advance(30)
    assert reader.read(SummaryQuery(days=30, zone="UTC")) == (replace(SUMMARY, outcomes={"open": 1}), None)
    snapshots.publish("cache", CacheSnapshot(commit_number=2, error=None))
    assert reader.read(SummaryQuery(days=30, zone="UTC"))[0].outcomes == {"open": 2}
    # the day changes without a commit, too
    clock.advance(61)
    assert reader.read(SummaryQuery(days=30, zone="UTC"))[0].outcomes == {"open": 3}


def test_a_burst_of_commits_is_counted_once_a_second(
    reader: SummaryReader, counting: Counting, snapshots: Snapshots, clock: FakeClock
) -> None:
    for number in range(10):
        snapshots.publish("cache", CacheSnapshot(commit_number=number, error=None))
        reader.read(SummaryQuery(days=30, zone="UTC"))
        clock.advance(0.25)
    assert len(counting.asked) == 3


def test_each_question_has_counts_of_its_own_and_few_are_kept(
    reader: SummaryReader, counting: Counting
) -> None:
    for days in range(1, 41):
        reader.read(SummaryQuery(days=days, zone="UTC"))
    reader.read(SummaryQuery(days=40, zone="UTC"))
    assert len(counting.asked) == 40
    reader.read(SummaryQuery(days=1, zone="UTC"))
    assert counting.asked[-1].days == 1


def test_in_an_outage_the_last_counts_are_told_with_their_age(
    reader: SummaryReader, counting: Counting, snapshots: Snapshots, clock: FakeClock
) -> None:
    counting.away = True
    with pytest.raises(DatabaseUnavailableError):
        reader.read(SummaryQuery(days=30, zone="UTC"))
    counting.away = False
    reader.read(SummaryQuery(days=30, zone="UTC"))
    asked = len(counting.asked)
    counting.away = True
    clock.advance(70)
    assert reader.read(SummaryQuery(days=30, zone="UTC"))[1] == 70  # found by asking
    database_is(snapshots, clock, Status.UNHEALTHY)
    clock.advance(10)
    assert reader.read(SummaryQuery(days=30, zone="UTC"))[1] == 80  # known, and not asked again
    assert len(counting.asked) == asked + 1
    clock.advance(90_000)
    with pytest.raises(DatabaseUnavailableError):
        reader.read(SummaryQuery(days=30, zone="UTC"))


def test_stale_counts_say_so_in_their_headers_too(
    reader: SummaryReader, counting: Counting, clock: FakeClock
) -> None:
    (operation,) = summary_operations(reader, UTC)

    async def ask() -> Response:
        return await operation.handler(
            Request({"type": "http", "method": "GET", "query_string": b"", "headers": []})
        )

    fresh = asyncio.run(ask())
    assert not {"Age", "X-Stale-Seconds"} & {name.title() for name in fresh.headers}
    counting.away = True
    clock.advance(70)
    stale = asyncio.run(ask())
    assert (stale.headers["Age"], stale.headers["X-Stale-Seconds"]) == ("70", "70")


@pytest.mark.parametrize(
    "query", ["days=0", "days=91", "days=x", "tz=;drop", "tz=1", "zone=UTC", "days=1&days=2", "days="]
)
def test_what_cannot_be_used_is_refused(query: str) -> None:
    with pytest.raises(BadRequestError):
        SummaryParameters.read(QueryParams(query))


def test_an_empty_question_asks_for_thirty_days_of_utc() -> None:
    asked = SummaryParameters.read(QueryParams("tz="))
    assert (asked.days, asked.tz) == (30, "UTC")
