"""The question of ``GET /signals``, read out of its parameters; what cannot be used is said, all at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import quote

from starlette.datastructures import QueryParams

from ops.http.problems import BadRequestError
from storage.signals import SignalQuery, decode_cursor

__all__ = ["HISTORY_CURSOR", "HISTORY_TYPE", "ListQuery", "parse_list_query"]

T = TypeVar("T")

#: ``type`` of the entry that tells of the completed history import
HISTORY_TYPE = "historical_sync"
#: the cursor that stands before that entry, when it is alone on the last page
HISTORY_CURSOR = "history"
_KNOWN = ("limit", "cursor", "channel", "asset", "type", "side", "search", "from", "to", "sort")
_FILTERS = ("channel", "asset", "type", "side", "search", "from", "to")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: epoch numbers above this are milliseconds: as seconds they would lie beyond the year 5000
_LARGEST_SECONDS = 100_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """A page's question. ``key`` is the same for the same question, however its parameters are ordered."""

    signals: SignalQuery | None
    history: bool
    key: str


def parse_list_query(parameters: QueryParams, *, with_history: bool) -> ListQuery:
    """Return the question; ``with_history`` is whether this path shows the history import's entry.

    Raises:
        BadRequestError: with every parameter that is unknown, given twice or out of range.
    """
    errors: list[tuple[str, str]] = []
    given: dict[str, str] = {}
    for name, value in parameters.multi_items():
        if name not in _KNOWN:
            errors.append((name, f"unknown parameter; known are {', '.join(_KNOWN)}"))
        elif name in given:
            errors.append((name, "given twice"))
        elif "\0" in value:
            errors.append((name, "holds a NUL character"))
        elif value:
            given[name] = value

    def read(name: str, parse: Callable[[str], T], default: T) -> T:
        if name not in given:
            return default
        try:
            return parse(given[name])
        except ValueError as error:
            errors.append((name, str(error)))
            return default

    after_signals = with_history and given.get("cursor") == HISTORY_CURSOR
    query = SignalQuery(
        limit=read("limit", _limit, 100),
        after=None if after_signals else read("cursor", decode_cursor, None),
        channel=read("channel", _word, None),
        asset=read("asset", _word, None),
        signal_type=read("type", _word, None),
        side=read("side", _side, None),
        search=read("search", _word, None),
        since=read("from", _instant, None),
        until=read("to", _instant, None),
        ascending=read("sort", _ascending, default=False),
    )
    if errors:
        raise BadRequestError(errors)
    only_history = query.signal_type is not None and query.signal_type.lower() == HISTORY_TYPE
    unfiltered = not any(name in given for name in _FILTERS)
    return ListQuery(
        signals=None if with_history and (after_signals or only_history) else query,
        history=with_history and (unfiltered or only_history),
        key="&".join(f"{name}={quote(given[name], safe='')}" for name in sorted(given)),
    )


def _limit(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= 1000:
        raise ValueError("a whole number from 1 to 1000 is wanted")
    return int(text)


def _word(text: str) -> str:
    if len(text) > 200:
        raise ValueError("at most 200 characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("not valid UTF-8") from None
    return text


def _side(text: str) -> str:
    if text.lower() not in ("buy", "sell"):
        raise ValueError("buy or sell is wanted")
    return text.lower()


def _ascending(text: str) -> bool:
    if text.lower() not in ("asc", "desc"):
        raise ValueError("asc or desc is wanted")
    return text.lower() == "asc"


def _instant(text: str) -> datetime:
    """Read ISO 8601 (without an offset: UTC), or epoch seconds or milliseconds."""
    try:
        if re.fullmatch(r"-?[0-9]{9,16}", text):
            number = int(text)
            in_ms = abs(number) > _LARGEST_SECONDS
            return _EPOCH + (timedelta(milliseconds=number) if in_ms else timedelta(seconds=number))
        instant = datetime.fromisoformat(text)
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError("ISO 8601 or epoch seconds or milliseconds are wanted") from None
