"""The gateway's pages of messages, taken apart within bounds that follow from what was asked.

A page is JSON. Where it is small it is read whole. Else, or where one row spoils it, its rows are cut out of the bytes
and read one by one: a row that cannot be read costs itself only, and no more than one is held as Python's objects.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["TooManyRowsError", "UnreadableRow", "page_bytes", "read_page", "read_row"]

#: a whole answer without messages is far below this
_BASE_BYTES = 1024 * 1024
#: Telegram's 4,096 characters, each escaped, with all that stands beside them; pages hold some such, not all
_ROW_BYTES = 32 * 1024
_MOST_BYTES = 32 * 1024 * 1024
#: one message alone
_LONGEST_ROW = 1024 * 1024
#: below this a page is read whole: no value of JSON is more than some 25 times its text as an object of Python
_READ_WHOLE = 1024 * 1024
#: Python refuses to read longer ones (PYTHONINTMAXSTRDIGITS), and nobody means them
_MOST_DIGITS = 1000
#: of what is kept of a row that is not read
_LONGEST_FIELD = 1000

#: what gives JSON its shape; strings are passed over by hand: a pattern for them remembers its way, 100 bytes for one
_SHAPE = re.compile(rb'["\[\]{},]')
_OPENING, _COLON = re.compile(rb'\s*"'), re.compile(rb"\s*:")


class TooManyRowsError(Exception):
    """A page holds more rows than were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableRow:
    """A row that is not read. ``fields`` are its short values, ``raw`` is it as ASCII-escaped JSON."""

    error: str
    fields: Mapping[str, Any]
    raw: str


def page_bytes(rows: int) -> int:
    """Return how many bytes an answer may have that holds so many messages."""
    return min(_MOST_BYTES, _BASE_BYTES + rows * _ROW_BYTES)


def read_page(content: bytes, *, limit: int) -> object:
    """Return a page's JSON; each row of ``data`` is what it holds, or an :class:`UnreadableRow`.

    Raises:
        ValueError: it is no JSON.
        TooManyRowsError: it holds more than ``limit`` rows.
    """
    content = content.removeprefix(b"\xef\xbb\xbf")
    if len(content) <= _READ_WHOLE:
        try:
            page = json.loads(content)
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise
        except (ValueError, RecursionError):
            pass  # a number of too many digits, or values within values: some row's fault
        else:
            if isinstance(page, dict) and isinstance(rows := page.get("data"), list) and len(rows) > limit:
                raise TooManyRowsError
            return page
    return _read_apart(content, limit)


def read_row(row: bytes) -> object:
    """Return what a row holds, or an :class:`UnreadableRow`.

    Raises:
        ValueError: it is no JSON.
    """
    if len(row) > _LONGEST_ROW:
        fields = _short_fields(row)
        return UnreadableRow(
            error=f"a message of {len(row)} bytes; at most {_LONGEST_ROW} are read",
            fields=fields,
            # not half a message, which could be read as a whole one later
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
        error = f"a number of {longest} digits; at most {_MOST_DIGITS} are read"
    return UnreadableRow(error=error, fields=_short_fields(row), raw=_ascii(row))


def _read_apart(content: bytes, limit: int) -> dict[str, Any]:
    page: dict[str, Any] = {}
    for begin, end in _parts(content, b"{"):
        key = _key(content, begin, end)
        if key is None:
            raise ValueError("a key is wanted")
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
    """Yield where the parts of an object or a list stand, which begins with ``opening``."""
    if not content.lstrip().startswith(opening):
        raise ValueError(f"{opening.decode()} is wanted")
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
    """Return the key that a part begins with, and where its value begins; None when there is none."""
    opening = _OPENING.match(content, begin, end)
    closed = _string_end(content, opening.end(), end) if opening else None
    colon = _COLON.match(content, closed, end) if closed else None
    if not (opening and closed and colon):
        return None
    return content[opening.end() - 1 : closed], colon.end()


def _string_end(content: bytes, begin: int, end: int) -> int | None:
    """Return where a string ends whose text begins at ``begin``; None when it is cut off."""
    at = begin
    while (quote := content.find(b'"', at, end)) >= 0:
        text, at = content[at:quote], quote + 1
        # each pair of backslashes is one that was meant, a single one belongs to the quote
        if (len(text) - len(text.rstrip(b"\\"))) % 2 == 0:
            return at
    return None


def _short_fields(row: bytes) -> dict[str, Any]:
    """Return the short values of a row's own, without what is nested or long."""
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
    """Return JSON with all escaped that is not ASCII; in JSON such stands in strings only."""
    text = row.decode("utf-8", "replace")
    return "".join(c if c.isascii() else json.dumps(c)[1:-1] for c in text)
