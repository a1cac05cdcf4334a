"""Telegram Desktop's export (``result.json``) turned into messages of the API's shape.

The export of one chat is one object with ``messages``; that of an account holds such objects in
``chats.list`` and ``left_chats.list``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ops.gateway.records import CHANNEL_ID, BadMessageError, iso_utc

__all__ = ["api_message", "export_chats", "is_export", "is_service"]

#: `media_type` of an export -> `mediaType`; others stay as they are
_MEDIA = {"video_file": "video", "voice_message": "voice", "audio_file": "audio"}


def is_export(value: object) -> bool:
    """Tell whether a JSON document is an export."""
    return isinstance(value, dict) and (
        isinstance(value.get("messages"), list)
        or any(isinstance(value.get(key), dict) and "list" in value[key] for key in ("chats", "left_chats"))
    )


def export_chats(document: Mapping[str, Any]) -> Iterator[tuple[str | None, list[Any]]]:
    """Yield channel id and messages of each chat; the id is None where the chat has no usable one.

    Telegram's own numbers are bare there; the API's channels and supergroups carry ``-100``,
    basic groups a minus sign.

    >>> list(export_chats({"type": "public_channel", "id": 1649127710, "messages": []}))
    [('-1001649127710', [])]
    """
    if isinstance(document.get("messages"), list):
        chats: list[Any] = [document]
    else:
        parts = [document.get(key) for key in ("chats", "left_chats")]
        lists = [part.get("list") for part in parts if isinstance(part, dict)]
        chats = [chat for found in lists if isinstance(found, list) for chat in found]
    for chat in chats:
        if isinstance(chat, dict) and isinstance(chat.get("messages"), list):
            yield _channel_id(chat), chat["messages"]


def is_service(message: object) -> bool:
    """Tell whether an entry of the export is a service message (somebody joined, a pin, a call)."""
    return isinstance(message, dict) and message.get("type") == "service"


def api_message(message: object, channel_id: str) -> dict[str, Any]:
    """Return an entry of the export in the API's shape.

    Raises:
        BadMessageError: it cannot be one.
    """
    if not isinstance(message, dict):
        raise BadMessageError("not a JSON object")
    words = _plain(message["text"] if "text" in message else message.get("text_entities", ""))
    media = _media_type(message)
    sent = _instant(message, "date")
    edited = _instant(message, "edited")
    path = message.get("photo") or message.get("file")
    metadata: dict[str, str | None] = {}
    if message.get("reply_to_message_id") is not None:
        metadata["replyTo"] = str(message["reply_to_message_id"])
    if edited is not None:
        metadata["editedAt"] = iso_utc(edited)
    return {
        "channelId": channel_id,
        "messageId": message.get("id"),
        # what stands beside a photo is its caption
        "text": words if media is None else None,
        "caption": (words or None) if media is not None else None,
        "mediaType": media,
        "mediaRefs": [{"path": path}] if isinstance(path, str) else [],
        "telegramDate": iso_utc(sent),
        # the age of the text, so that a later export with an edited one counts as newer
        "updatedAt": iso_utc(edited or sent),
        "metadata": metadata,
    }


def _channel_id(chat: Mapping[str, Any]) -> str | None:
    number = str(chat.get("id", ""))
    if not CHANNEL_ID.fullmatch(number):
        return None
    if number.startswith("-"):
        return number
    kind = str(chat.get("type", ""))
    if "channel" in kind or "supergroup" in kind:
        return f"-100{number}"
    return f"-{number}" if "group" in kind else number


def _plain(text: object) -> str:
    """Return the words of a text, which is a string or a list of strings and entities."""
    if isinstance(text, str):
        return text
    if not isinstance(text, list):
        raise BadMessageError("text is neither a string nor a list")
    parts = []
    for part in text:
        words = part.get("text") if isinstance(part, dict) else part
        if not isinstance(words, str):
            raise BadMessageError("text holds an entity without text")
        parts.append(words)
    return "".join(parts)


def _media_type(message: Mapping[str, Any]) -> str | None:
    if message.get("photo"):
        return "photo"
    kind = message.get("media_type")
    if isinstance(kind, str) and kind:
        return _MEDIA.get(kind, kind)
    return "document" if message.get("file") else None


def _instant(message: Mapping[str, Any], key: str) -> datetime | None:
    """Return the instant of ``<key>_unixtime``, or of ``<key>``: the exporter's local time."""
    seconds = message.get(f"{key}_unixtime")
    local = message.get(key)
    try:
        if seconds not in (None, ""):
            return datetime.fromtimestamp(int(seconds), tz=UTC)
        if local in (None, ""):
            return None
        return datetime.fromisoformat(local).replace(tzinfo=_brasilia()).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, OSError) as exc:
        raise BadMessageError(f"{key} is not a time") from exc


def _brasilia() -> tzinfo:
    try:
        return ZoneInfo("America/Sao_Paulo")
    except ZoneInfoNotFoundError:
        # a slim container without the time zone data; no summer time since 2019
        return timezone(timedelta(hours=-3))
