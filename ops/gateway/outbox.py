"""The outbox: which messages the publisher still has to send. ``outbox.sql`` fills it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from psycopg import sql

from ops.gateway.records import message_json
from ops.gateway.repository import COLUMNS
from storage.broker.values import Outgoing, telegram_message
from storage.postgres.database import Cursor, Database

__all__ = ["Outbox", "Pending"]

# The body is the message as it is now. A later edit has a row of its own, and sends the same text once more. A message
# that its channel has deleted is sent with its last text and that status.
_PENDING = sql.SQL("""
    SELECT o.position, {columns}
    FROM (SELECT position, message_row FROM telegram_gateway.outbox ORDER BY position LIMIT %(limit)s) o
    LEFT JOIN telegram_gateway.messages m ON m.id = o.message_row AND (
        m.status <> 'deleted' OR m.deleted_at IS NOT NULL AND m.telegram_date IS NOT NULL)
    ORDER BY o.position""").format(columns=sql.SQL(COLUMNS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """The first rows of the outbox: their ``positions``, and the messages to send for them."""

    positions: Sequence[int]
    messages: Sequence[Outgoing]


class Outbox:
    """The gateway's outbox. All calls may raise ``StorageError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pending(self, limit: int) -> Pending:
        """Return the first rows in the order in which their messages were written."""
        rows = self._database.read(lambda cursor: cursor.execute(_PENDING, {"limit": limit}).fetchall())
        return Pending(
            positions=[row["position"] for row in rows],
            messages=[_outgoing(row) for row in rows if row["id"] is not None],
        )

    def remove(self, positions: Sequence[int]) -> None:
        """Remove rows whose messages the broker has confirmed.

        They are named one by one: a transaction that commits late may have a lower position than a row that is done.
        """

        def work(cursor: Cursor) -> None:
            cursor.execute("DELETE FROM telegram_gateway.outbox WHERE position = ANY(%s)", (list(positions),))

        self._database.write(work)

    def waiting(self) -> tuple[int, float]:
        """Return how many messages wait, and the age of the oldest in seconds. Counting ends at 10,000."""

        def work(cursor: Cursor) -> dict[str, Any]:
            (row,) = cursor.execute("""
                SELECT count(*) AS waiting, coalesce(extract(epoch FROM clock_timestamp() - min(written_at)), 0) AS age_s
                FROM (SELECT written_at FROM telegram_gateway.outbox ORDER BY position LIMIT 10000) AS first""").fetchall()
            return row

        row = self._database.read(work)
        return int(row["waiting"]), float(row["age_s"])


def _outgoing(row: dict[str, Any]) -> Outgoing:
    message = message_json(row)
    channel = message["channelId"]
    return telegram_message(channel, f"{channel}:{message['messageId']}", orjson.dumps(message))
