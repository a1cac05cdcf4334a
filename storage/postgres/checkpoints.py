"""The progress of each channel's history import, and its results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql
from psycopg.rows import class_row

from storage.postgres.database import Cursor, Database

__all__ = ["Checkpoint", "Checkpoints"]

_COLUMNS = """channel, rows_read, last_gateway_id, pages, found, gateway_total, started_at, updated_at,
    completed_at, newest_received_at, tail_checked_at, tail_found"""

_SAVE = """
insert into {schema}.checkpoints as known (
    channel, rows_read, last_gateway_id, pages, found, gateway_total, newest_received_at, completed_at)
values (%(channel)s, %(rows_read)s, %(last_gateway_id)s, %(pages)s, %(found)s, %(gateway_total)s,
    %(newest_received_at)s, case when %(completed)s then now() end)
on conflict (channel) do update set
    rows_read = excluded.rows_read, last_gateway_id = excluded.last_gateway_id, pages = excluded.pages,
    found = excluded.found, gateway_total = excluded.gateway_total,
    newest_received_at = (
        select max(instant) from (values (known.newest_received_at), (excluded.newest_received_at)) as known (instant)
        where instant <= now() + interval '5 minutes'),
    completed_at = excluded.completed_at, updated_at = now()
"""

_RECORD_TAIL = """
update {schema}.checkpoints set
    tail_checked_at = now(), tail_found = tail_found + %(found)s,
    newest_received_at = (
        select max(instant) from (values (newest_received_at), (%(newest_received_at)s)) as known (instant)
        where instant <= now() + interval '5 minutes')
where channel = %(channel)s
"""

_RESTART = """
update {schema}.checkpoints set
    rows_read = 0, last_gateway_id = null, pages = 0, found = 0, completed_at = null, started_at = now()
where channel = any(%(channels)s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """One channel's history import.

    It has read ``rows_read`` rows of the gateway's history in ``pages`` pages, and all of them are durable here.
    ``found`` of them were new to the ledger. ``tail_found`` counts what later tail checks found.
    """

    channel: str
    rows_read: int = 0
    last_gateway_id: str | None = None
    pages: int = 0
    found: int = 0
    gateway_total: int | None = None
    started_at: datetime | None = None
    updated_at: datetime | None = None
    completed_at: datetime | None = None
    newest_received_at: datetime | None = None
    tail_checked_at: datetime | None = None
    tail_found: int = 0


class Checkpoints:
    """One row for each channel. Every start continues from it (fault 11 of the former service)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._schema = sql.Identifier(database.schema)

    def load(self, channels: Sequence[str]) -> dict[str, Checkpoint]:
        """Return the stored checkpoints of these channels."""
        query = self._sql(f"select {_COLUMNS} from {{schema}}.checkpoints where channel = any(%s)")  # noqa: S608 - our own column list

        def work(cursor: Cursor) -> dict[str, Checkpoint]:
            with cursor.connection.cursor(row_factory=class_row(Checkpoint)) as rows:
                return {row.channel: row for row in rows.execute(query, [list(channels)])}

        return self._database.read(work)

    def save(self, checkpoint: Checkpoint, *, completed: bool) -> None:
        """Store the progress of the full pass. ``completed`` ends it."""
        values = {
            "channel": checkpoint.channel,
            "rows_read": checkpoint.rows_read,
            "last_gateway_id": checkpoint.last_gateway_id,
            "pages": checkpoint.pages,
            "found": checkpoint.found,
            "gateway_total": checkpoint.gateway_total,
            "newest_received_at": checkpoint.newest_received_at,
            "completed": completed,
        }
        self._database.write(lambda cursor: cursor.execute(self._sql(_SAVE), values))

    def record_tail(self, channel: str, *, found: int, newest_received_at: datetime | None) -> None:
        """Store that a tail check is complete, and how many messages it found that the ledger lacked."""
        values = {"channel": channel, "found": found, "newest_received_at": newest_received_at}
        self._database.write(lambda cursor: cursor.execute(self._sql(_RECORD_TAIL), values))

    def restart(self, channels: Sequence[str]) -> None:
        """Delete the progress of these channels' full passes, so that they start at the first row."""
        self._database.write(lambda cursor: cursor.execute(self._sql(_RESTART), {"channels": list(channels)}))

    def _sql(self, text: str) -> sql.Composed:
        return sql.SQL(text).format(schema=self._schema)
