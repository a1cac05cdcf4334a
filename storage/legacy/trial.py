"""Imports old rows on trial: computes their fates and writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from psycopg import sql

from storage.legacy.fates import LegacyReport, RowFate, report_of
from storage.legacy.importing import Taken
from storage.legacy.joining import Group, LegacyPlaces, StoredGroup
from storage.legacy.matching import Node, doubles_of, match
from storage.legacy.rows import LegacyRow, Values, decode_row
from storage.legacy.texts import MessageTexts
from storage.postgres.database import Cursor, Database
from storage.postgres.ledger_rows import to_json

__all__ = ["LegacyTrial"]

_DIGESTS = """
select row.legacy_id, {schema}.text_digest(raw_message, null)::text as digest
from json_to_recordset(%(rows)s) as row (legacy_id text, raw_message text)
where not exists (select from {schema}.legacy_rows as known where known.legacy_id = row.legacy_id)
"""
_ORIGINALS = """
select original::text from {schema}.legacy_rows where legacy_id in (select json_array_elements_text(%(ids)s))
"""


@dataclass(slots=True)
class LegacyTrial:
    """Collects rows in memory, a few hundred bytes each, and joins them at the end."""

    database: Database
    take_of: Callable[[LegacyRow], Taken]
    _groups: dict[Group, StoredGroup] = field(default_factory=dict)
    #: the rows, each with its fate if no message is found
    _seen: dict[str, RowFate] = field(default_factory=dict)
    #: rows that were imported before; one of the new rows may be a double of them
    _values: dict[str, Values] = field(default_factory=dict)

    def take(self, rows: Sequence[LegacyRow]) -> None:
        """Look up these rows. Rows that were imported before are skipped."""
        digests = self.database.read(lambda cursor: self._look_up(cursor, rows))
        for row in rows:
            if row.legacy_id not in digests:
                continue
            # after all imported rows
            place = 2**62 + len(self._seen)
            seen = self._seen[row.legacy_id] = self._fate_of(row, place)
            self._values[row.legacy_id] = row.values
            digest = digests[row.legacy_id]
            if digest is not None and seen.is_written:
                group = self._groups.setdefault((row.channel, digest), StoredGroup())
                group.nodes.append(Node(row.legacy_id, place, row.sent_at))

    def report(self) -> LegacyReport:
        """Return the report of the rows as an import would give it."""
        for group, posting in MessageTexts(self.database.schema).peek(self.database):
            if (known := self._groups.get(group)) is not None:
                known.add(posting)
        fates = dict(self._seen)
        for joined in self._groups.values():
            doubles = doubles_of(joined.nodes)
            alone = [node for node in joined.nodes if node.legacy_id not in doubles]
            for legacy_id in fates.keys() & match(alone, joined.postings).keys():
                fates[legacy_id] = replace(fates[legacy_id], fate="known")
            # a row of a former run had its note in the report of that run
            for legacy_id in fates.keys() & doubles.keys():
                first = doubles[legacy_id]
                other_than = first if self._values[first] != self._values[legacy_id] else None
                fates[legacy_id] = replace(fates[legacy_id], fate="double", other_than=other_than)
        return report_of(fates.values())

    def _look_up(self, cursor: Cursor, rows: Sequence[LegacyRow]) -> dict[str, str | None]:
        """Return the digest of each new row, and load the stored rows and messages of the same texts."""
        schema = sql.Identifier(self.database.schema)
        given = [{"legacy_id": row.legacy_id, "raw_message": row.raw_message} for row in rows]
        found = cursor.execute(sql.SQL(_DIGESTS).format(schema=schema), {"rows": to_json(given).decode()})
        digests = {row["legacy_id"]: row["digest"] for row in found}
        wanted = {(row.channel, digest) for row in rows if (digest := digests.get(row.legacy_id))}
        stored = LegacyPlaces(self.database.schema).load(cursor, wanted - self._groups.keys())
        self._groups.update(stored)
        ids = to_json([node.legacy_id for group in stored.values() for node in group.nodes]).decode()
        for taken in cursor.execute(sql.SQL(_ORIGINALS).format(schema=schema), {"ids": ids}):
            row = decode_row(taken["original"])
            self._values[row.legacy_id] = row.values
        return digests

    def _fate_of(self, row: LegacyRow, place: int) -> RowFate:
        fate, verdict, detail = "checkpoint", None, None
        if not row.is_checkpoint and row.problem is not None:
            fate, detail = "refused", row.problem
        elif not row.is_checkpoint:
            taken = self.take_of(row)
            fate, verdict, detail = taken.fate, taken.verdict, taken.detail
        without_texts = replace(row, raw_message="", original="")
        return RowFate(place=place, row=without_texts, fate=fate, verdict=verdict, detail=detail)
