"""Reading requests: every wrong input is a :class:`BadRequestError` that says what is expected."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson
from starlette.requests import Request

from ops.gateway.marking import RowRead
from ops.gateway.records import CHANNEL_ID, STATUSES, utc_from_iso
from ops.gateway.repository import HistoryQuery, UnprocessedQuery

__all__ = [
    "BadRequestError",
    "body_json",
    "history_query",
    "mark_request",
    "reprocess_text",
    "row_id",
    "rows_read",
    "sync_limit",
    "unprocessed_query",
    "wait_s",
]

#: a new text of 1 MB, escaped, fits; so do 10,000 message ids
BODY_MAX_BYTES = 4 * 1024 * 1024
LIMIT_MAX = 10_000
UNPROCESSED_LIMIT = 1000
HISTORY_LIMIT = 100
WAIT_MAX_S = 30.0
#: of PostgreSQL's bigint
BIGINT_MAX = 2**63 - 1
DEFAULT_STATUSES = ("received", "queued")


class BadRequestError(Exception):
    """The request is wrong; ``status`` is the answer's."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def unprocessed_query(params: Mapping[str, str]) -> UnprocessedQuery:
    """Return what ``GET /messages/unprocessed`` asks for."""
    channel = _channel(params, "channel")
    if channel is None:
        raise BadRequestError("channel is required: the id of a channel, for instance -1001649127710")
    statuses = _statuses(params)
    return UnprocessedQuery(
        channel=channel,
        statuses=tuple(sorted(DEFAULT_STATUSES if statuses is None else statuses)),
        exclude=_text(params, "excludeProcessedBy"),
        limit=_limit(params, UNPROCESSED_LIMIT),
    )


def wait_s(params: Mapping[str, str]) -> float:
    """Return how long an empty result is to be held, in seconds."""
    text = params.get("wait", "").strip()
    if not text:
        return 0.0
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise BadRequestError("wait must be a number of seconds, 0 to 30")
    return min(seconds, WAIT_MAX_S)


def history_query(params: Mapping[str, str]) -> HistoryQuery:
    """Return what ``GET /messages`` asks for."""
    sort = params.get("sort", "").strip().lower() or "desc"
    if sort not in {"asc", "desc"}:
        raise BadRequestError("sort must be asc or desc")
    until = _instant(params, "to")
    try:
        # answers show milliseconds: a row is not to be past the very time shown for it
        before = None if until is None else until + timedelta(milliseconds=1)
    except OverflowError as exc:
        raise BadRequestError("to is out of range") from exc
    statuses = _statuses(params)
    return HistoryQuery(
        channel=_channel(params, "channelId"),
        statuses=None if statuses is None else tuple(sorted(statuses)),
        since=_instant(params, "from"),
        before=before,
        search=_text(params, "search"),
        descending=sort == "desc",
        limit=_limit(params, HISTORY_LIMIT),
        offset=_integer(params, "offset", default=0, least=0),
    )


def row_id(request: Request) -> int:
    """Return the id of the path."""
    text = str(request.path_params["id"])
    if not (text.isascii() and text.isdigit()):
        raise BadRequestError("id must be a number")
    if len(text) > 19 or int(text) > BIGINT_MAX:
        raise BadRequestError("there is no message with this id", status=404)
    return int(text)


