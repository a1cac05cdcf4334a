"""``GET /record`` and ``GET /channels/{channel}/record``: what following signals would have brought, by the market's prices."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from actors.analysis.record import TrackRecord
from ops.enrichment.records import Exit, GroupBy, Grouped, grouped_records
from ops.http.kit.answers import CSV, JSON, json_answer
from ops.http.kit.operations import Answer, Operation
from ops.http.kit.parameters import Instant, Parameters, lowered
from ops.http.kit.problems import Body, problem
from ops.http.routes.channel_models import CHANNEL_ID_SCHEMA
from ops.http.routes.channels import channel_of
from ops.http.routes.csv import CsvForm
from ops.http.routes.enriched_models import Price
from ops.http.routes.query import FixedFilters
from ops.instants import first_instant, last_instant
from storage.errors import StorageError
from storage.postgres.page_query import SignalQuery
from storage.postgres.track_record import Outcomes

__all__ = [
    "RECORD_COLUMNS",
    "RecordBody",
    "RecordFigures",
    "RecordParameters",
    "record_lines",
    "record_operations",
]

_TAG = "signals"
_IN_PATH = {"channel": {"description": "id of the channel", **CHANNEL_ID_SCHEMA}}


def _one_of(names: type[StrEnum]) -> WithJsonSchema:
    """Return the schema in place: a parameter refers to no other schema."""
    return WithJsonSchema({"type": "string", "enum": [*names]})


class _Chosen(Parameters):
    """Selects the period of a record, and what it shows."""

    from_: Instant | None = Field(default=None, alias="from", description="earliest time of a signal")
    to: Instant | None = Field(default=None, description="latest time of a signal")
    exit: Annotated[Exit, BeforeValidator(lowered), _one_of(Exit)] = Field(
        default=Exit.FIRST, description="where a position is sold"
    )
    by: Annotated[GroupBy, BeforeValidator(lowered), _one_of(GroupBy)] | None = Field(
        default=None, description="also the record of each group"
    )


class RecordParameters(FixedFilters, _Chosen):
    """Selects the signals of a record by the filters of the list, and what it shows."""


class RecordFigures(Body):
    """What signals brought. Results are in R, the distance from entry to stop. Null would divide by nothing."""

    signals: int = Field(description="signals whose asset has prices")
    judged: int = Field(description="those that prices can judge")
    entered: int = Field(description="those of them whose entry was touched")
    entered_share: Price | None = Field(description="`entered` of `judged`")
    resolved: int = Field(description="those with a result")
    hits: int = Field(description="those of them that reached the first target before the stop")
    hit_rate: Price | None = Field(description="`hits` of `resolved`")
    hit_rate_low: Price | None = Field(description="lower bound of its Wilson 95 % interval")
    hit_rate_high: Price | None = Field(description="upper bound of its Wilson 95 % interval")
    total_r: Price = Field(description="sum of all results")
    average_r: Price | None = Field(description="average result")
    median_r: Price | None = Field(description="median result")
    profit_factor: Price | None = Field(description="sum of gains divided by sum of losses")
    expectancy: Price | None = Field(
        description="sum of results divided by the signals that ended, also those that were never entered"
    )
    longest_losing_run: int = Field(description="most losses one after the other")
    max_drawdown_r: Price = Field(description="deepest fall of the sum of results")
    claims_agree: int = Field(description="signals whose channel's results agree with prices")
    claims_contradict: int = Field(description="signals whose channel's results prices contradict")
    claims_not_verifiable: int = Field(description="signals whose channel's results prices cannot verify")
    few: bool = Field(description="there are fewer than 30 results: the figures say little")


class RecordGroup(RecordFigures):
    """The record of a group."""

    name: str = Field(description="the channel, asset, type, side or month")


class EquityPoint(Body):
    """The sum of results up to an instant."""

    at: datetime = Field(description="when a result became known")
    r: Price = Field(description="the sum of all results up to then")


class RecordBody(Body):
    """A track record by prices. `docs/outcomes.md` defines every figure."""

    exit: Exit = Field(description="where a position is sold")
    total: RecordFigures = Field(description="the record of all signals that match")
    groups: list[RecordGroup] = Field(description="the record of each group; empty without `by`")
    equity: list[EquityPoint] = Field(
        description="the sum of results in the order in which they became known"
    )
    results: list[Price] = Field(description="all results, the smallest first")


RECORD_COLUMNS = ("name", *RecordFigures.model_fields)


def record_operations(outcomes: Outcomes, zone: tzinfo) -> list[Operation]:
    """Return the operations. ``zone`` is the time zone of a date without a time."""

    async def answer(asked: _Chosen, filters: Mapping[str, Any], *, as_csv: bool = False) -> Response:
        query = SignalQuery(
            **filters,
            since=None if asked.from_ is None else first_instant(asked.from_, zone),
            until=None if asked.to is None else last_instant(asked.to, zone),
        )
        try:
            rows = await run_in_threadpool(outcomes.of, query)
        except StorageError as error:
            return problem(503, f"The record cannot be read now: {error}", headers={"Retry-After": "5"})
        found = await run_in_threadpool(grouped_records, rows, way_out=asked.exit, by=asked.by)
        if as_csv:
            return Response(record_lines(found), media_type=CSV)
        return json_answer(_body(found, asked.exit), headers={"Cache-Control": "no-cache"})

    async def everything(request: Request) -> Response:
        asked = RecordParameters.read(request.query_params)
        return await answer(asked, _filters(asked))

    async def lines(request: Request) -> Response:
        asked = RecordParameters.read(request.query_params)
        return await answer(asked, _filters(asked), as_csv=True)

    async def of_channel(request: Request) -> Response:
        asked = _Chosen.read(request.query_params)
        return await answer(asked, {"channel": (channel_of(request),)})

    body = {200: Answer(description="The record", body={JSON: RecordBody})}
    return [
        Operation(
            method="GET",
            path="/record",
            name="getRecord",
            summary="What following signals would have brought, by the market's prices",
            tag=_TAG,
            handler=everything,
            query=RecordParameters,
            answers=body,
            problems=(400, 503),
        ),
        Operation(
            method="GET",
            path="/record.csv",
            name="getRecordCsv",
            summary="The same as a file: a line for each group, then one for all",
            tag=_TAG,
            handler=lines,
            query=RecordParameters,
            answers={200: Answer(description="The record", body={CSV: {"type": "string"}})},
            problems=(400, 503),
        ),
        Operation(
            method="GET",
            path="/channels/{channel}/record",
            name="getChannelRecord",
            summary="What following the signals of a channel would have brought",
            tag=_TAG,
            handler=of_channel,
            query=_Chosen,
            path_schemas=_IN_PATH,
            answers=body,
            problems=(400, 503),
        ),
    ]


def record_lines(found: Grouped) -> str:
    """Return the records as comma-separated values: a line for each group, then one for all."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(RECORD_COLUMNS)
    cell = CsvForm().cell
    for name, record in [*found.groups.items(), ("all", found.total)]:
        writer.writerow([cell(value) for value in (name, *_figures(record).values())])
    return out.getvalue()


def _filters(asked: RecordParameters) -> dict[str, Any]:
    return {"channel": asked.channel, "asset": asked.asset, "signal_type": asked.type, "side": asked.side}


def _figures(record: TrackRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in RecordFigures.model_fields}


def _body(found: Grouped, way_out: Exit) -> RecordBody:
    return RecordBody(
        exit=way_out,
        total=RecordFigures(**_figures(found.total)),
        groups=[RecordGroup(name=name, **_figures(record)) for name, record in found.groups.items()],
        equity=[EquityPoint(at=point.at, r=point.r) for point in found.total.equity],
        results=list(found.results),
    )
