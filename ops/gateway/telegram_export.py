"""Converts an entry of Telegram Desktop's export (``result.json``) into a message in the form of the API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ops.gateway.records import CHANNEL_ID, BadMessageError, iso_utc

__all__ = ["api_message", "channel_id_of", "is_service", "is_unsupported"]

_CHANNELS = 10**12
#: `media_type` of an export -> `mediaType`; other values are kept
_MEDIA = {"video_file": "video", "voice_message": "voice", "audio_file": "audio"}


def channel_id_of(kind: object, number: object) -> str | None:
    """Return the API's channel id of a chat in the export, or None if it has no valid number.

    The export has Telegram's plain numbers. In the API, channels and supergroups begin with ``-100``, and basic groups
    with a minus sign.

    >>> channel_id_of("public_channel", 1649127710)
    '-1001649127710'
    """
    bare = str(number)
    if not CHANNEL_ID.fullmatch(bare):
        return None
    if bare.startswith("-"):
        return bare
    words = str(kind)
    if "channel" in words or "supergroup" in words:
        # -100 stands before ten digits; a longer number is added to it, as every client of Telegram does
        return str(-_CHANNELS - int(bare))
    return f"-{bare}" if "group" in words else bare


def is_service(message: object) -> bool:
    """Return whether an entry of the export is a service message (somebody joined, a pin, a call)."""
    return isinstance(message, dict) and message.get("type") == "service"


def is_unsupported(message: object) -> bool:
    """Return whether an entry is a placeholder for a message that the exporting program could not show.

    A later export may hold the message itself under the same number (fault 35).
    """
    return isinstance(message, dict) and message.get("type") == "unsupported"


def api_message(message: object, channel_id: str) -> dict[str, Any]:
    """Return an entry of the export in the form of the API.

    Raises:
        BadMessageError: the entry is no valid message.
    """
    if not isinstance(message, dict):
        raise BadMessageError("not a JSON object")
    words = _plain(message["text"] if "text" in message else message.get("text_entities", ""))
    media = _media_type(message)
    sent = _instant(message, "date")
    edited = _instant(message, "edited")
    path = message.get("photo") or message.get("file")
    metadata: dict[str, str | None] = {}
    # with a peer, the reply is to a message of another chat, which has its own numbers (fault 34)
    if message.get("reply_to_message_id") is not None and message.get("reply_to_peer_id") is None:
        metadata["replyTo"] = str(message["reply_to_message_id"])
    if edited is not None:
        metadata["editedAt"] = iso_utc(edited)
    return {
        "channelId": channel_id,
        "messageId": message.get("id"),
        # the text of a photo is its caption
        "text": words if media is None else None,
        "caption": (words or None) if media is not None else None,
        "mediaType": media,
        "mediaRefs": [{"path": path}] if isinstance(path, str) else [],
        "telegramDate": iso_utc(sent),
        # the time of the edit, so that an edited text in a later export counts as newer
        "updatedAt": iso_utc(edited or sent),
        "metadata": metadata,
    }


def _plain(text: object) -> str:
    """Return the plain text. The export has a string, or a list of strings and entities."""
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
    """Return the instant of ``<key>_unixtime``, otherwise of ``<key>``, which is the exporter's local time."""
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
        # a slim container has no time zone data; Brazil has had no summer time since 2019
        return timezone(timedelta(hours=-3))
