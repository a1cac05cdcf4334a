"""Finds the messages that the ledger does not have in their present form. Only those are worth reading."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from engine.model import ChannelMessage, SourceMessage
from storage.postgres.database import Cursor, Database
from storage.postgres.ledger_rows import to_json

__all__ = ["KnownMessages"]

# The ledger replaces an outcome by another text of a later update, or a dead letter that can be read now. All other
# messages are known. The gateway's updated_at alone does not tell an edit, because acknowledging changes it too.
_KNOWN = """
select row.place from json_to_recordset(%(rows)s) as row (
    place integer, channel text, message_id text, text text, caption text, telegram_date timestamptz,
    deleted boolean)
join {ledger} as known using (channel, message_id)
where known.outcome <> 'dead_letter'
    and (known.text, known.caption, known.deleted) is not distinct from (row.text, row.caption, row.deleted)
    and known.telegram_date is not distinct from row.telegram_date
"""


class KnownMessages:
    """Looks up messages, one page at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statement = sql.SQL(_KNOWN).format(ledger=sql.Identifier(database.schema, "ledger"))

    def missing(self, messages: Sequence[SourceMessage]) -> list[SourceMessage]:
        """Return the messages that the ledger lacks, or has in another form, in their order.

        Raises:
            StorageError: the database cannot be read now.
        """
        rows = [
            {
                "place": place,
                "channel": message.channel,
                "message_id": message.message_id,
                "text": message.text,
                "caption": message.caption,
                "telegram_date": message.telegram_date,
                "deleted": message.is_deleted,
            }
            for place, message in enumerate(messages)
            if isinstance(message, ChannelMessage) and _can_be_asked(message)
        ]

        if not rows:
            return list(messages)

        def work(cursor: Cursor) -> set[int]:
            return {row["place"] for row in cursor.execute(self._statement, {"rows": to_json(rows).decode()})}

        known = self._database.read(work)
        return [message for place, message in enumerate(messages) if place not in known]


def _can_be_asked(message: ChannelMessage) -> bool:
    """Return whether the database can store the texts. If it cannot, the message is at most a dead letter there."""
    texts = (message.message_id, message.text or "", message.caption or "")
    return not any("\0" in text or not _is_utf8(text) for text in texts)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True
