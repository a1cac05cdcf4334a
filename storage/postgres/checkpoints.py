"""How far each channel's history has been read, and what came of it."""

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

    ``rows_read`` rows of the gateway's history, all of them durable here, in ``pages`` pages;
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
    """One row a channel: found again at every start (fault 11 of the former service)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._schema = sql.Identifier(database.schema)

    def load(self, channels: Sequence[str]) -> dict[str, Checkpoint]:
        """Return the checkpoints there are of these channels."""
        query = self._sql(f"select {_COLUMNS} from {{schema}}.checkpoints where channel = any(%s)")  # noqa: S608 - our own column list

        def work(cursor: Cursor) -> dict[str, Checkpoint]:
            with cursor.connection.cursor(row_factory=class_row(Checkpoint)) as rows:
                return {row.channel: row for row in rows.execute(query, [list(channels)])}

        return self._database.read(work)

    def save(self, checkpoint: Checkpoint, *, completed: bool) -> None:
        """Keep how far the full pass has come; ``completed`` ends it."""
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
        """Keep that a tail check is complete and how many messages it found that the ledger lacked."""
        values = {"channel": channel, "found": found, "newest_received_at": newest_received_at}
        self._database.write(lambda cursor: cursor.execute(self._sql(_RECORD_TAIL), values))

    def restart(self, channels: Sequence[str]) -> None:
        """Forget how far the full pass of these channels came, so that it runs again."""
        self._database.write(lambda cursor: cursor.execute(self._sql(_RESTART), {"channels": list(channels)}))

    def _sql(self, text: str) -> sql.Composed:
        return sql.SQL(text).format(schema=self._schema)
