"""Requests to read the history, and the progress of the process that carries them out.

A request stays here until it was carried out. So a process that dies with a request leaves it to the next one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql
from psycopg.rows import class_row

from storage.postgres.database import Cursor, Database

__all__ = ["HistoryRequest", "HistoryRequests"]

_ASK = "insert into {schema}.history_requests (again, channels, since) values (%(again)s, %(channels)s, %(since)s)"
_WAITING = "select id, again, channels, since from {schema}.history_requests order by id"
_DONE = "delete from {schema}.history_requests where id = any(%(ids)s)"
_SHOW = """
insert into {schema}.history_progress (progress) values (%(progress)s)
on conflict (single) do update set progress = excluded.progress, shown_at = now()
"""
_SHOWN = "select progress from {schema}.history_progress"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRequest:
    """A request that waits: read these ``channels`` (all if empty), ``again`` from the first row, or from ``since`` on."""

    id: int
    again: bool
    channels: list[str]
    since: datetime | None


class HistoryRequests:
    """The requests of one database. All calls may raise ``StorageError``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        schema = sql.Identifier(database.schema)
        self._ask, self._waiting, self._done, self._show, self._shown = (
            sql.SQL(text).format(schema=schema) for text in (_ASK, _WAITING, _DONE, _SHOW, _SHOWN)
        )

    def ask(self, *, again: bool, channels: Collection[str], since: datetime | None) -> None:
        """Store a request."""
        values = {"again": again, "channels": list(channels), "since": since}
        self._database.write(lambda cursor: cursor.execute(self._ask, values))

    def waiting(self) -> tuple[HistoryRequest, ...]:
        """Return the requests that were not carried out, in their order."""

        def work(cursor: Cursor) -> tuple[HistoryRequest, ...]:
            with cursor.connection.cursor(row_factory=class_row(HistoryRequest)) as rows:
                return tuple(rows.execute(self._waiting))

        return self._database.read(work)

    def done(self, ids: Collection[int]) -> None:
        """Remove requests that were carried out."""
        self._database.write(lambda cursor: cursor.execute(self._done, {"ids": list(ids)}))

    def show(self, progress: str) -> None:
        """Store the progress for the other processes."""
        self._database.write(lambda cursor: cursor.execute(self._show, {"progress": progress}))

    def shown(self) -> str | None:
        """Return the progress that was shown last; None if nobody has imported yet."""

        def work(cursor: Cursor) -> str | None:
            row = cursor.execute(self._shown).fetchone()
            return None if row is None else str(row["progress"])

        return self._database.read(work)