async def body_json(request: Request) -> dict[str, Any]:
    """Return the JSON object of the body; an empty body is an empty object."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            raise BadRequestError(f"the body is larger than {BODY_MAX_BYTES} bytes", status=413)
    if not body.strip():
        return {}
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise BadRequestError(f"the body is not JSON: {exc}") from exc
    if not isinstance(value, dict):
        raise BadRequestError("the body must be a JSON object")
    return value


def mark_request(body: Mapping[str, Any]) -> tuple[list[str], str, str | None, int]:
    """Return message ids, consumer, channel, and the number of entries that cannot be ids.

    One bad entry does not fail the others; only a list without any usable one is refused.
    """
    entries = body.get("messageIds")
    if not isinstance(entries, list) or not entries:
        raise BadRequestError("messageIds must be a list of at least one message id")
    if len(entries) > LIMIT_MAX:
        raise BadRequestError(f"messageIds holds more than {LIMIT_MAX} ids")
    ids = [
        str(entry).strip()
        for entry in entries
        if (isinstance(entry, str) and entry.strip() and "\0" not in entry)
        or (isinstance(entry, int) and not isinstance(entry, bool))
    ]
    if not ids:
        raise BadRequestError("messageIds holds no usable id: they are strings or integers")
    by = body.get("processedBy")
    if not isinstance(by, str) or not by.strip() or "\0" in by:
        raise BadRequestError("processedBy is required: the name of the consumer")
    channel = body.get("channelId")
    if isinstance(channel, int) and not isinstance(channel, bool):
        channel = str(channel)
    if channel is not None and not (isinstance(channel, str) and CHANNEL_ID.fullmatch(channel.strip())):
        raise BadRequestError("channelId must be the number of a channel, for instance -1001649127710")
    return ids, by.strip(), channel.strip() if channel else None, len(entries) - len(ids)


def rows_read(body: Mapping[str, Any]) -> list[RowRead] | None:
    """Return the rows as the consumer read them; None when it does not say, and all are to be marked."""
    entries = body.get("read")
    if entries is None:
        return None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadRequestError("read must be a list of objects with id, updatedAt and status")
    if len(entries) > LIMIT_MAX:
        raise BadRequestError(f"read holds more than {LIMIT_MAX} rows")
    rows: dict[int, RowRead] = {}
    for entry in entries:
        own_id, updated_at, status = entry.get("id"), entry.get("updatedAt"), entry.get("status")
        if not (isinstance(own_id, str) and own_id.isascii() and own_id.isdigit() and len(own_id) <= 18):
            continue  # no row of ours
        if not isinstance(updated_at, str | None) or not isinstance(status, str | None):
            raise BadRequestError("read: updatedAt and status are strings, as the message had them")
        try:
            instant = None if updated_at is None else utc_from_iso(updated_at)
        except ValueError as exc:
            raise BadRequestError("read: updatedAt must be the message's own") from exc
        rows[int(own_id)] = RowRead(id=int(own_id), updated_at=instant, status=status)
    return list(rows.values())


def reprocess_text(body: Mapping[str, Any]) -> str | None:
    """Return the new text of a message, if one is given."""
    text = body.get("text")
    if not isinstance(text, str | None) or (text is not None and "\0" in text):
        raise BadRequestError("text must be a string without NUL characters")
    return text


def sync_limit(body: Mapping[str, Any]) -> int | None:
    """Return the most messages to fetch."""
    limit = body.get("limit")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise BadRequestError("limit must be an integer of at least 1")
    return limit


def _channel(params: Mapping[str, str], key: str) -> str | None:
    text = params.get(key, "").strip()
    if not text:
        return None
    if not CHANNEL_ID.fullmatch(text):
        raise BadRequestError(f"{key} must be the number of a channel, for instance -1001649127710")
    return text


def _statuses(params: Mapping[str, str]) -> set[str] | None:
    names = {name.strip() for name in params.get("status", "").split(",")} - {""}
    if not names:
        return None
    if not names <= STATUSES:
        raise BadRequestError("status must be a comma-separated list of: " + ", ".join(sorted(STATUSES)))
    return names


def _limit(params: Mapping[str, str], default: int) -> int:
    return min(_integer(params, "limit", default=default, least=1), LIMIT_MAX)


def _integer(params: Mapping[str, str], key: str, *, default: int, least: int) -> int:
    text = params.get(key, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and int(text) >= least):
        raise BadRequestError(f"{key} must be an integer of at least {least}")
    return int(text)


def _instant(params: Mapping[str, str], key: str) -> datetime | None:
    text = params.get(key, "").strip()
    if not text:
        return None
    try:
        return utc_from_iso(text)
    except ValueError as exc:
        raise BadRequestError(f"{key} must be an ISO 8601 time, for instance 2025-11-12T13:04:31Z") from exc


def _text(params: Mapping[str, str], key: str) -> str | None:
    text = params.get(key, "").strip()
    if "\0" in text:
        raise BadRequestError(f"{key} must not hold a NUL character")
    return text or None
