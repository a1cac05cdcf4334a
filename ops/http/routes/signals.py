"""``/signals``: the list (JSON, CSV or a workbook), a single signal, and the stream of new signals."""

from __future__ import annotations

import functools
import re
from collections.abc import Awaitable, Callable, Mapping
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
    Versions,
    best_of,
    head_answer,
    json_answer,
    stale_headers,
)
from ops.http.kit.operations import Answer, Handler, Operation
from ops.http.kit.parameters import NoParameters
from ops.http.kit.problems import BadRequestError, problem
from ops.http.routes.csv import CsvForm
from ops.http.routes.export import CSV_TYPE, XLSX, Exports, NoRoomError, attachment
from ops.http.routes.pages import Page, PageReader, count_of, next_cursor_of, signal_lines
from ops.http.routes.query import (
    CsvParameters,
    ListParameters,
    SignalsParameters,
    StreamParameters,
    list_query,
    parse_list_query,
)
from ops.http.routes.signal_models import FormerSignalPage, SignalDetail, SignalPage
from ops.http.routes.signal_objects import signal_detail
from ops.http.routes.single_flight import SingleFlight
from ops.http.routes.streaming import Streams, TooManyStreamsError
from ops.http.server.clients import asker_of, prefix_of
from ops.http.server.ready import LEVEL_HEADER, ReadyAnswers, form_of, target_of
from storage.errors import StorageError
from storage.postgres.signals import Signals

__all__ = ["signal_operations"]

_EVENTS = "text/event-stream"
_TEXT = {"type": "string"}
_VARY = "Accept, Accept-Encoding"
#: a page with some fields only, so that it is not taken for one with whole signals
PART = "application/vnd.tp-capital.part+json"
_Form = Callable[[Request], tuple[Page, Versions]]
_UNREADABLE = {"Retry-After": "5"}


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
    listing = _Listing(pages, responses, ready, exports=exports, zone=zone, with_history=with_history)
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


class _Listing:
    """Serves the list as JSON, NDJSON or CSV, and keeps current answers ready."""

    def __init__(
        self,
        pages: PageReader,
        responses: ConditionalResponses,
        ready: ReadyAnswers,
        *,
        exports: Exports,
        zone: tzinfo,
        with_history: bool,
    ) -> None:
        self._pages = pages
        self._responses = responses
        self._ready = ready
        self._builds = SingleFlight[Versions]()
        self._exports = exports
        self._zone = zone
        self._with_history = with_history

    async def by_accept(self, request: Request) -> Response:
        csv = functools.partial(self._as_csv, form=CsvForm())
        forms: Mapping[str, _Form] = {JSON: self._as_json, CSV: csv, NDJSON: self._as_lines}
        return await self._answer(request, forms[best_of(request.headers.get("accept", ""), *forms)])

    async def csv(self, request: Request) -> Response:
        asked = CsvParameters.read(request.query_params)
        form = CsvForm(self._zone if asked.dialect else None)
        if asked.limit is not None:
            return await self._answer(request, functools.partial(self._as_csv, form=form, download=True))
        query = list_query(asked, self._zone, cursor=asked.cursor)
        return await _whole(request, CSV_TYPE, lambda: self._exports.csv(request, query, form))

    async def workbook(self, request: Request) -> Response:
        query = list_query(ListParameters.read(request.query_params), self._zone)
        return await _whole(request, XLSX, lambda: self._exports.workbook(request, query))

    async def _answer(self, request: Request, form: _Form) -> Response:
        # who asks after a commit that is known does not share what was built before it
        asked = target_of(request.scope), form_of(request.scope), self._pages.newest()
        try:
            versions, shared = await self._builds.build(asked, lambda: self._build(request, form))
        except StorageError as error:
            return _cannot_read(error)
        if shared:
            self._pages.count_shared()
        return versions.for_client(request.headers)

    async def _build(self, request: Request, form: _Form) -> Versions:
        page, versions = await run_in_threadpool(form, request)
        if page.validity is not None:
            self._ready.keep(
                request.scope,
                versions.full,
                unchanged=versions.unchanged,
                holds=functools.partial(self._pages.holds, page.validity),
                count=self._pages.count_from_memory,
            )
        return versions

    def _as_json(self, request: Request) -> tuple[Page, Versions]:
        query = parse_list_query(request.query_params, zone=self._zone, with_history=self._with_history)
        page = self._pages.page(query)
        form, headers = PART if query.fields else JSON, _told(request, page)
        return page, self._responses.versions(
            request.headers, page.body, media_type=form, headers=headers, vary=_VARY
        )

    def _as_lines(self, request: Request) -> tuple[Page, Versions]:
        # nor is it a signal for a program that reads line by line
        query = parse_list_query(request.query_params, zone=self._zone, with_history=False)
        page = self._pages.page(query)
        versions = self._responses.versions(
            request.headers,
            signal_lines(page.body),
            media_type=NDJSON,
            headers=_told(request, page),
            vary=_VARY,
        )
        return page, versions

    def _as_csv(self, request: Request, *, form: CsvForm, download: bool = False) -> tuple[Page, Versions]:
        pairs = [pair for pair in request.query_params.multi_items() if not download or pair[0] != "dialect"]
        # the history import is no signal, so CSV leaves it out
        query = parse_list_query(QueryParams(pairs), zone=self._zone, with_history=False)
        if query.fields:
            raise BadRequestError([("fields", "CSV always has all its columns: ask for JSON or NDJSON")])
        page = self._pages.page(query)
        body = form.page(page.body)
        headers = _told(request, page)
        if download:
            headers["Content-Disposition"] = attachment("signals.csv")
        versions = self._responses.versions(
            request.headers, body, media_type=CSV_TYPE, headers=headers, vary=_VARY
        )
        return page, versions


async def _whole(request: Request, media_type: str, make: Callable[[], Awaitable[Response]]) -> Response:
    """Return a whole list, or why there is none."""
    if request.method == "HEAD":
        return head_answer(media_type)
    try:
        return await make()
    except NoRoomError as error:
        return problem(503, str(error), headers={"Retry-After": "30"})
    except StorageError as error:
        return _cannot_read(error)


def _told(request: Request, page: Page) -> dict[str, str]:
    """Return the headers that say what answered, how old a stale page is, and where the list goes on."""
    headers = {LEVEL_HEADER: page.level, **stale_headers(page.age_s)}
    if (count := count_of(page.body)) is not None:
        headers["X-Total-Count"] = count
    if (cursor := next_cursor_of(page.body)) is not None:
        asked = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        following = QueryParams([*asked, ("cursor", cursor)])
        headers |= {
            "X-Next-Cursor": cursor,
            "Link": f'<{prefix_of(request.scope)}{request.url.path}?{following}>; rel="next"',
        }
    return headers


def _one(signals: Signals) -> Handler:
    async def one(request: Request) -> Response:
        NoParameters.read(request.query_params)
        text = request.path_params["id"]
        if not re.fullmatch(r"[0-9]{1,18}", text):
            raise BadRequestError([("id", "must be a whole number")])
        try:
            row = await run_in_threadpool(signals.get, int(text))
        except StorageError as error:
            return _cannot_read(error)
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


def _cannot_read(error: StorageError) -> Response:
    return problem(503, f"Signals cannot be read now: {error}", headers=_UNREADABLE)
