"""Imports price files: bars and instruments, some thousand at a time, however large the file is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path

from engine.bars import Bar, BarSource, Interval
from engine.instruments import Instrument
from storage.postgres.bars import Bars, BarsPut
from storage.postgres.instruments import Instruments
from storage.quotes.files import Part, parts_of
from storage.quotes.reading import BadRecord, NoBar, PriceFileError, Remark

__all__ = ["PriceImport", "PriceReport"]

#: bars of one transaction
_BATCH = 5000
#: bad records that are kept for the report
_BAD_KEPT = 20


@dataclass(slots=True, kw_only=True)
class PriceReport:
    """What one file held. ``put`` is None where nothing was to be written. ``bad`` holds the first bad records."""

    put: BarsPut | None
    sources: list[BarSource] = field(default_factory=list)
    bars: int = 0
    old: int = 0
    without_bar: Counter[NoBar] = field(default_factory=Counter)
    bad_count: int = 0
    bad: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def records(self) -> int:
        """The number of records that were read, without the bad ones."""
        return self.bars + self.without_bar.total()

    def refuse(self, place: str, reason: str) -> None:
        """Count something that could not be read."""
        self.bad_count += 1
        if len(self.bad) < _BAD_KEPT:
            self.bad.append(f"{place}: {reason}")

    def words(self) -> str:
        """Return the report in one line."""
        kinds = " and ".join(dict.fromkeys(self.sources))
        without = "".join(f", {count} {kind.value}" for kind, count in sorted_counts(self.without_bar))
        read = (
            f"{kinds or 'nothing'}: {self.records} records, {self.bars} bars{without}, {self.bad_count} bad"
        )
        if self.put is None:
            return f"{read}; nothing was written"
        better = f", {self.put.outranked} known from a better source" if self.put.outranked else ""
        old = f"; {self.old} are older than retention and go within the hour" if self.old else ""
        return f"{read}; {self.put.added} new, {self.put.changed} changed, {self.put.unchanged} known{better}{old}"


def sorted_counts(counts: Counter[NoBar]) -> list[tuple[NoBar, int]]:
    """Return counts in the order of their kinds."""
    return [(kind, counts[kind]) for kind in NoBar if counts[kind]]


class PriceImport:
    """Imports files one after another. Without tables it only reads them.

    A bar that has not closed ``now`` is left out. Those from before ``oldest`` are counted: retention deletes them.
    """

    def __init__(
        self,
        tables: tuple[Bars, Instruments] | None,
        *,
        zone: tzinfo,
        now: datetime,
        oldest: Mapping[Interval, datetime],
        symbol: str | None = None,
    ) -> None:
        self._tables = tables
        self._now = now
        self._oldest = oldest
        self._zone = zone
        self._symbol = symbol

    def run(self, path: Path, told: Callable[[int], object]) -> PriceReport:
        """Import a file. What cannot be read is in the report, and what was read before it is stored.

        Raises:
            StorageError: the database cannot be used; what was written stays, and the next import goes on.
        """
        report = PriceReport(put=BarsPut() if self._tables else None)
        try:
            for part in parts_of(path, symbol=self._symbol, zone=self._zone, told=told):
                if isinstance(part, BadRecord):
                    report.refuse(part.place, part.reason)
                else:
                    self._import(part, report)
        except PriceFileError as error:
            report.refuse(path.name, str(error))
        return report

    def _import(self, part: Part, report: PriceReport) -> None:
        report.sources.append(part.source)
        bars: list[Bar] = []
        instruments: list[Instrument] = []
        try:
            for entry in part.entries:
                if isinstance(entry, Bar):
                    if entry.closed_at > self._now:
                        report.without_bar[NoBar.NOT_CLOSED] += 1
                        continue
                    report.old += entry.opened_at < self._oldest.get(entry.interval, entry.opened_at)
                    bars.append(entry)
                    if len(bars) >= _BATCH:
                        self._put(bars, instruments, part.source, report)
                elif isinstance(entry, Instrument):
                    instruments.append(entry)
                elif isinstance(entry, BadRecord):
                    report.refuse(f"{part.name}: {entry.place}", entry.reason)
                elif isinstance(entry, Remark):
                    report.remarks.append(f"{part.name}: {entry.place}: {entry.text}")
                else:
                    report.without_bar[entry] += 1
        except PriceFileError as error:
            report.refuse(part.name, str(error))
        # also what was read before the place at which the part cannot be read on
        self._put(bars, instruments, part.source, report)

    def _put(
        self, bars: list[Bar], instruments: list[Instrument], source: BarSource, report: PriceReport
    ) -> None:
        report.bars += len(bars)
        if self._tables is not None and report.put is not None:
            table, kinds = self._tables
            kinds.put(instruments)
            report.put += table.put(bars, source=source)
        bars.clear()
        instruments.clear()
