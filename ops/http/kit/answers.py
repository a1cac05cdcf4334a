"""Responses for all handlers: JSON, ETags, conditional requests and gzip."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import Response

from ops.http.kit.encoding import encode
from storage.pages import MemoryPages

__all__ = [
    "CSV",
    "GZIP_LEVEL",
    "JSON",
    "NDJSON",
    "ConditionalResponses",
    "Versions",
    "accepts_gzip",
    "best_of",
    "head_answer",
    "json_answer",
    "matches",
    "packed_answer",
    "stale_headers",
]

JSON = "application/json"
CSV = "text/csv"
NDJSON = "application/x-ndjson"
#: smaller bodies are sent uncompressed: the saving is not worth the work
_SMALLEST_GZIP_BYTES = 1024
#: on pages of signals, level 1 is three times as fast as level 6 and its result is a tenth larger
GZIP_LEVEL = 1
_KEEP_S = 3600.0
_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def json_answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a small answer that is built for each request: no ETag, no compression."""
    return Response(encode(value), status_code=status, media_type=JSON, headers=headers)


def head_answer(media_type: str) -> Response:
    """Return the answer to a HEAD request whose GET would have a body of unknown length."""
    answer = Response(media_type=media_type)
    del answer.headers["content-length"]
    return answer


def packed_answer(
    request: Headers, body: bytes, *, media_type: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a body that differs at each request: compressed when large enough, without an ETag, not kept."""
    sent = {"Vary": "Accept-Encoding", **(headers or {})}
    if _takes_gzip(request, body):
        sent["Content-Encoding"] = "gzip"
        body = _gzip(body)
    return Response(body, media_type=media_type, headers=sent)


def stale_headers(age_s: int | None) -> dict[str, str]:
    """Return the headers that mark an answer from before an outage. ``age_s`` is None for a current answer.

    >>> stale_headers(70), stale_headers(None)
    ({'Age': '70', 'X-Stale-Seconds': '70'}, {})
    """
    return {} if age_s is None else {"Age": str(age_s), "X-Stale-Seconds": str(age_s)}


def matches(if_none_match: str | None, etag: str) -> bool:
    """Return whether the client already has this version. Tags compare weakly, as RFC 9110 13.1.2 requires.

    >>> matches('W/"a", "b"', '"b"'), matches("*", '"b"'), matches("b", '"b"'), matches(None, '"b"')
    (True, True, False, False)
    """
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or etag.removeprefix("W/") in _TAG.findall(if_none_match)


def best_of(accept: str, *offered: str) -> str:
    """Return the media type that a client likes best. A client that names none, or likes several, gets the first.

    >>> best_of("text/csv", JSON, CSV), best_of("application/json, text/csv", JSON, CSV)
    ('text/csv', 'application/json')
    >>> best_of("text/csv, */*;q=0.1", JSON, CSV), best_of("*/*", JSON, CSV)
    ('text/csv', 'application/json')
    """
    wanted = _qualities(accept)
    anything = min(wanted.get("*/*", 0.0), 0.999)
    return max(offered, key=lambda name: wanted.get(name, anything if name == offered[0] else 0.0))


def _qualities(header: str) -> dict[str, float]:
    """Return the quality value (``q``) of each media type or coding that a client accepts."""
    qualities = {}
    for part in header.split(","):
        name, *options = (word.strip().lower() for word in part.split(";"))
        quality = next((option[2:] for option in options if option.startswith("q=")), "1")
        try:
            qualities[name] = float(quality)
        except ValueError:
            qualities[name] = 0.0
    return qualities


@dataclass(frozen=True, slots=True)
class Versions:
    """The two answers to one request: the full one, and 304 for a client that has this version already."""

    full: Response
    unchanged: Response

    def for_client(self, request: Headers) -> Response:
        """Return the answer for what the client has."""
        # a request may repeat this header; the values together are one list (RFC 9110 5.3)
        known = ", ".join(request.getlist("if-none-match")) or None
        answer = self.unchanged if matches(known, self.full.headers["etag"]) else self.full
        # headers are added on the way to each client, and several clients may get these versions
        own = Response(status_code=answer.status_code)
        own.body, own.raw_headers = answer.body, list(answer.raw_headers)
        return own


class ConditionalResponses:
    """Builds conditional answers. Compressing takes 1-2 ms, so compressed bodies are kept in ``memory`` by ETag."""

    def __init__(self, memory: MemoryPages) -> None:
        self._compressed = memory

    def answer(
        self,
        request: Headers,
        body: bytes,
        *,
        media_type: str = JSON,
        headers: Mapping[str, str] | None = None,
        vary: str = "Accept-Encoding",
    ) -> Response:
        """Return the body, or 304 if the client has it. Thread-safe; call it in a worker thread, as it may compress."""
        versions = self.versions(request, body, media_type=media_type, headers=headers, vary=vary)
        return versions.for_client(request)

    def versions(
        self,
        request: Headers,
        body: bytes,
        *,
        media_type: str = JSON,
        headers: Mapping[str, str] | None = None,
        vary: str = "Accept-Encoding",
    ) -> Versions:
        """Return both answers, as :meth:`answer` chooses between them."""
        etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        sent = {"Cache-Control": "no-cache", "Vary": vary, **(headers or {})}
        gzip = _takes_gzip(request, body)
        # weak when compressed: the same content, but not the same bytes as the plain answer
        sent["ETag"] = f"W/{etag}" if gzip else etag
        unchanged = Response(status_code=304, headers=sent)
        if gzip:
            sent["Content-Encoding"] = "gzip"
            body = self._kept(etag, body)
        return Versions(Response(body, media_type=media_type, headers=sent), unchanged)

    def _kept(self, etag: str, body: bytes) -> bytes:
        kept = self._compressed.get(etag)
        if kept is None:
            kept = _gzip(body)
            self._compressed.put(etag, kept, ttl_s=_KEEP_S)
        return kept


def accepts_gzip(request: Headers) -> bool:
    """Return whether the client accepts gzip."""
    qualities = _qualities(request.get("accept-encoding", ""))
    return qualities.get("gzip", qualities.get("*", 0.0)) > 0


def _takes_gzip(request: Headers, body: bytes) -> bool:
    """Return whether the client accepts gzip and the body is large enough."""
    return len(body) >= _SMALLEST_GZIP_BYTES and accepts_gzip(request)


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()
