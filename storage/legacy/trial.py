"""Taking old rows over on trial: what would become of them; nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from psycopg import sql

from engine.model import OutcomeKind
from storage.legacy.importing import Taken
from storage.legacy.joining import Group, LegacyPlaces, StoredGroup
from storage.legacy.matching import Node, doubles_of, match
from storage.legacy.report import FateTotal, LegacyReport, ReportNote
from storage.legacy.rows import PRICES, LegacyRow, decode_row
from storage.postgres.database import Cursor, Database
from storage.postgres.ledger_rows import to_json

__all__ = ["LegacyTrial"]

_DIGESTS = """
select row.legacy_id, {schema}.text_digest(raw_message, null)::text as digest
from json_to_recordset(%(rows)s) as row (legacy_id text, raw_message text)
where not exists (select from {schema}.legacy_rows as known where known.legacy_id = row.legacy_id)
"""
_ORIGINALS = """
select legacy_id, original::text from {schema}.legacy_rows
where legacy_id in (select json_array_elements_text(%(ids)s))
"""

#: an asset and its prices: what a double may say otherwise
_Values = tuple[str, Mapping[str, Decimal | None]]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is remembered of a row: its fate where no message is found, how it would be written, its values."""

    place: int
    channel: str
    fate: str
    verdict: str | None
    note: ReportNote | None
    asset: str
    prices: Mapping[str, Decimal | None]


@dataclass(slots=True)
class LegacyTrial:
    """Takes rows in memory, a few hundred bytes each, and joins them at the end."""

    database: Database
    take_of: Callable[[LegacyRow], Taken]
    _groups: dict[Group, StoredGroup] = field(default_factory=dict)
    _seen: dict[str, _Seen] = field(default_factory=dict)
    #: of rows taken before that one of these may be a double of
    _values: dict[str, _Values] = field(default_factory=dict)

    def take(self, rows: Sequence[LegacyRow]) -> None:
        """Look these rows up; one that has been taken before is passed over."""
        schema = sql.Identifier(self.database.schema)
        statement, originals = (sql.SQL(text).format(schema=schema) for text in (_DIGESTS, _ORIGINALS))
        places = LegacyPlaces(self.database.schema)
        given = [{"legacy_id": row.legacy_id, "raw_message": row.raw_message} for row in rows]

        def work(
            cursor: Cursor,
        ) -> tuple[dict[str, str | None], dict[Group, StoredGroup], dict[str, _Values]]:
            found = cursor.execute(statement, {"rows": to_json(given).decode()}).fetchall()
            digests = {row["legacy_id"]: row["digest"] for row in found}
            wanted = {(row.channel, digest) for row in rows if (digest := digests.get(row.legacy_id))}
            stored = places.load(cursor, wanted - self._groups.keys())
            ids = [node.legacy_id for group in stored.values() for node in group.nodes]
            taken = cursor.execute(originals, {"ids": to_json(ids).decode()}).fetchall() if ids else []
            known = [decode_row(row["original"]) for row in taken]
            return digests, stored, {row.legacy_id: (row.asset, row.prices) for row in known}

        digests, stored, values = self.database.read(work)
        self._groups.update(stored)
        self._values.update(values)
        for row in rows:
            if row.legacy_id not in digests:
                continue
            # after all that have been taken
            place = 2**62 + len(self._seen)
            seen = self._seen[row.legacy_id] = self._look(row, place)
            digest = digests[row.legacy_id]
            if digest is not None and seen.fate in ("kept", "expired"):
                group = self._groups.setdefault((row.channel, digest), StoredGroup())
                group.nodes.append(Node(row.legacy_id, place, row.sent_at))

    def report(self) -> LegacyReport:
        """Return what would become of the rows."""
        fates = {legacy_id: seen.fate for legacy_id, seen in self._seen.items()}
        notes: list[ReportNote] = []
        for group in self._groups.values():
            doubles = doubles_of(group.nodes)
            found = match([node for node in group.nodes if node.legacy_id not in doubles], group.postings)
            fates |= dict.fromkeys(doubles.keys() & fates.keys(), "double")
            notes += self._other_values(doubles)
            fates |= dict.fromkeys(found.keys() & fates.keys(), "known")
        rows = Counter(fates.values())
        sums = {fate: dict.fromkeys(PRICES, Decimal(0)) for fate in rows}
        for legacy_id, fate in fates.items():
            for name, price in self._seen[legacy_id].prices.items():
                sums[fate][name] += price or 0
        written = [seen for legacy_id, seen in self._seen.items() if fates[legacy_id] in ("kept", "expired")]
        refused = [seen for seen in self._seen.values() if seen.fate == "refused"]
        notes.sort(key=lambda note: note.place)
        notes += [seen.note for seen in [*written, *refused] if seen.note is not None]
        return LegacyReport(
            fates={fate: FateTotal(rows=rows[fate], replaced=0, sums=sums[fate]) for fate in rows},
            verdicts=Counter(seen.verdict for seen in written if seen.verdict is not None),
            comparisons=(),
            notes=tuple(notes),
            problems=(),
        )

    def _other_values(self, doubles: Mapping[str, str]) -> Iterator[ReportNote]:
        """Yield a note of each double that has other values than the row it is a double of."""
        for legacy_id, first in doubles.items():
            # one of a former run has had its note in that run's report
            if (seen := self._seen.get(legacy_id)) is None:
                continue
            known = self._seen.get(first)
            values = self._values[first] if known is None else (known.asset, known.prices)
            if (seen.asset, seen.prices) != values:
                yield ReportNote(
                    place=seen.place,
                    legacy_id=legacy_id,
                    channel=seen.channel,
                    asset=seen.asset,
                    what="double",
                    detail=f"not taken, the same text at the same instant as row {first}, with other values",
                )

    def _look(self, row: LegacyRow, place: int) -> _Seen:
        fate, verdict, note = self._fate_of(row, place)
        return _Seen(place, row.channel, fate, verdict, note, row.asset, row.prices)

    def _fate_of(self, row: LegacyRow, place: int) -> tuple[str, str | None, ReportNote | None]:
        if row.is_checkpoint:
            return "checkpoint", None, None
        if row.problem is not None:
            return "refused", None, _note(row, place, "refused", row.problem)
        taken = self.take_of(row)
        fate = "expired" if taken.outcome.kind is OutcomeKind.EXPIRED else "kept"
        doubtful = taken.verdict == "legacy_reading"
        return fate, taken.verdict, _note(row, place, "reading", taken.detail or "") if doubtful else None


def _note(row: LegacyRow, place: int, what: str, detail: str) -> ReportNote:
    return ReportNote(
        place=place,
        legacy_id=row.legacy_id,
        channel=row.channel,
        asset=row.asset,
        what=what,
        detail=detail,
    )
