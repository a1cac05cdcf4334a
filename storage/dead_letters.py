"""What could not be read or stored: listed, retried with back-off, exported."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg import sql
from psycopg.rows import class_row

from storage.database import Cursor, Database

__all__ = ["DeadLetter", "DeadLetters"]

_COLUMNS = (
    "id, channel, message_id, reason, error, raw, attempts, first_at, last_at, next_attempt_at, resolved_at"
)
_NAMES = tuple(_COLUMNS.split(", "))
#: of what a page may hold: one message has no bound of its own
PAGE_BYTES = 4 * 1024 * 1024
_PAGE = f"""
select {_COLUMNS}, found from (
    select *, count(*) over () as found, sum(length(raw)) over (order by id) - length(raw) as before
    from (
        select {_COLUMNS} from {{schema}}.dead_letters
        where resolved_at is null and id > %(after)s order by id limit %(limit)s) as wanted
) as measured
where before <= %(bytes)s order by id
"""  # noqa: S608 - our own words


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One message that ended badly. ``raw`` is the whole message as ASCII-escaped JSON."""

    id: int
    channel: str
    message_id: str
    reason: str
    error: str
    raw: str
    attempts: int
    first_at: datetime
    last_at: datetime
    next_attempt_at: datetime | None
    resolved_at: datetime | None


class DeadLetters:
    """The table of dead letters. They are written by the ledger, in its transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._schema = sql.Identifier(database.schema)

    def unresolved(self, *, limit: int = 1000) -> tuple[DeadLetter, ...]:
        """Return those that wait for a good end, oldest first."""
        return self._select("resolved_at is null order by id limit %s", [limit])

    def page(self, *, after: int, limit: int) -> tuple[tuple[DeadLetter, ...], bool]:
        """Return those that wait for a good end, from the one after id ``after`` on, and whether more follow.

        A page ends early before it holds more than :data:`PAGE_BYTES` of messages.
        """
        query = self._sql(_PAGE)
        values = {"after": after, "limit": limit + 1, "bytes": PAGE_BYTES}

        def work(cursor: Cursor) -> tuple[tuple[DeadLetter, ...], bool]:
            rows = cursor.execute(query, values).fetchall()
            letters = [DeadLetter(**{name: row[name] for name in _NAMES}) for row in rows[:limit]]
            return tuple(letters), bool(rows) and rows[0]["found"] > len(letters)

        return self._database.read(work)

    def due(self, *, limit: int) -> tuple[DeadLetter, ...]:
        """Return those whose next attempt is due by the database's clock, longest waiting first."""
        return self._select(
            "resolved_at is null and next_attempt_at <= now() order by next_attempt_at, id limit %s", [limit]
        )

    def count(self) -> int:
        """Return how many wait for a good end."""
        query = self._sql("select count(*) as letters from {schema}.dead_letters where resolved_at is null")

        def work(cursor: Cursor) -> int:
            row = cursor.execute(query).fetchone()
            return int(row["letters"]) if row else 0

        return self._database.read(work)

    def make_due(self, letter_id: int | None) -> int:
        """Let the next attempt of one letter (None: of all) be due now; return how many that are."""
        query = self._sql(
            "update {schema}.dead_letters set next_attempt_at = now()"
            " where resolved_at is null and (%(id)s::bigint is null or id = %(id)s::bigint)"
        )
        return self._database.write(lambda cursor: cursor.execute(query, {"id": letter_id}).rowcount)

    def _select(self, condition: str, parameters: list[object]) -> tuple[DeadLetter, ...]:
        query = self._sql(f"select {_COLUMNS} from {{schema}}.dead_letters where {condition}")  # noqa: S608 - our own words

        def work(cursor: Cursor) -> tuple[DeadLetter, ...]:
            with cursor.connection.cursor(row_factory=class_row(DeadLetter)) as rows:
                return tuple(rows.execute(query, parameters))

        return self._database.read(work)

    def _sql(self, text: str) -> sql.Composed:
        return sql.SQL(text).format(schema=self._schema)
