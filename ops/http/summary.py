"""``GET /summary``: counts for the dashboard's charts, kept for some seconds and through an outage."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from engine.clock import Clock
from engine.snapshot import Board
from ops.http.answers import JSON, json_answer
from ops.http.health import database_trouble
from ops.http.models import Body
from ops.http.operations import Answer, Operation
from ops.http.parameters import Parameters, Whole
from ops.http.problems import BadRequestError, problem
from storage.errors import RowsRefusedError, StorageError
from storage.summary import Summaries, Summary

__all__ = ["SummaryBody", "SummaryParameters", "SummaryReader", "summary_operations"]

#: counts are shown this old without a word
FRESH_S = 5.0
#: after that long a count of an outage is no longer worth showing
LAST_GOOD_S = 86_400.0
#: pairs of period and zone kept
MOST_KEPT = 32

Question = tuple[int, str]
Counts = dict[str, int]


class SummaryParameters(Parameters):
    """Which days, and where they begin."""

    days: Annotated[int, Whole(1, 90)] = Field(default=30, description="how many days, today included")
    tz: Annotated[str, Field(pattern="^[A-Za-z][A-Za-z0-9_+/-]{0,63}$")] = Field(
        default="UTC", description="time zone in which days begin, such as America/Sao_Paulo"
    )


class SummaryDay(Body):
    """Signals of one day."""

    date: date
    buy: int
    sell: int


class SummaryBody(Body):
    """Counts of the last days."""

    timezone: str
    signals: int
    days: list[SummaryDay] = Field(description="every day, the first one first")
    outcomes: Counts = Field(description="signals by status, as their channel's messages tell")
    types: Counts = Field(description="signals by `signal_type`")
    assets: Counts = Field(description="signals by asset, the 200 most frequent")
    messages: Counts = Field(description="all messages received in these days, by where they ended")
    newestMessageAt: datetime | None = Field(description="receipt of the newest message of all")  # noqa: N815
    stale: bool | None = Field(default=None, description="the database is away: these are the last counts")
    staleSeconds: int | None = None  # noqa: N815 - names of the contract's kind


class SummaryReader:
    """Counts at most once in ``FRESH_S`` a question; in an outage it tells the last counts, marked stale."""

    def __init__(self, *, summaries: Summaries, board: Board, clock: Clock) -> None:
        self._summaries = summaries
        self._board = board
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[Question, tuple[float, Summary]] = OrderedDict()

    def read(self, days: int, zone: str) -> tuple[Summary, int | None]:
        """Return the counts and, when they are of before an outage, their age in seconds.

        Raises:
            RowsRefusedError: the zone is unknown.
            StorageError: the database cannot be read, and no such counts are kept.
        """
        question = (days, zone)
        with self._lock:
            kept = self._kept.get(question)
        age_s = self._clock.monotonic_s() - kept[0] if kept else None
        if kept is not None and age_s is not None and age_s < LAST_GOOD_S:
            if database_trouble(self._board) is not None:
                return kept[1], round(age_s)
            if age_s < FRESH_S:
                return kept[1], None
        began_s = self._clock.monotonic_s()
        try:
            summary = self._summaries.read(days=days, zone=zone)
        except RowsRefusedError:
            raise
        except StorageError:
            if kept is None or age_s is None or age_s >= LAST_GOOD_S:
                raise
            return kept[1], round(age_s)
        with self._lock:
            self._kept[question] = (began_s, summary)
            self._kept.move_to_end(question)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return summary, None


def summary_operations(reader: SummaryReader) -> list[Operation]:
    """Return the operation."""

    async def summary(request: Request) -> Response:
        asked = SummaryParameters.read(request.query_params)
        try:
            counts, age_s = await run_in_threadpool(reader.read, asked.days, asked.tz)
        except RowsRefusedError:
            raise BadRequestError([("tz", "the database knows no such time zone")]) from None
        except StorageError as error:
            return problem(503, f"Signals cannot be counted now: {error}", headers={"Retry-After": "5"})
        headers = {"Cache-Control": "no-cache"} | ({"Age": str(age_s)} if age_s is not None else {})
        return json_answer(summary_object(counts, zone=asked.tz, age_s=age_s), headers=headers)

    return [
        Operation(
            method="GET",
            path="/summary",
            name="getSummary",
            summary="Signals per day, by outcome, type and asset; messages by where they ended",
            tag="signals",
            handler=summary,
            query=SummaryParameters,
            answers={
                200: Answer(description="Counts of the last days, today included", body={JSON: SummaryBody})
            },
            problems=(400, 503),
        )
    ]


def summary_object(summary: Summary, *, zone: str, age_s: int | None) -> dict[str, Any]:
    """Return the counts as the object that is served; ``stale`` is there in an outage only."""
    stale = {} if age_s is None else {"stale": True, "staleSeconds": age_s}
    return {
        "timezone": zone,
        "signals": sum(summary.outcomes.values()),
        "days": [{"date": day.day, "buy": day.buy, "sell": day.sell} for day in summary.days],
        "outcomes": summary.outcomes,
        "types": summary.types,
        "assets": summary.assets,
        "messages": summary.messages,
        "newestMessageAt": summary.newest_message_at,
        **stale,
    }
