"""The results of importing old rows, done or on trial: counts, exact sums, and rows that a person should look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from storage.legacy.rows import PRICES, LegacyRow

__all__ = ["Comparison", "FateTotal", "LegacyReport", "ReportNote", "RowFate", "note_of", "report_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FateTotal:
    """The number of rows of one fate and the sums of their old prices. A later message replaced ``replaced`` of them."""

    rows: int
    replaced: int
    sums: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The sums of one column of prices over the kept rows, in the old table and as stored."""

    column: str
    old: Decimal
    stored: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportNote:
    """A row that a person should look at. ``what`` is reading, refused, double or edited."""

    #: its rank in the order in which rows were taken
    place: int
    legacy_id: str
    channel: str
    asset: str
    what: str
    detail: str

    def __str__(self) -> str:
        return f"{self.what:<8} row {self.legacy_id} {self.channel} {self.asset}: {self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyReport:
    """The whole report. ``verdicts`` count kept and expired rows. ``problems`` lists errors; normally it is empty."""

    fates: Mapping[str, FateTotal]
    verdicts: Mapping[str, int]
    comparisons: tuple[Comparison, ...]
    notes: tuple[ReportNote, ...]
    problems: tuple[str, ...]

    @property
    def rows(self) -> int:
        """The number of all rows."""
        return sum(total.rows for total in self.fates.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFate:
    """The fate of one row. A double has other values than the row ``other_than``.

    ``row`` may lack its texts.
    """

    #: its rank in the order in which rows were taken
    place: int
    row: LegacyRow
    fate: str
    verdict: str | None
    detail: str | None
    replaced: bool = False
    other_than: str | None = None

    @property
    def is_written(self) -> bool:
        """Whether the row is in the ledger."""
        return self.fate in ("kept", "expired")

    def note(self) -> ReportNote | None:
        """Return a note if a person should look at the row."""
        what, detail = None, self.detail or ""
        if self.fate == "refused":
            what = "refused"
        elif self.is_written and self.verdict == "legacy_reading":
            what = "reading"
        elif self.other_than is not None:
            what = "double"
            detail = (
                f"not imported: it has the same text and instant as row {self.other_than}, but other values"
            )
        return None if what is None else note_of(self.place, self.row, what, detail)


def note_of(place: int, row: LegacyRow, what: str, detail: str) -> ReportNote:
    """Return a note of a row."""
    return ReportNote(
        place=place, legacy_id=row.legacy_id, channel=row.channel, asset=row.asset, what=what, detail=detail
    )


def report_of(
    rows: Iterable[RowFate],
    *,
    comparisons: Iterable[Comparison] = (),
    edited: Iterable[ReportNote] = (),
    problems: Iterable[str] = (),
) -> LegacyReport:
    """Return the counts and sums of the rows."""
    counts: Counter[str] = Counter()
    replaced: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    sums: dict[str, dict[str, Decimal]] = {}
    notes = list(edited)
    for row in rows:
        counts[row.fate] += 1
        replaced[row.fate] += row.replaced
        of_fate = sums.setdefault(row.fate, dict.fromkeys(PRICES, Decimal(0)))
        for name, price in row.row.prices.items():
            of_fate[name] += price or 0
        if row.is_written and row.verdict is not None:
            verdicts[row.verdict] += 1
        if (note := row.note()) is not None:
            notes.append(note)
    return LegacyReport(
        fates={
            fate: FateTotal(rows=counts[fate], replaced=replaced[fate], sums=sums[fate]) for fate in counts
        },
        verdicts=verdicts,
        comparisons=tuple(comparisons),
        notes=tuple(sorted(notes, key=lambda note: (note.what, note.place))),
        problems=tuple(problems),
    )
