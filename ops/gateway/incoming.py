"""Writes what is read live from Telegram: messages, edits and deletions, in any order and any number of times.

The newest row of a message has its latest text, and the status ``deleted`` if the channel has deleted it. A later text
is a new row, as in an import: one row a delivery. An edit that leaves the text as it is, is no edit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

import orjson

from ops.gateway.records import MessageRecord
from ops.gateway.repository import IMPORT_LOCK
from storage.postgres.database import Cursor

__all__ = ["Change", "Gone", "Posted", "Written", "write_changes"]

_KNOWN: LiteralString = """
    SELECT DISTINCT ON (m.channel_id, m.message_id) m.id, m.channel_id, m.message_id, m.text, m.caption, m.updated_at,
        m.media_refs::text, coalesce(m.version_at, m.updated_at) AS version_at, m.telegram_date, m.status
    FROM telegram_gateway.messages m
    JOIN json_to_recordset(%(keys)s::json) AS key (channel text, message text)
        ON m.message_id = key.message AND (m.channel_id = key.channel
            -- the numbers of messages outside channels are unique in the whole account
            OR key.channel IS NULL AND length(m.channel_id) < %(channel_length)s)
    ORDER BY m.channel_id, m.message_id, m.updated_at DESC, m.id DESC"""
_INSERT: LiteralString = """
    INSERT INTO telegram_gateway.messages (
        channel_id, message_id, thread_id, text, caption, media_type, media_refs, telegram_date, metadata, status,
        updated_at, version_at, deleted_at)
    VALUES (%(channel_id)s, %(message_id)s, %(thread_id)s, %(text)s, %(caption)s, %(media_type)s, %(media_refs)s,
        %(telegram_date)s, %(metadata)s, %(status)s, coalesce(%(updated_at)s, clock_timestamp()), %(version_at)s,
        CASE %(status)s WHEN 'deleted' THEN clock_timestamp() END)
    RETURNING id, updated_at"""
# the same text: no edit, but the media of an album may be known only now
_SEEN: LiteralString = """
    UPDATE telegram_gateway.messages SET version_at = %(version_at)s, media_refs = %(media_refs)s WHERE id = %(id)s"""
# The row of a deleted message gets a later text, or its first one. Every consumer is told again.
_REPLACE: LiteralString = """
    UPDATE telegram_gateway.messages SET thread_id = %(thread_id)s, text = %(text)s, caption = %(caption)s,
        media_type = %(media_type)s, media_refs = %(media_refs)s, telegram_date = %(telegram_date)s,
        metadata = %(metadata)s, version_at = %(version_at)s, processed_by = NULL,
        updated_at = greatest(clock_timestamp(), updated_at + interval '1 millisecond')
    WHERE id = %(id)s RETURNING id, updated_at"""
_DELETE: LiteralString = """
    UPDATE telegram_gateway.messages SET status = 'deleted', deleted_at = clock_timestamp(), processed_by = NULL,
        updated_at = greatest(clock_timestamp(), updated_at + interval '1 millisecond')
    WHERE id = %(id)s RETURNING id, updated_at"""
_DELETE_OLDER: LiteralString = """
    UPDATE telegram_gateway.messages SET status = 'deleted'
    WHERE channel_id = %(channel_id)s AND message_id = %(message_id)s AND id <> %(id)s AND status <> 'deleted'"""
_TELL_AGAIN: LiteralString = """
    WITH forgotten AS (DELETE FROM telegram_gateway.message_consumers WHERE message_row = %(id)s)
    SELECT pg_notify('telegram_gateway', left(%(channel_id)s, 64))"""
_LEAST = timedelta(milliseconds=1)
#: the id of a channel or supergroup has at least so many characters, that of a group fewer. Not all begin with -100.
_CHANNEL_LENGTH = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A message as Telegram has it at ``version_at``, the date of its last edit or of its posting.

    ``only_if_known``: it is no message of its own, but a row may have been written for it.
    """

    record: MessageRecord
    version_at: datetime
    only_if_known: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Messages that were deleted. Telegram names no chat for messages outside channels; ``channel_id`` is then None."""

    channel_id: str | None
    message_ids: tuple[str, ...]


Change = Posted | Gone


@dataclass(slots=True, kw_only=True)
class Written:
    """What changes did: the number of new, edited and deleted messages."""

    new: int = 0
    edited: int = 0
    deleted: int = 0

    def add(self, other: Written) -> None:
        """Add the numbers of another batch."""
        self.new += other.new
        self.edited += other.edited
        self.deleted += other.deleted

    @property
    def total(self) -> int:
        """The number of all changes that were news."""
        return self.new + self.edited + self.deleted


def write_changes(cursor: Cursor, changes: Sequence[Change]) -> Written:
    """Write changes in their order, in the caller's transaction."""
    written = Written()
    if not changes:
        return written
    # no other import or reader decides about these messages until the end of the transaction
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (IMPORT_LOCK,))
    keys = orjson.dumps([{"channel": c, "message": m} for c, m in _keys(changes)]).decode()
    known = {
        _key(row): row
        for row in cursor.execute(_KNOWN, {"keys": keys, "channel_length": _CHANNEL_LENGTH}).fetchall()
    }
    for change in changes:
        if isinstance(change, Posted):
            _post(cursor, change, known, written)
        else:
            for key in _gone_keys(change, known):
                _delete(cursor, key, known, written)
    return written


