"""Imports old rows. A batch is one transaction, so a kill in the middle neither loses nor duplicates a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from psycopg import sql

from engine.model import Outcome, OutcomeKind
from storage.errors import RowsRefusedError, StorageError
from storage.legacy.joining import LegacyPlaces, legacy_key
from storage.legacy.rounds import LegacyRounds
from storage.legacy.rows import LegacyRow, decode_row
from storage.legacy.texts import MessageTexts
from storage.postgres.database import Cursor, Database
from storage.postgres.ledger import Ledger
from storage.postgres.ledger_rows import to_json

__all__ = ["AnotherTableError", "LegacyImport", "Taken"]

_INSERT = """
insert into {schema}.legacy_rows (legacy_id, channel, digest, sent_at, fate, detail, original)
select legacy_id, channel, case when fate = 'new' then {schema}.text_digest(raw_message, null) end, sent_at, fate,
    detail, original
from json_to_recordset(%(rows)s) as row (
    rank bigint, legacy_id text, channel text, raw_message text, sent_at timestamptz, fate text, detail text,
    original jsonb)
order by rank
on conflict (legacy_id) do nothing
returning legacy_id, channel, digest::text, fate
"""

# the fields that identify a row; the former service may still change the others
_OTHERS = """
select legacy_id from json_to_recordset(%(rows)s) as row (legacy_id text, original jsonb)
join {schema}.legacy_rows as known using (legacy_id)
where (known.original->'channel', known.original->'raw_message', known.original->'ts')
    is distinct from (row.original->'channel', row.original->'raw_message', row.original->'ts')
limit 1
"""

_ORIGINALS = """
select legacy_id, channel, original::text from {schema}.legacy_rows
where legacy_id in (select json_array_elements_text(%(ids)s))
"""

_MARK = """
update {schema}.legacy_rows as known set
    fate = row.fate, message_id = row.message_id, verdict = row.verdict, position = row.position,
    detail = row.detail
from json_to_recordset(%(rows)s) as row (
    legacy_id text, fate text, message_id text, verdict text, position smallint, detail text)
where known.legacy_id = row.legacy_id
"""

_LAST = "select legacy_id from {schema}.legacy_rows order by place desc limit 1"
_COUNT = "select count(*) as taken from {schema}.legacy_rows"


class AnotherTableError(StorageError):
    """Rows of another table were imported under the same ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """How a row is written. ``verdict`` and ``detail`` tell how its values were found. ``position`` is its signal's."""

    outcome: Outcome
    verdict: str
    position: int
    detail: str | None

    @property
    def fate(self) -> str:
        """Whether it becomes a signal. Otherwise it is only in the ledger."""
        return "expired" if self.outcome.kind is OutcomeKind.EXPIRED else "kept"


