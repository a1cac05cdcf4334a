"""The list of signals in each of its forms: JSON, NDJSON, CSV and a workbook."""

from __future__ import annotations

import functools
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
    stale_headers,
)
from ops.http.kit.problems import BadRequestError, problem
from ops.http.routes.csv import CsvForm
from ops.http.routes.export import CSV_TYPE, XLSX, Exports, NoRoomError, attachment
from ops.http.routes.pages import Page, PageReader, count_of, next_cursor_of, signal_lines
from ops.http.routes.query import CsvParameters, ListParameters, list_query, parse_list_query
from ops.http.routes.single_flight import SingleFlight
from ops.http.server.clients import prefix_of
from ops.http.server.ready import LEVEL_HEADER, ReadyAnswers, form_of, target_of
from storage.errors import StorageError

__all__ = ["PART", "Listing", "cannot_read"]

_VARY = "Accept, Accept-Encoding"
#: a page with some fields only, so that it is not taken for one with whole signals
PART = "application/vnd.tp-capital.part+json"
_Form = Callable[[Request], tuple[Page, Versions]]
_UNREADABLE = {"Retry-After": "5"}


class Listing:
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
            return cannot_read(error)
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
        return cannot_read(error)


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


def cannot_read(error: StorageError) -> Response:
    """Return the answer that says why signals cannot be read now."""
    return problem(503, f"Signals cannot be read now: {error}", headers=_UNREADABLE)
