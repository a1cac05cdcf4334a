"""Converts the gateway's message objects to our values and back."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from engine.instants import EARLIEST, MOST_AHEAD, is_plausible, utc_instant
from engine.model import ChannelMessage, MalformedMessage, SourceMessage
from storage.gateway.rows import UnreadableRow, read_row

__all__ = ["bounded", "decode_body", "decode_message", "decode_raw", "encode_message", "row_read"]

#: a message number of Telegram. The gateway's column is a bigint, and one id that it cannot read fails a whole
#: acknowledgement (fault 28), so any other id is never sent
_USABLE_ID = re.compile(r"-?[0-9]{1,18}")


#: the id is part of a key, and an index entry has at most 2,704 bytes
_LONGEST_ID = 200
#: how much is kept of a body that is not JSON
_QUOTED_BYTES = 10_000


class _FieldError(Exception):
    pass


def decode_message(item: object, *, channel: str, now: datetime | None) -> SourceMessage:
    """Convert ``item``, a message object of ``channel`` from the gateway, into our value.

    An object with a missing or ill-typed key becomes a :class:`MalformedMessage`. Unknown keys are ignored. It
    never raises, because one odd message must not affect the others of its page. Implausible instants, compared
    with ``now``, are replaced. If ``now`` is None, the caller replaces them later with :func:`bounded`.
    """
    unread = item if isinstance(item, UnreadableRow) else None
    fields: Mapping[str, Any] = unread.fields if unread else item if isinstance(item, dict) else {}
    given_id = fields.get("id")
    own_id = fields.get("messageId")
    ack_id = own_id if isinstance(own_id, str) and _USABLE_ID.fullmatch(own_id) else None

    def raw() -> str:
        # Only the few malformed messages need it, and it takes as long as all the rest.
        return unread.raw if unread else _raw(item)

    gateway_id = _storable_id(given_id) if isinstance(given_id, str) else _digest(raw())
    message_id = ack_id or f"id:{gateway_id}"
    try:
        if unread:
            raise _FieldError(unread.error)  # noqa: TRY301
        if not isinstance(item, dict):
            raise _FieldError(f"a message must be an object, not {type(item).__name__}")  # noqa: TRY301
        message = _decode(item, channel=channel, message_id=message_id, gateway_id=gateway_id, ack_id=ack_id)
        return message if now is None else bounded(message, now)
    except _FieldError as error:
        return MalformedMessage(
            channel=channel,
            message_id=message_id,
            gateway_id=gateway_id,
            ack_id=ack_id,
            error=str(error),
            raw=raw(),
            version=_version(fields),
        )


def decode_raw(raw: str, *, channel: str, now: datetime) -> SourceMessage:
    """Reread a stored raw message (see :func:`encode_message`). It never raises."""
    return decode_body(raw.encode(), channel=channel, now=now)


def decode_body(body: bytes, *, channel: str | None, now: datetime | None) -> SourceMessage:
    """Convert a message that stands alone. It never raises. Without a ``channel`` the message's own one is used."""
    try:
        item = read_row(body)
    except ValueError as error:
        # As a JSON string, so that any database can hold it whatever the bytes are.
        raw = json.dumps(body[:_QUOTED_BYTES].decode("utf-8", "backslashreplace"))
        item = UnreadableRow(error=f"not JSON: {error}", fields={}, raw=raw)
    if channel is None:
        fields = item.fields if isinstance(item, UnreadableRow) else item if isinstance(item, dict) else {}
        own = fields.get("channelId")
        channel = _storable_id(own) if isinstance(own, str) else "unknown"
    return decode_message(item, channel=channel, now=now)


def encode_message(message: SourceMessage) -> str:
    """Return ``message`` as ASCII-escaped JSON in the gateway's shape.

    As ASCII a database accepts the NUL bytes and lone surrogates that it refuses in a text.
    """
    if isinstance(message, MalformedMessage):
        return message.raw
    item = {
        "id": message.gateway_id,
        "channelId": message.channel,
        "messageId": message.ack_id,
        "text": message.text,
        "caption": message.caption,
        "source": message.source,
        "status": message.status,
        "receivedAt": message.received_at.isoformat(),
        "telegramDate": message.telegram_date.isoformat() if message.telegram_date else None,
        "updatedAt": message.version or (message.updated_at.isoformat() if message.updated_at else None),
        "metadata": {"replyTo": message.reply_to} if message.reply_to else None,
    }
    return json.dumps(item, ensure_ascii=True, separators=(",", ":"))


