"""Messages: checked when they come in, and as JSON of the API when they go out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

__all__ = [
    "CHANNEL_ID",
    "STATUSES",
    "BadMessageError",
    "MessageRecord",
    "iso_utc",
    "message_json",
    "record_from_json",
    "utc_from_iso",
]

STATUSES = frozenset(
    {"received", "retrying", "queued", "published", "failed", "reprocess_pending", "reprocessed", "deleted"}
)
CHANNEL_ID = re.compile(r"-?\d{1,19}", re.ASCII)
#: an unescaped plus in a URL arrives as a space
_SPACE_FOR_PLUS = re.compile(r" (\d{2}:?\d{2})$")


class BadMessageError(ValueError):
    """A message cannot be accepted. The text tells the reason, without the content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRecord:
    """A message to insert. ``None`` for a time means now, by the database's clock.

    ``source_id`` is the row's id in its source. Two rows that differ only in it are two deliveries of one message.
    """

    channel_id: str
    message_id: str
    source_id: str | None = None
    thread_id: str | None = None
    source: str = "telegram"
    message_type: str = "channel_post"
    text: str | None = None
    caption: str | None = None
    media_type: str | None = None
    media_refs: list[Any] = field(default_factory=list)
    status: str = "received"
    processed_by: str | None = None
    received_at: datetime | None = None
    telegram_date: datetime | None = None
    published_at: datetime | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None
    updated_at: datetime | None = None


def iso_utc(instant: datetime | None) -> str | None:
    """Write an aware instant as ISO 8601 in UTC.

    >>> iso_utc(datetime(2025, 11, 12, 13, 4, 31, tzinfo=UTC))
    '2025-11-12T13:04:31.000Z'
    """
    if instant is None:
        return None
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def utc_from_iso(text: str) -> datetime:
    """Return the instant of an ISO 8601 text. Without an offset it is in UTC.

    Raises:
        ValueError: the text is no instant.

    >>> utc_from_iso("2025-11-12T10:04:31 03:00").isoformat()
    '2025-11-12T07:04:31+00:00'
    """
    text = text.strip()
    instant = datetime.fromisoformat(_SPACE_FOR_PLUS.sub(r"+\1", text) if "T" in text else text)
    aware = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
    try:
        utc = aware.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError("the year is out of range") from exc
    if not 2 <= utc.year < 9999:
        raise ValueError("the year is out of range")
    return utc


def message_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the API's message of a database row."""
    return {
        "id": str(row["id"]),
        "channelId": row["channel_id"],
        "messageId": row["message_id"],
        "threadId": row["thread_id"],
        "source": row["source"],
        "messageType": row["message_type"],
        "text": row["text"],
        "caption": row["caption"],
        "mediaType": row["media_type"],
        "mediaRefs": orjson.Fragment(row["media_refs"]),
        "status": row["status"],
        "receivedAt": iso_utc(row["received_at"]),
        "telegramDate": iso_utc(row["telegram_date"]),
        "publishedAt": iso_utc(row["published_at"]),
        "metadata": orjson.Fragment(row["metadata"]),
        "createdAt": iso_utc(row["created_at"]),
        "updatedAt": iso_utc(row["updated_at"]),
        "processedBy": row["consumers"],
        "processed_by": row["processed_by"],
    }


def record_from_json(value: object, *, channel_id: str | None = None) -> MessageRecord:
    """Check a message in the form of the API. Missing fields get their defaults.

    ``channel_id`` replaces the message's own.

    Raises:
        BadMessageError: a field is wrong; the text names it, without its content.
    """
    if not isinstance(value, dict):
        raise BadMessageError("not a JSON object")
    if _holds_nul(value):
        raise BadMessageError("holds a NUL character, which the database cannot keep")
    channel = channel_id or _name(value, "channelId", required=True)
    if channel is None or not CHANNEL_ID.fullmatch(channel):
        raise BadMessageError("channelId is not a number")
    message_id = _name(value, "messageId", required=True)
    if message_id is None or len(message_id) > 64:
        raise BadMessageError("messageId is longer than 64 characters")
    media_refs = value.get("mediaRefs")
    metadata = value.get("metadata")
    if not isinstance(media_refs, list | None):
        raise BadMessageError("mediaRefs is not a list")
    if not isinstance(metadata, dict | None):
        raise BadMessageError("metadata is not an object")
    status = _string(value, "status") or "received"
    if status not in STATUSES:
        raise BadMessageError("status is not one of " + ", ".join(sorted(STATUSES)))
    return MessageRecord(
        channel_id=channel,
        message_id=message_id,
        source_id=_name(value, "id"),
        thread_id=_name(value, "threadId"),
        source=_string(value, "source") or "telegram",
        message_type=_string(value, "messageType") or "channel_post",
        text=_string(value, "text"),
        caption=_string(value, "caption"),
        media_type=_string(value, "mediaType"),
        media_refs=media_refs or [],
        status=status,
        processed_by=_string(value, "processed_by"),
        received_at=_instant(value, "receivedAt"),
        telegram_date=_instant(value, "telegramDate"),
        published_at=_instant(value, "publishedAt"),
        metadata=metadata or {},
        created_at=_instant(value, "createdAt"),
        updated_at=_instant(value, "updatedAt"),
    )


def _string(value: Mapping[str, Any], key: str) -> str | None:
    found = value.get(key)
    if not isinstance(found, str | None):
        raise BadMessageError(f"{key} is not a string")
    return found


def _name(value: Mapping[str, Any], key: str, *, required: bool = False) -> str | None:
    """Return an identifier. Some senders write it as a number."""
    found = value.get(key)
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    if not isinstance(found, str | None):
        raise BadMessageError(f"{key} is neither a string nor an integer")
    if required and not (found and found.strip()):
        raise BadMessageError(f"{key} is missing")
    return found.strip() or None if found else None


def _instant(value: Mapping[str, Any], key: str) -> datetime | None:
    found = _string(value, key)
    if found is None:
        return None
    try:
        return utc_from_iso(found)
    except ValueError as exc:
        raise BadMessageError(f"{key} is not an ISO 8601 time") from exc


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, list):
        return any(_holds_nul(item) for item in value)
    if isinstance(value, dict):
        return any(_holds_nul(key) or _holds_nul(item) for key, item in value.items())
    return False
