"""What a reader of Telegram keeps in the database: the messages, and how far it has come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ops.gateway.incoming import Change, Written, write_changes
from storage.errors import RowsRefusedError
from storage.postgres.database import Cursor, Database

__all__ = ["DATABASE_RETRY_S", "LiveStore"]

#: a database that is back must not wait for what Telegram holds as long as Telegram may wait for us
DATABASE_RETRY_S = 5.0


class LiveStore:
    """Writes changes and the reader's place in one transaction. All calls may raise ``StorageError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, changes: Sequence[Change], *, checked: tuple[str, int] | None = None) -> Written:
        """Write changes. ``checked`` is a channel and the message up to which its history has no gap now."""

        def work(cursor: Cursor) -> Written:
            written = write_changes(cursor, changes)
            if checked is not None:
                cursor.execute(
                    """INSERT INTO telegram_gateway.live_channels AS known (channel_id, checked_upto, checked_at)
                    VALUES (%s, %s, now()) ON CONFLICT (channel_id) DO UPDATE
                    SET checked_upto = greatest(known.checked_upto, excluded.checked_upto), checked_at = now()""",
                    checked,
                )
            return written

        return self._database.write(work)

    def write_each(self, changes: Iterable[Change]) -> tuple[Written, list[RowsRefusedError]]:
        """Write changes one by one, because the database refuses one of them. Return the refusals too."""
        total, refused = Written(), []
        for change in changes:
            try:
                total.add(self.write([change]))
            except RowsRefusedError as error:
                refused.append(error)
        return total, refused

    def checked_upto(self, channel: str) -> int:
        """Return the message up to which a channel's history has no gap; 0 before the first comparison."""

        def work(cursor: Cursor) -> int:
            rows = cursor.execute(
                "SELECT checked_upto FROM telegram_gateway.live_channels WHERE channel_id = %s", (channel,)
            ).fetchall()
            return int(rows[0]["checked_upto"]) if rows else 0

        return self._database.read(work)

    def stored_since(self, channel: str, first: int) -> set[int]:
        """Return the messages of a channel from ``first`` on that are stored and not deleted."""

        def work(cursor: Cursor) -> set[int]:
            rows = cursor.execute(
                """SELECT DISTINCT message_id FROM telegram_gateway.messages
                WHERE channel_id = %s AND status <> 'deleted'
                  AND CASE WHEN message_id ~ '^[0-9]{1,18}$' THEN message_id::bigint >= %s END""",
                (channel, first),
            )
            return {int(row["message_id"]) for row in rows}

        return self._database.read(work)

    def next_update(self, bot_id: int) -> int | None:
        """Return the next update that a bot asks for, or None before its first one."""

        def work(cursor: Cursor) -> int | None:
            rows = cursor.execute(
                "SELECT next_update FROM telegram_gateway.bot_offsets WHERE bot_id = %s", (bot_id,)
            ).fetchall()
            return int(rows[0]["next_update"]) if rows else None

        return self._database.read(work)

    def write_updates(self, bot_id: int, changes: Sequence[Change], *, next_update: int) -> Written:
        """Write what a bot was told, and the update that it asks for next."""

        def work(cursor: Cursor) -> Written:
            cursor.execute(
                """INSERT INTO telegram_gateway.bot_offsets (bot_id, next_update) VALUES (%s, %s)
                ON CONFLICT (bot_id) DO UPDATE SET next_update = excluded.next_update""",
                (bot_id, next_update),
            )
            return write_changes(cursor, changes)

        return self._database.write(work)
