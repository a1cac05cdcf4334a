"""Answers that are ready in the process: bytes to send as they are to whoever asks the same again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from ops.http.kit.answers import CSV, JSON, NDJSON, accepts_gzip, best_of
from ops.http.server.clients import prefix_of
from ops.http.server.cors import vary_by_origin
from ops.http.server.middleware import with_security

__all__ = ["LEVEL_HEADER", "READY_BYTES", "Form", "ReadyAnswer", "ReadyAnswers", "form_of", "target_of"]

#: the memory for ready answers
READY_BYTES = 4 * 1024 * 1024
#: what an answer takes beside its bytes
ENTRY_BYTES = 1024
#: says which level answered a page; a ready answer says ``memory``, whatever it was built from
LEVEL_HEADER = "X-Cache"


class Form(NamedTuple):
    """Everything beside method and target that decides which bytes a reader gets, except ``If-None-Match``."""

    may_read: bool
    prefix: str
    media_type: str
    gzip: bool


def form_of(scope: Scope) -> Form:
    """Return the form of a request that the guard has admitted."""
    headers = Headers(scope=scope)
    return Form(
        may_read=scope["state"]["may_read"],
        prefix=prefix_of(scope),
        media_type=best_of(headers.get("accept", ""), JSON, CSV, NDJSON),
        gzip=accepts_gzip(headers),
    )


def target_of(scope: Scope) -> bytes:
    """Return the path and query of a request as the client wrote them."""
    query: bytes = scope["query_string"]
    path: bytes = scope["raw_path"]
    return path + b"?" + query if query else path


@dataclass(frozen=True, slots=True)
class ReadyAnswer:
    """An answer without the headers that differ from request to request.

    ``unchanged`` is the head for a client that has this version already; it is empty where there are no versions.
    ``holds`` says whether the answer may still be given, and ``count`` is called with each time it is.
    """

    route: str
    status: int
    head: bytes
    body: bytes
    unchanged: bytes
    etag: str
    holds: Callable[[], bool]
    count: Callable[[], None]


class ReadyAnswers:
    """The most recently used answers within ``max_bytes``.

    An answer is kept under the target as the client wrote it and the form, and the guard's decision is part of the form:
    what was built for a client that may read is never found for one that may not. The lock is for the moment when the
    server of a restarted responder begins while the former one ends.
    """

    def __init__(self, *, max_bytes: int = READY_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[tuple[bytes, Form], tuple[ReadyAnswer, int]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def size_bytes(self) -> int:
        """The size of all kept answers."""
        return self._bytes

    def find(self, target: bytes, form: Form) -> ReadyAnswer | None:
        """Return the answer, if there is one that still holds."""
        key = target, form
        with self._lock:
            entry = self._kept.get(key)
            if entry is None:
                return None
            if not entry[0].holds():
                self._drop(key)
                return None
            self._kept.move_to_end(key)
            return entry[0]

    def keep(
        self,
        scope: Scope,
        full: Response,
        *,
        holds: Callable[[], bool],
        unchanged: Response | None = None,
        count: Callable[[], None] = lambda: None,
    ) -> None:
        """Keep the answer to a request. ``unchanged`` is the 304 that belongs to it."""
        target = target_of(scope)
        answer = ReadyAnswer(
            route=scope["state"]["resource"],
            status=full.status_code,
            head=_head(full),
            body=bytes(full.body),
            unchanged=_head(unchanged) if unchanged else b"",
            etag=full.headers.get("etag", ""),
            holds=holds,
            count=count,
        )
        key = target, form_of(scope)
        size = len(target) + len(key[1].prefix) + len(answer.head) + len(answer.body) + len(answer.unchanged)
        size += ENTRY_BYTES
        with self._lock:
            self._drop(key)
            if size > self._max_bytes or not holds():
                return
            self._kept[key] = answer, size
            self._bytes += size
            while self._bytes > self._max_bytes:
                self._drop(next(iter(self._kept)))

    def _drop(self, key: tuple[bytes, Form]) -> None:
        _, size = self._kept.pop(key, (None, 0))
        self._bytes -= size


def _head(response: Response) -> bytes:
    """Return the status line and the headers, without the empty line that ends them."""
    status = response.status_code
    sent = Response(status_code=status)
    sent.raw_headers = list(response.raw_headers)
    if LEVEL_HEADER in sent.headers:
        sent.headers[LEVEL_HEADER] = "memory"
    vary_by_origin(sent)
    lines = [b"%b: %b\r\n" % pair for pair in with_security(sent.raw_headers)]
    return b"".join([f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode(), *lines])
