"""``GET /summary``: counts for the dashboard's charts. They are cached until the next commit and in an outage."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from actors.names import CACHE
from actors.shown.snapshots import CacheSnapshot
from engine.clock import Clock
from engine.snapshot import Snapshots
from ops.http.kit.answers import JSON, json_answer, stale_headers
from ops.http.kit.operations import Answer, Operation
from ops.http.kit.parameters import Whole
from ops.http.kit.problems import BadRequestError, Body, CamelBody, problem
from ops.http.routes.health import database_trouble
from ops.http.routes.query import SignalFilters, signal_query
from storage.errors import RowsRefusedError, StorageError
from storage.postgres.summary import Summaries, Summary, SummaryQuery

__all__ = ["SummaryBody", "SummaryParameters", "SummaryReader", "summary_operations"]

#: during a burst of commits, counts are at most this old
BURST_S = 1.0
#: without a commit, counts are refreshed after this time, because a new day may have begun
SAME_S = 60.0
#: in an outage, counts older than this are not shown
LAST_GOOD_S = 86_400.0
#: the most questions whose counts are cached
MOST_KEPT = 32

Counts = dict[str, int]


#: names of the time zone database, except those whose meaning differs between machines
_ZONES = frozenset(available_timezones() - {"Factory", "localtime", "posixrules"})


def _known(zone: str) -> str:
    if zone not in _ZONES:
        raise ValueError("must be a name from the time zone database, such as America/Sao_Paulo")
    return zone


class SummaryParameters(SignalFilters):
    """Selects the signals to count, by the filters of the list, and the time zone of the days."""

    never_empty = frozenset({"days"})

    days: Annotated[int, Whole(1, 90)] = Field(
        default=30, description="number of days up to today, or to `to`; not used with `from`"
    )
    tz: Annotated[str, AfterValidator(_known)] = Field(
        default="UTC",
        description="time zone of the days, by its name in the time zone database",
        examples=["America/Sao_Paulo", "UTC"],
    )


class SummaryDay(Body):
    """The signals of one day."""

    date: Annotated[date, Field(description="the day")]
    buy: int = Field(description="signals to buy")
    sell: int = Field(description="signals to sell")


class SummaryBody(CamelBody):
    """Counts of the signals that match, and of messages."""

    timezone: str = Field(description="time zone of the days")
    period_from: datetime = Field(description="signals and messages are counted from this instant on")
    period_to: datetime | None = Field(description="and up to this instant; null is without an end")
    signals: int = Field(description="all signals that match")
    days: list[SummaryDay] = Field(description="every day, oldest first")
    outcomes: Counts = Field(description="signals by status")
    types: Counts = Field(description="signals by `signal_type`")
    assets: Counts = Field(description="signals by asset; the 200 most frequent assets")
    messages: Counts = Field(
        description="messages received in this period, by outcome; only `channel` filters them"
    )
    newest_message_at: datetime | None = Field(description="when the newest of all messages was received")
    stale: bool | None = Field(
        default=None, description="the database is unavailable; these are the last counts"
    )
    stale_seconds: int | None = Field(default=None, description="age of earlier counts")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """Counts, the time when counting started, and the newest commit known at that time."""

    summary: Summary
    began_s: float
    commit_number: int | None


class SummaryReader:
    """Counts again after a commit. In an outage it returns the last counts with their age.

    Thread-safe: the lock guards only the cache. Two threads may count at the same time; the last result is kept.
    """

    def __init__(self, *, summaries: Summaries, snapshots: Snapshots, clock: Clock) -> None:
        self._summaries = summaries
        self._snapshots = snapshots
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[SummaryQuery, _Kept] = OrderedDict()

    def read(self, question: SummaryQuery) -> tuple[Summary, int | None]:
        """Return the counts and, in an outage, their age in seconds.

        Raises:
            RowsRefusedError: the time zone is unknown.
            StorageError: the database cannot be read, and no such counts are cached.
        """
        # read before counting: if a commit happens meanwhile, the next request counts again
        cache = self._snapshots.read(CACHE, CacheSnapshot)
        commit_number = cache.value.commit_number if cache else None
        now_s = self._clock.monotonic_s()
        with self._lock:
            kept = self._kept.get(question)
        if kept is not None and now_s - kept.began_s >= LAST_GOOD_S:
            kept = None
        if kept is not None:
            age_s = now_s - kept.began_s
            if database_trouble(self._snapshots) is not None:
                return kept.summary, round(age_s)
            if age_s < (SAME_S if commit_number == kept.commit_number else BURST_S):
                return kept.summary, None
        try:
            summary = self._summaries.read(question)
        except RowsRefusedError:
            raise
        except StorageError:
            if kept is None:
                raise
            return kept.summary, round(now_s - kept.began_s)
        with self._lock:
            self._kept[question] = _Kept(summary=summary, began_s=now_s, commit_number=commit_number)
            self._kept.move_to_end(question)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return summary, None


def summary_operations(reader: SummaryReader, zone: tzinfo) -> list[Operation]:
    """Return the operation. ``zone`` is the time zone of a date without a time in `from` and `to`, as in the list."""

    async def summary(request: Request) -> Response:
        asked = SummaryParameters.read(request.query_params)
        question = SummaryQuery(days=asked.days, zone=asked.tz, signals=signal_query(asked, zone))
        try:
            counts, age_s = await run_in_threadpool(reader.read, question)
        except RowsRefusedError:
            raise BadRequestError([("tz", "the database does not know this time zone")]) from None
        except StorageError as error:
            return problem(503, f"Signals cannot be counted now: {error}", headers={"Retry-After": "5"})
        headers = {"Cache-Control": "no-cache", **stale_headers(age_s)}
        return json_answer(_body(counts, zone=asked.tz, age_s=age_s), headers=headers)

    return [
        Operation(
            method="GET",
            path="/summary",
            name="getSummary",
            summary="Signals by day, outcome, type and asset; messages by outcome",
            tag="signals",
            handler=summary,
            query=SummaryParameters,
            answers={200: Answer(description="Counts of the signals that match", body={JSON: SummaryBody})},
            problems=(400, 503),
        )
    ]


def _body(summary: Summary, *, zone: str, age_s: int | None) -> SummaryBody:
    """Return the counts as the public body. ``stale`` is set only in an outage."""
    return SummaryBody(
        timezone=zone,
        period_from=summary.since,
        period_to=summary.until,
        signals=sum(summary.outcomes.values()),
        days=[SummaryDay(date=day.day, buy=day.buy, sell=day.sell) for day in summary.days],
        outcomes=dict(summary.outcomes),
        types=dict(summary.types),
        assets=dict(summary.assets),
        messages=dict(summary.messages),
        newest_message_at=summary.newest_message_at,
        **_stale(age_s),
    )


def _stale(age_s: int | None) -> dict[str, Any]:
    return {} if age_s is None else {"stale": True, "stale_seconds": age_s}
