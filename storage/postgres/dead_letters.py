"""Dead letters: messages that could not be read or stored. They are listed, and retried with back-off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql
from psycopg.rows import class_row

from engine.model import Outcome, OutcomeKind
from storage.postgres.database import Cursor, Database
from storage.postgres.ledger_rows import dead_letter_row, key_of, to_json

__all__ = ["DeadLetter", "DeadLetterWriter", "DeadLetters"]

_COLUMNS = (
    "id, channel, message_id, reason, error, raw, attempts, first_at, last_at, next_attempt_at, resolved_at"
)
_NAMES = tuple(_COLUMNS.split(", "))
#: the most bytes of messages on a page; a single message has no limit of its own
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

#: dead letters are tried again after 1, 2, 4 ... minutes, at most a day apart
_RETRY_FIRST = "1 minute"
_RETRY_CAP = "1 day"
#: ten days of attempts; a message that still fails, for instance because of a NUL, is then retried only by hand
MOST_ATTEMPTS = 20

# A failed retry counts as one more attempt. A reprocess request may also fail: the message cannot be read now, and its
# earlier reading stays. That counts as an attempt too.
_BURY = """
insert into {schema}.dead_letters as known (channel, message_id, reason, error, raw, next_attempt_at)
select row.channel, row.message_id, row.reason, row.error, row.raw, now() + %(first)s::interval
from json_to_recordset(%(rows)s) as row (
    channel text, message_id text, reason text, error text, raw text)
where %(reread)s or exists (
    select from {schema}.ledger
    where ledger.channel = row.channel and ledger.message_id = row.message_id and outcome = 'dead_letter')
on conflict (channel, message_id) do update set
    reason = excluded.reason, error = excluded.error, raw = excluded.raw, attempts = known.attempts + 1,
    last_at = now(), resolved_at = null,
    next_attempt_at = case when known.attempts + 1 < %(most)s then
        now() + least(%(cap)s::interval, %(first)s::interval * 2 ^ known.attempts) end
"""

# A letter is resolved when its message can be read, even if the ledger did not change.
_RESOLVE = """
update {schema}.dead_letters set resolved_at = now(), next_attempt_at = null
from json_to_recordset(%(keys)s) as key (channel text, message_id text)
where dead_letters.channel = key.channel and dead_letters.message_id = key.message_id
    and resolved_at is null
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One dead letter. ``raw`` is the whole message as ASCII-escaped JSON.

    Without ``next_attempt_at`` it is retried only after :meth:`DeadLetters.make_due`.
    """

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


class DeadLetterWriter:
    """Writes dead letters inside the ledger's transaction."""

    def __init__(self, schema: str) -> None:
        identifier = sql.Identifier(schema)
        self._to_dead_letter, self._resolve = (
            sql.SQL(text).format(schema=identifier) for text in (_BURY, _RESOLVE)
        )

    def write(
        self, cursor: Cursor, outcomes: Sequence[Outcome], moved: Iterable[tuple[str, str]], *, reread: bool
    ) -> None:
        """Store the dead letters among ``outcomes``, and resolve the letters whose messages could be read.

        ``moved`` are the messages whose outcome in the ledger changed. A reread resolves every letter that can be
        read.
        """
        resolved = [key_of(o) for o in outcomes if o.kind is not OutcomeKind.DEAD_LETTER] if reread else moved
        keys = [{"channel": channel, "message_id": message} for channel, message in sorted(resolved)]
        if keys:
            cursor.execute(self._resolve, {"keys": to_json(keys).decode()})
        rows = [dead_letter_row(o) for o in outcomes if o.kind is OutcomeKind.DEAD_LETTER]
        if rows:
            values = {
                "first": _RETRY_FIRST,
                "cap": _RETRY_CAP,
                "most": MOST_ATTEMPTS,
                "reread": reread,
            }
            cursor.execute(self._to_dead_letter, {**values, "rows": to_json(rows).decode()})


class DeadLetters:
    """The table of dead letters. The ledger writes them, in its transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._schema = sql.Identifier(database.schema)

    def unresolved(self, *, limit: int = 1000) -> tuple[DeadLetter, ...]:
        """Return the unresolved letters, the oldest first."""
        return self._select("resolved_at is null order by id limit %s", [limit])

    def page(self, *, after: int, limit: int) -> tuple[tuple[DeadLetter, ...], bool]:
        """Return unresolved letters with an id above ``after``, and whether more follow.

        A page holds at most :data:`PAGE_BYTES` of messages, so it may end early.
        """
        query = self._sql(_PAGE)
        values = {"after": after, "limit": limit + 1, "bytes": PAGE_BYTES}

        def work(cursor: Cursor) -> tuple[tuple[DeadLetter, ...], bool]:
            rows = cursor.execute(query, values).fetchall()
            letters = [DeadLetter(**{name: row[name] for name in _NAMES}) for row in rows[:limit]]
            return tuple(letters), bool(rows) and rows[0]["found"] > len(letters)

        return self._database.read(work)

    def due(self, *, limit: int) -> tuple[DeadLetter, ...]:
        """Return the letters whose next attempt is due by the database's clock. The longest waiting comes first."""
        return self._select(
            "resolved_at is null and next_attempt_at <= now() order by next_attempt_at, id limit %s", [limit]
        )

    def count(self) -> int:
        """Return the number of unresolved letters."""
        query = self._sql("select count(*) as letters from {schema}.dead_letters where resolved_at is null")

        def work(cursor: Cursor) -> int:
            row = cursor.execute(query).fetchone()
            return int(row["letters"]) if row else 0

        return self._database.read(work)

    def make_due(self, letter_id: int | None) -> int:
        """Make the next attempt of one letter due now, or of all letters if None. Return their number."""
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