def row_read(message: SourceMessage) -> dict[str, str]:
    """Return how an acknowledgement describes a row: the version of its text that was read, and its status."""
    row = {"id": message.gateway_id}
    if message.version is not None:
        row["updatedAt"] = message.version
    if isinstance(message, ChannelMessage):
        row["status"] = message.status
    return row


def _decode(
    item: Mapping[str, Any], *, channel: str, message_id: str, gateway_id: str, ack_id: str | None
) -> ChannelMessage:
    if not isinstance(item.get("id"), str):
        raise _FieldError("id: must be a string")
    if ack_id is None:
        raise _FieldError(
            f"messageId: must be a string that holds a number, not {_shown(item.get('messageId'))}"
        )
    if item.get("channelId") != channel:
        raise _FieldError(f"channelId: must be {channel!r}, not {_shown(item.get('channelId'))}")
    if "text" not in item:
        raise _FieldError("text: the key is missing")
    received_at = _instant(item, "receivedAt")
    if received_at is None:
        raise _FieldError("receivedAt: must be an instant, not null")
    return ChannelMessage(
        channel=channel,
        message_id=message_id,
        gateway_id=gateway_id,
        ack_id=ack_id,
        text=_text(item, "text"),
        caption=_text(item, "caption"),
        source=_text(item, "source") or "telegram",
        status=_text(item, "status") or "received",
        received_at=received_at,
        telegram_date=_instant(item, "telegramDate"),
        updated_at=_instant(item, "updatedAt"),
        reply_to=_reply_to(item.get("metadata")),
        version=_version(item),
    )


def _version(item: Mapping[str, Any]) -> str | None:
    """Return ``updatedAt`` unchanged. It is sent back to the gateway, and only the gateway interprets it."""
    value = item.get("updatedAt")
    return value if isinstance(value, str) and len(value) <= _LONGEST_ID else None


def _raw(item: object) -> str:
    """Return ``item`` as ASCII-escaped JSON, without nested values if it is nested too deeply."""
    try:
        return json.dumps(item, ensure_ascii=True, separators=(",", ":"))
    except RecursionError:
        flat = {}
        if isinstance(item, dict):
            flat = {key: value for key, value in item.items() if not isinstance(value, dict | list)}
        return json.dumps(flat, ensure_ascii=True, separators=(",", ":"))


def _storable_id(gateway_id: str) -> str:
    """Return an id that any database accepts as a key: printable ASCII, and short."""
    if gateway_id.isascii() and gateway_id.isprintable() and len(gateway_id) <= _LONGEST_ID:
        return gateway_id
    plain = gateway_id.encode("ascii", "backslashreplace").decode()
    plain = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in plain)
    return plain if len(plain) <= _LONGEST_ID else _digest(plain)


def _digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()[:32]


def _shown(value: object) -> str:
    """Return a value for an error message. A container may be large, so only its type is named."""
    return type(value).__name__ if isinstance(value, dict | list) else f"{value!r:.60}"


def _text(item: Mapping[str, Any], key: str) -> str | None:
    value = item.get(key)
    if value is not None and not isinstance(value, str):
        raise _FieldError(f"{key}: must be a string or null, not {type(value).__name__}")
    return value


def _instant(item: Mapping[str, Any], key: str) -> datetime | None:
    value = _text(item, key)
    if value is None:
        return None
    try:
        return utc_instant(value)
    except ValueError as error:
        raise _FieldError(f"{key}: must be an ISO 8601 instant with an offset, not {value!r:.60}") from error


def bounded(message: ChannelMessage, now: datetime) -> ChannelMessage:
    """Replace implausible instants. Telegram's own date stays, because the outcome compares it with the receipt."""
    received, updated, sent = message.received_at, message.updated_at, message.telegram_date
    if not is_plausible(received, now=now):
        received = now
    elif sent is not None and sent > now + MOST_AHEAD:
        received = min(received, now)
    if updated is not None and not is_plausible(updated, now=now):
        # A later edit must still have a later instant.
        updated = now if updated > now else EARLIEST
    if (received, updated) == (message.received_at, message.updated_at):
        return message
    odd = not is_plausible(message.received_at, now=now) or updated != message.updated_at
    return replace(message, received_at=received, updated_at=updated, odd_dates=odd)


def _reply_to(metadata: object) -> str | None:
    """Return the id of the message replied to, if the metadata names one. Other metadata is ignored."""
    if isinstance(metadata, dict):
        reply_to = metadata.get("replyTo")
        if isinstance(reply_to, str | int) and _USABLE_ID.fullmatch(str(reply_to)):
            return str(reply_to)
    return None