class LegacyImport:
    """Imports rows. ``take_of`` decides how a row without a message is written."""

    def __init__(self, database: Database, ledger: Ledger, take_of: Callable[[LegacyRow], Taken]) -> None:
        self._database = database
        self._ledger = ledger
        self._take_of = take_of
        self._rounds = LegacyRounds(database, ledger)
        self._texts = MessageTexts(database.schema)
        self._places = LegacyPlaces(database.schema)
        schema = sql.Identifier(database.schema)
        self._sql = {
            name: sql.SQL(text).format(schema=schema)
            for name, text in {
                "insert": _INSERT,
                "others": _OTHERS,
                "originals": _ORIGINALS,
                "mark": _MARK,
                "last": _LAST,
                "count": _COUNT,
            }.items()
        }

    def last_taken(self) -> str | None:
        """Return the id of the last imported row. An interrupted run continues after it."""
        row = self._database.read(lambda cursor: cursor.execute(self._sql["last"]).fetchone())
        return None if row is None else str(row["legacy_id"])

    def count(self) -> int:
        """Return the number of imported rows."""
        row = self._database.read(lambda cursor: cursor.execute(self._sql["count"]).fetchone())
        return 0 if row is None else int(row["taken"])

    def catch_up(self) -> None:
        """Read the texts of all stored messages, so that rows can be matched to them.

        Raises:
            StorageError: the database cannot be used now. The progress is kept.
        """
        while self._rounds.follow():
            pass

    def take(self, rows: Sequence[LegacyRow]) -> None:
        """Import these rows, given in the order of their keys. Rows that were imported before are skipped.

        Raises:
            AnotherTableError: another row was imported under one of these ids.
            StorageError: all rows were written, or none. Repeating the call is safe.
        """
        try:
            self._database.write(lambda cursor: self._take(cursor, rows))
        except RowsRefusedError as error:
            if len(rows) > 1:
                middle = len(rows) // 2
                self.take(rows[:middle])
                self.take(rows[middle:])
            else:
                self._refuse(rows[0], str(error))

    def _take(self, cursor: Cursor, rows: Sequence[LegacyRow]) -> None:
        number = self._ledger.draw(cursor)
        by_id = {row.legacy_id: row for row in rows}
        new = cursor.execute(
            self._sql["insert"],
            {"rows": to_json([_row(rank, row) for rank, row in enumerate(rows)]).decode()},
        ).fetchall()
        if len(new) < len(rows):
            self._check_same(cursor, rows)
        groups = {(row["channel"], row["digest"]) for row in new if row["digest"] is not None}
        settled = self._places.settle(cursor, groups | self._texts.gather(cursor, number).groups)
        # a row without a text is never a double
        unmatched = [row["legacy_id"] for row in new if row["fate"] == "new" and row["digest"] is None]
        unmatched += settled.unmatched
        taken = {row.legacy_id: self._take_of(row) for row in self._rows(cursor, unmatched, by_id)}
        if taken or settled.gone:
            outcomes = [one.outcome for one in taken.values()]
            self._ledger.record_within(cursor, number, outcomes, leaving=settled.gone)
        if taken:
            marks = [_mark(legacy_id, one) for legacy_id, one in taken.items()]
            cursor.execute(self._sql["mark"], {"rows": to_json(marks).decode()})

    def _rows(
        self, cursor: Cursor, legacy_ids: Sequence[str], by_id: Mapping[str, LegacyRow]
    ) -> list[LegacyRow]:
        """Return rows by id. A nearer row may have taken the message of a row of an earlier batch; that row is read back."""
        earlier = [legacy_id for legacy_id in legacy_ids if legacy_id not in by_id]
        rows = [by_id[legacy_id] for legacy_id in legacy_ids if legacy_id in by_id]
        if earlier:
            stored = cursor.execute(self._sql["originals"], {"ids": to_json(earlier).decode()})
            rows += [decode_row(row["original"], channel=row["channel"]) for row in stored]
        return rows

    def _check_same(self, cursor: Cursor, rows: Sequence[LegacyRow]) -> None:
        given = [{"legacy_id": row.legacy_id, "original": orjson.Fragment(row.original)} for row in rows]
        other = cursor.execute(self._sql["others"], {"rows": to_json(given).decode()}).fetchone()
        if other is not None:
            raise AnotherTableError(
                f"row {other['legacy_id']} is not the row that was imported under this id before: a schema can "
                "hold the rows of one old table only"
            )

    def _refuse(self, row: LegacyRow, error: str) -> None:
        """Store a row that the database refuses in a table of its own, in its original form."""
        refused = [{**_row(0, row), "channel": None, "fate": "refused", "detail": error[:500]}]

        def work(cursor: Cursor) -> None:
            self._ledger.draw(cursor)
            cursor.execute(self._sql["insert"], {"rows": to_json(refused).decode()})

        self._database.write(work)


def _row(rank: int, row: LegacyRow) -> dict[str, Any]:
    fate = "checkpoint" if row.is_checkpoint else "refused" if row.problem else "new"
    return {
        "rank": rank,
        "legacy_id": row.legacy_id,
        "channel": row.channel,
        "raw_message": row.raw_message,
        "sent_at": row.sent_at,
        "fate": fate,
        "detail": row.problem if fate == "refused" else None,
        "original": orjson.Fragment(row.original),
    }


def _mark(legacy_id: str, taken: Taken) -> dict[str, Any]:
    return {
        "legacy_id": legacy_id,
        "fate": taken.fate,
        "message_id": legacy_key(legacy_id),
        "verdict": taken.verdict,
        "position": taken.position,
        "detail": taken.detail,
    }
