"""``/signals``: the list (JSON, CSV or a workbook), a single signal, and the stream of new signals."""

from __future__ import annotations

import re
from datetime import tzinfo

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from ops.http.kit.answers import (
    CSV,
    JSON,
    NDJSON,
    ConditionalResponses,
    head_answer,
    json_answer,
)
from ops.http.kit.operations import Answer, Handler, Operation
from ops.http.kit.parameters import NoParameters
from ops.http.kit.problems import BadRequestError, problem
from ops.http.routes.export import XLSX, Exports
from ops.http.routes.listing import PART, Listing, cannot_read
from ops.http.routes.pages import PageReader
from ops.http.routes.query import (
    CsvParameters,
    ListParameters,
    SignalsParameters,
    StreamParameters,
)
from ops.http.routes.signal_models import FormerSignalPage, SignalDetail, SignalPage
from ops.http.routes.signal_objects import signal_detail
from ops.http.routes.streaming import Streams, TooManyStreamsError
from ops.http.server.clients import asker_of
from ops.http.server.ready import ReadyAnswers
from storage.errors import StorageError
from storage.postgres.signals import Signals

__all__ = ["signal_operations"]

_EVENTS = "text/event-stream"
_TEXT = {"type": "string"}


def signal_operations(
    pages: PageReader,
    signals: Signals,
    streams: Streams,
    responses: ConditionalResponses,
    ready: ReadyAnswers,
    *,
    exports: Exports,
    zone: tzinfo,
    with_history: bool,
) -> list[Operation]:
    """Return the operations.

    ``zone`` is the time zone of a date without a time. ``with_history`` says whether the list shows the entry of the
    history import.
    """
    listing = Listing(pages, responses, ready, exports=exports, zone=zone, with_history=with_history)
    headers = {
        "X-Cache": "what answered: `memory`, `redis`, `database`, or `stale` in an outage",
        "X-Next-Cursor": "`cursor` of the next page, if one follows",
        "Link": "address of the next page, if one follows",
        "X-Total-Count": "how many signals match, with `count=exact`",
    }
    csv = Answer(
        description="All signals that match, below a header line; with `limit` a page of them. A file that cannot be "
        "completed breaks off without its last chunk",
        body={CSV: _TEXT},
        headers=headers,
    )
    workbook = Answer(
        description="All signals that match, on one sheet, with times of TP_CAPITAL_TIMEZONE",
        body={XLSX: {"type": "string", "format": "binary"}},
    )
    page = Answer(
        description="A page of signals",
        headers=headers,
        body={
            JSON: FormerSignalPage if with_history else SignalPage,
            CSV: _TEXT,
            NDJSON: _TEXT,
            PART: {"type": "object", "description": "the same page with some `fields` only of each signal"},
        },
        links={"one": {"operationId": "getSignal", "parameters": {"id": "$response.body#/data/0/id"}}},
    )
    return [
        Operation(
            method="GET",
            path="/signals",
            name="listSignals",
            summary="A page of signals; as CSV or as a JSON object a line if `Accept` prefers that",
            tag="signals",
            handler=listing.by_accept,
            query=SignalsParameters,
            answers={200: page},
            problems=(400, 503),
        ),
        Operation(
            method="GET",
            path="/signals.csv",
            name="downloadSignals",
            summary="Signals as a file of comma-separated values",
            tag="signals",
            handler=listing.csv,
            query=CsvParameters,
            answers={200: csv},
            problems=(400, 503),
        ),
        Operation(
            method="GET",
            path="/signals.xlsx",
            name="downloadWorkbook",
            summary="Signals as a workbook for spreadsheets",
            tag="signals",
            handler=listing.workbook,
            query=ListParameters,
            answers={200: workbook},
            problems=(400, 503),
        ),
        Operation(
            method="GET",
            path="/signals/stream",
            name="streamSignals",
            summary="New signals as they are committed (server-sent events)",
            tag="signals",
            handler=_stream(streams),
            query=StreamParameters,
            header_parameters={"Last-Event-ID": "resume after this event"},
            answers={
                200: Answer(
                    description="`signal`, `updated`, `left`, `removed`, `stale`, `reset`",
                    body={_EVENTS: _TEXT},
                )
            },
            problems=(400, 503),
        ),
        Operation(
            method="GET",
            path="/signals/{id}",
            name="getSignal",
            summary="One signal, with the places in the text where its values were read",
            tag="signals",
            handler=_one(signals),
            query=NoParameters,
            answers={200: Answer(description="The signal", body={JSON: SignalDetail})},
            problems=(400, 404, 503),
        ),
    ]


def _one(signals: Signals) -> Handler:
    async def one(request: Request) -> Response:
        NoParameters.read(request.query_params)
        text = request.path_params["id"]
        if not re.fullmatch(r"[0-9]{1,18}", text):
            raise BadRequestError([("id", "must be a whole number")])
        try:
            row = await run_in_threadpool(signals.get, int(text))
        except StorageError as error:
            return cannot_read(error)
        if row is None:
            return problem(404, f"There is no signal {text}, or it is older than the retention period.")
        return json_answer(signal_detail(row))

    return one


def _stream(streams: Streams) -> Handler:
    async def stream(request: Request) -> Response:
        wanted = StreamParameters.read(request.query_params)
        given = request.headers.get("last-event-id")
        # a browser that reconnects sends the header; the URL still holds the id of the first request
        resumed = StreamParameters.read(QueryParams({"lastEventId": given})) if given else wanted
        if request.method == "HEAD":
            return head_answer(_EVENTS)
        asker = asker_of(request.scope)
        try:
            return streams.open(wanted.filter(), resumed.place(), client=asker.address, local=asker.local)
        except TooManyStreamsError:
            return problem(503, "Too many streams are open: try again later.", headers={"Retry-After": "30"})

    return stream