def _post(
    cursor: Cursor, posted: Posted, known: dict[tuple[str, str], dict[str, Any]], written: Written
) -> None:
    record = posted.record
    key = record.channel_id, record.message_id
    values = _values(record, posted.version_at)
    row = known.get(key)
    if row is None:
        if not posted.only_if_known:
            known[key] = values | _one(cursor, _INSERT, values)
            written.new += 1
    elif row["telegram_date"] is None and row["status"] == "deleted":
        known[key] = row | values | {"status": "deleted"} | _told_again(cursor, _REPLACE, row | values)
        written.new += 1
    elif posted.version_at < row["version_at"]:
        return
    elif (record.text, record.caption) == (row["text"], row["caption"]):
        more_media = len(record.media_refs) > len(orjson.loads(row["media_refs"]))
        if posted.version_at > row["version_at"] or more_media:
            row |= {name: values[name] for name in ("version_at", "media_refs")}
            cursor.execute(_SEEN, row)
    elif row["status"] == "deleted":
        known[key] = row | values | {"status": "deleted"} | _told_again(cursor, _REPLACE, row | values)
        written.edited += 1
    else:
        values["updated_at"] = max(posted.version_at, row["updated_at"] + _LEAST)
        known[key] = values | _one(cursor, _INSERT, values)
        written.edited += 1


def _delete(
    cursor: Cursor, key: tuple[str, str], known: dict[tuple[str, str], dict[str, Any]], written: Written
) -> None:
    row = known.get(key)
    if row is None:
        # Its text may still come. Then it is the text of a deleted message.
        values = _values(MessageRecord(channel_id=key[0], message_id=key[1], status="deleted"), None)
        known[key] = values | _one(cursor, _INSERT, values)
    elif row["status"] != "deleted":
        known[key] = row | {"status": "deleted"} | _told_again(cursor, _DELETE, row)
        cursor.execute(_DELETE_OLDER, row)
        written.deleted += 1


def _one(cursor: Cursor, statement: LiteralString, values: dict[str, Any]) -> dict[str, Any]:
    (row,) = cursor.execute(statement, values).fetchall()
    return row


def _told_again(cursor: Cursor, statement: LiteralString, values: dict[str, Any]) -> dict[str, Any]:
    """Change a row that consumers may have marked, and tell them again."""
    row = _one(cursor, statement, values)
    cursor.execute(_TELL_AGAIN, values)
    return row


def _values(record: MessageRecord, version_at: datetime | None) -> dict[str, Any]:
    return {
        "channel_id": record.channel_id,
        "message_id": record.message_id,
        "thread_id": record.thread_id,
        "text": record.text,
        "caption": record.caption,
        "media_type": record.media_type,
        "media_refs": orjson.dumps(record.media_refs).decode(),
        "telegram_date": record.telegram_date,
        "metadata": orjson.dumps(record.metadata).decode(),
        "status": record.status,
        "updated_at": version_at,
        "version_at": version_at,
    }


def _key(row: dict[str, Any]) -> tuple[str, str]:
    return row["channel_id"], row["message_id"]


def _keys(changes: Iterable[Change]) -> Iterable[tuple[str | None, str]]:
    for change in changes:
        if isinstance(change, Posted):
            yield change.record.channel_id, change.record.message_id
        else:
            yield from ((change.channel_id, number) for number in change.message_ids)


def _gone_keys(gone: Gone, known: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    if gone.channel_id is not None:
        return [(gone.channel_id, number) for number in gone.message_ids]
    numbers = set(gone.message_ids)
    return [key for key in known if key[1] in numbers and len(key[0]) < _CHANNEL_LENGTH]
