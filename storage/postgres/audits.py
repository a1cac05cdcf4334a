"""The progress of each channel's audit. An audit reads the whole history and looks for edits that polling missed."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql
from psycopg.rows import class_row

from storage.postgres.database import Cursor, Database

__all__ = ["Audit", "Audits"]

_ENTER = """
insert into {schema}.history_audits (channel) select unnest(%(channels)s::text[]) on conflict do nothing
"""
_DUE = """
select channel, rows_read, last_gateway_id, found from {schema}.history_audits
where channel = any(%(channels)s) and checked_at < now() - %(every_s)s * interval '1 second'
order by checked_at, channel limit 1
"""
_SAVE = """
update {schema}.history_audits set
    rows_read = %(rows_read)s, last_gateway_id = %(last_gateway_id)s, found = %(found)s, updated_at = now()
where channel = %(channel)s
"""
_COMPLETE = """
update {schema}.history_audits set
    rows_read = 0, last_gateway_id = null, found = 0, checked_at = now(), updated_at = now()
where channel = %(channel)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One channel's audit that is due. It has read ``rows_read`` rows, and ``found`` of them were news."""

    channel: str
    rows_read: int = 0
    last_gateway_id: str | None = None
    found: int = 0


class Audits:
    """One row for each channel. An audit continues after a restart, and two daemons do not repeat it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        schema = sql.Identifier(database.schema)
        self._enter, self._due, self._save, self._complete = (
            sql.SQL(text).format(schema=schema) for text in (_ENTER, _DUE, _SAVE, _COMPLETE)
        )

    def due(self, channels: tuple[str, ...], *, every_s: float) -> Audit | None:
        """Return the audit that is due. The channel that waited longest comes first. A new channel waits one period."""
        values = {"channels": list(channels), "every_s": every_s}

        def work(cursor: Cursor) -> Audit | None:
            cursor.execute(self._enter, values)
            with cursor.connection.cursor(row_factory=class_row(Audit)) as rows:
                return rows.execute(self._due, values).fetchone()

        return self._database.write(work)

    def save(self, audit: Audit) -> None:
        """Store the progress of an audit."""
        values = {
            "channel": audit.channel,
            "rows_read": audit.rows_read,
            "last_gateway_id": audit.last_gateway_id,
            "found": audit.found,
        }
        self._database.write(lambda cursor: cursor.execute(self._save, values))

    def complete(self, channel: str) -> None:
        """Store that an audit has ended. The next one begins at the first row, one period later."""
        self._database.write(lambda cursor: cursor.execute(self._complete, {"channel": channel}))
