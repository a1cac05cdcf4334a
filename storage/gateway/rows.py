"""Reads the gateway's pages of messages within limits that follow from the request.

A page is JSON. A small page is read as a whole. If the page is large, or if one row makes it unreadable, its rows are
cut out of the bytes and read one by one. Then an unreadable row does not affect the others, and only one row at a time
is decoded in memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["TooManyRowsError", "UnreadableRow", "page_bytes", "read_page", "read_row"]

#: an answer without messages is much smaller than this
_BASE_BYTES = 1024 * 1024
#: 4,096 escaped characters of Telegram and all other values of a row; few rows of a page are so long
_ROW_BYTES = 32 * 1024
_MOST_BYTES = 32 * 1024 * 1024
#: the largest single message that is read
_LONGEST_ROW = 1024 * 1024
#: a page up to this size is read as a whole: a Python object is at most about 25 times as large as its JSON
_READ_WHOLE = 1024 * 1024
#: the longest number that is read; Python refuses much longer ones (PYTHONINTMAXSTRDIGITS)
_MOST_DIGITS = 1000
#: the longest value that is kept of an unreadable row
_LONGEST_FIELD = 1000

#: the structural characters of JSON. Strings are skipped by hand: a pattern would use about 100 bytes per character
_SHAPE = re.compile(rb'["\[\]{},]')
_OPENING, _COLON = re.compile(rb'\s*"'), re.compile(rb"\s*:")


class TooManyRowsError(Exception):
    """A page holds more rows than were requested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableRow:
    """A row that cannot be read. ``fields`` holds its short values, ``raw`` is ASCII-escaped JSON."""

    error: str
    fields: Mapping[str, Any]
    raw: str


def page_bytes(rows: int) -> int:
    """Return the size limit of an answer with so many messages."""
    return min(_MOST_BYTES, _BASE_BYTES + rows * _ROW_BYTES)


def read_page(content: bytes, *, limit: int) -> object:
    """Return the JSON value of a page. A row of ``data`` that cannot be read is an :class:`UnreadableRow`.

    Raises:
        ValueError: The page is not JSON.
        TooManyRowsError: The page holds more than ``limit`` rows.
    """
    content = content.removeprefix(b"\xef\xbb\xbf")
    if len(content) <= _READ_WHOLE:
        try:
            page = json.loads(content)
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise
        except (ValueError, RecursionError):
            pass  # one row has a number that is too long or values that are nested too deeply
        else:
            if isinstance(page, dict) and isinstance(rows := page.get("data"), list) and len(rows) > limit:
                raise TooManyRowsError
            return page
    return _read_apart(content, limit)


def read_row(row: bytes) -> object:
    """Return the value of a row, or an :class:`UnreadableRow`.

    Raises:
        ValueError: The row is not JSON.
    """
    if len(row) > _LONGEST_ROW:
        fields = _short_fields(row)
        return UnreadableRow(
            error=f"the message has {len(row)} bytes; at most {_LONGEST_ROW} are read",
            fields=fields,
            # Only the ids: later a part of a message could be taken for a whole one.
            raw=json.dumps({key: fields[key] for key in ("id", "channelId", "messageId") if key in fields}),
        )
    longest = 0

    def whole_number(digits: str) -> int:
        nonlocal longest
        longest = max(longest, len(digits))
        return int(digits[:_MOST_DIGITS])

    try:
        value: object = json.loads(row, parse_int=whole_number)
    except RecursionError:
        error = "values are nested too deeply"
    else:
        if longest <= _MOST_DIGITS:
            return value
        error = f"a number has {longest} digits; at most {_MOST_DIGITS} are read"
    return UnreadableRow(error=error, fields=_short_fields(row), raw=_ascii(row))


def _read_apart(content: bytes, limit: int) -> dict[str, Any]:
    page: dict[str, Any] = {}
    for begin, end in _parts(content, b"{"):
        key = _key(content, begin, end)
        if key is None:
            raise ValueError("a key is missing")
        name, value = json.loads(key[0]), content[key[1] : end].strip()
        if name == "data" and value.startswith(b"["):
            rows: list[object] = []
            for first, last in _parts(value, b"["):
                if len(rows) == limit:
                    raise TooManyRowsError
                rows.append(read_row(value[first:last]))
            page[name] = rows
        elif len(value) > _READ_WHOLE:
            raise ValueError(f"{name[:40]}: {len(value)} bytes")
        else:
            page[name] = json.loads(value)
    return page


def _parts(content: bytes, opening: bytes) -> Iterator[tuple[int, int]]:
    """Yield the position of each part of an object or list that begins with ``opening``."""
    if not content.lstrip().startswith(opening):
        raise ValueError(f"{opening.decode()} is missing")
    depth, begin, at = 0, 0, 0
    while token := _SHAPE.search(content, at):
        at = token.end()
        match token[0]:
            case b'"':
                at = _string_end(content, at, len(content)) or len(content)
            case b"{" | b"[":
                depth += 1
                if depth == 1:
                    begin = token.end()
            case b"}" | b"]":
                depth -= 1
                if depth == 0:
                    if content[begin : token.start()].strip():
                        yield begin, token.start()
                    return
            case b"," if depth == 1:
                yield begin, token.start()
                begin = token.end()
    raise ValueError("it ends too soon")


def _key(content: bytes, begin: int, end: int) -> tuple[bytes, int] | None:
    """Return the key at the beginning of a part and the position of its value, or None."""
    opening = _OPENING.match(content, begin, end)
    closed = _string_end(content, opening.end(), end) if opening else None
    colon = _COLON.match(content, closed, end) if closed else None
    if not (opening and closed and colon):
        return None
    return content[opening.end() - 1 : closed], colon.end()


def _string_end(content: bytes, begin: int, end: int) -> int | None:
    """Return the end of a string whose text begins at ``begin``, or None when it is cut off."""
    at = begin
    while (quote := content.find(b'"', at, end)) >= 0:
        text, at = content[at:quote], quote + 1
        # Two backslashes are an escaped backslash. An odd number means that the quote is escaped.
        if (len(text) - len(text.rstrip(b"\\"))) % 2 == 0:
            return at
    return None


def _short_fields(row: bytes) -> dict[str, Any]:
    """Return the short values of a row, without nested and long ones."""
    fields: dict[str, Any] = {}
    try:
        for begin, end in _parts(row, b"{"):
            key = _key(row, begin, end)
            value = row[key[1] : end].strip() if key else b""
            if key and len(value) + len(key[0]) <= _LONGEST_FIELD and value[:1] not in {b"{", b"["}:
                fields[json.loads(key[0])] = json.loads(value)
    except ValueError:
        pass
    return fields


def _ascii(row: bytes) -> str:
    """Return JSON with all non-ASCII characters escaped. In JSON they occur in strings only."""
    text = row.decode("utf-8", "replace")
    return "".join(c if c.isascii() else json.dumps(c)[1:-1] for c in text)
