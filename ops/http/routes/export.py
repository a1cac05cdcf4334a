"""The whole list of signals as a file: CSV while it is read, or a workbook once it is complete.

The list is read in parts, and no connection to the database is held between two parts. So a slow client keeps nobody
from reading. Few parts are read at once, and few files are in progress.
"""

from __future__ import annotations

import asyncio
import os
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import tzinfo
from typing import IO, Any

import structlog
from anyio import CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from ops.http.kit.answers import CSV, GZIP_LEVEL, accepts_gzip
from ops.http.kit.problems import BadRequestError
from ops.http.routes.csv import CsvForm
from ops.http.routes.signal_objects import signal_object
from ops.http.server.clients import Requester, asker_of
from ops.http.server.ready import LEVEL_HEADER
from storage.errors import StorageError
from storage.postgres.page_query import SignalQuery
from storage.postgres.whole_list import WholeList

__all__ = ["CSV_TYPE", "XLSX", "Exports", "NoRoomError", "attachment"]

CSV_TYPE = f"{CSV}; charset=utf-8; header=present"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: parts that are read at once, of all files
_READING = 2
#: files in progress, in total and for one remote client
_MOST = 16
_MOST_PER_CLIENT = 2
_SENT_AT_ONCE = 64 * 1024

_log = structlog.get_logger("http")


class NoRoomError(Exception):
    """No file can be made now. The text tells why, and what to do."""


class _Desk:
    """The files in progress of one event loop. A restarted responder has a new loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.reading = CapacityLimiter(_READING)
        self._files: Counter[str] = Counter()

    def enter(self, client: Requester) -> Callable[[], None]:
        """Count a file, and return what ends its count."""
        full = not client.local and self._files[client.address] >= _MOST_PER_CLIENT
        if full or self._files.total() >= _MOST:
            raise NoRoomError("Too many files are in progress: try again later.")
        self._files[client.address] += 1
        return lambda: self._files.subtract([client.address])


class Exports:
    """Answers with whole lists. ``zone`` is the time zone of a workbook."""

    def __init__(self, signals: WholeList, *, zone: tzinfo) -> None:
        self._signals = signals
        self._zone = zone
        self._desk: _Desk | None = None

    async def csv(self, request: Request, query: SignalQuery, form: CsvForm) -> Response:
        """Return the list as CSV. If the database fails in the middle, the connection closes without an end.

        Raises:
            NoRoomError: too many files are in progress.
            StorageError: the database cannot be read.
        """
        packed = accepts_gzip(request.headers)
        parts = self._lines(query, form, packed=packed)
        desk = self._here()
        leave = desk.enter(asker_of(request.scope))
        try:
            # a failure of the first part can still be told
            first = await to_thread.run_sync(next, parts, limiter=desk.reading)
        except BaseException:
            leave()
            raise

        async def content() -> AsyncIterator[bytes]:
            yield first
            while (part := await to_thread.run_sync(next, parts, None, limiter=desk.reading)) is not None:
                yield part

        coding = {"Content-Encoding": "gzip"} if packed else {}
        headers = _headers("signals.csv") | {"Vary": "Accept-Encoding"} | coding
        return _FileAnswer(content(), leave, media_type=CSV_TYPE, headers=headers)

    async def workbook(self, request: Request, query: SignalQuery) -> Response:
        """Return the list as a workbook.

        Raises:
            NoRoomError: too many files are in progress, or there is no room on the disk.
            BadRequestError: a sheet has too few rows.
            StorageError: the database cannot be read.
        """
        from ops.http.routes.workbook import MOST_ROWS, SignalsWorkbook  # noqa: PLC0415 - few ever ask for one

        desk = self._here()
        leave = desk.enter(asker_of(request.scope))
        try:
            with SignalsWorkbook(self._zone) as book:
                async for objects in self._read(request, query, desk):
                    await to_thread.run_sync(book.add, objects, limiter=desk.reading)
                    _check_rows(book.rows, most=MOST_ROWS)
                file = await to_thread.run_sync(book.finish, limiter=desk.reading)
        except OSError as error:
            leave()
            _log.error("export.failed", path=request.url.path, why=str(error))
            raise NoRoomError(
                "There is no room for the file: ask for a shorter period, or for CSV."
            ) from error
        except BaseException:
            leave()
            raise
        headers = _headers("signals.xlsx") | {"Content-Length": str(os.fstat(file.fileno()).st_size)}
        return _FileAnswer(_content_of(file), leave, media_type=XLSX, headers=headers)

    def _here(self) -> _Desk:
        if self._desk is None or self._desk.loop is not asyncio.get_running_loop():
            self._desk = _Desk()
        return self._desk

    async def _read(
        self, request: Request, query: SignalQuery, desk: _Desk
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """Yield the parts of a list while the client is there."""
        parts = self._objects(query)
        while (part := await to_thread.run_sync(next, parts, None, limiter=desk.reading)) is not None:
            if await request.is_disconnected():
                raise ClientDisconnect
            yield part

    def _objects(self, query: SignalQuery) -> Iterator[list[dict[str, Any]]]:
        return ([signal_object(row) for row in part] for part in self._signals.parts(query))

    def _lines(self, query: SignalQuery, form: CsvForm, *, packed: bool) -> Iterator[bytes]:
        """Yield the parts of the file. The first begins with the head, and the last ends the compression."""
        packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 31) if packed else None
        text = form.head()
        for objects in self._objects(query):
            text += form.lines(objects)
            yield packer.compress(text) if packer else text
            text = b""
        yield packer.compress(text) + packer.flush() if packer else text


class _FileAnswer(StreamingResponse):
    """A file that is sent in parts. ``leave`` is called at its end, however it ends."""

    def __init__(
        self,
        content: AsyncIterator[bytes],
        leave: Callable[[], None],
        *,
        media_type: str,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(content, media_type=media_type, headers=headers)
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file. Without its last part the server closes the connection, so no client takes it for complete."""
        try:
            await super().__call__(scope, receive, send)
        except StorageError as error:
            _log.error("export.cut", path=scope["path"], why=str(error))
        finally:
            self._leave()


def attachment(name: str) -> str:
    """Return the value of ``Content-Disposition`` that makes a browser save the answer."""
    return f'attachment; filename="{name}"'


def _headers(name: str) -> dict[str, str]:
    """Return the headers of a file that is not kept."""
    return {
        "Cache-Control": "no-store",
        "Content-Disposition": attachment(name),
        LEVEL_HEADER: "database",
    }


def _check_rows(rows: int, *, most: int) -> None:
    if rows > most:
        raise BadRequestError([("from", f"the list has more than the {most} rows of a sheet")])


async def _content_of(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while part := file.read(_SENT_AT_ONCE):
            yield part
