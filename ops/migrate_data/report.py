"""The end of ``migrate-data``, for a person and for a machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from engine.safe_text import shown
from ops.migrate_data.values import COMPLETED, EXACT, LEGACY_READING, SAME
from storage.legacy.fates import LegacyReport, ReportNote
from storage.legacy.rows import PRICES
from storage.legacy.source import OldTotals

__all__ = ["report_object", "show_report"]

_SHOWN_NOTES = 20
_FATES = {
    "kept": "kept as legacy:<id>",
    "known": "known: its message is here",
    "expired": "expired: ledger only",
    "double": "doubles of another row",
    "checkpoint": "checkpoints",
    "refused": "refused",
}
_VERDICTS = {
    SAME: "the text says the same",
    EXACT: "exact digits taken from the text, the old price was rounded",
    COMPLETED: "completed from the text, the old row lacked something",
    LEGACY_READING: "the text says something else: the old values stand, flagged legacy_reading",
}


def show_report(report: LegacyReport, console: Console, *, old: OldTotals | None) -> None:
    """Print counts and sums beside those of the ``old`` table, then the first notes; without it, a trial's."""
    table = Table(title="rows of the old table and the sums of their prices")
    table.add_column("fate", no_wrap=True)
    for name in ("rows", *PRICES):
        table.add_column(name, justify="right", no_wrap=True)
    for fate, words in _FATES.items():
        if fate in report.fates:
            total = report.fates[fate]
            table.add_row(words, f"{total.rows}", *_words(total.sums))
    table.add_section()
    summed = {name: sum((total.sums[name] for total in report.fates.values()), Decimal(0)) for name in PRICES}
    table.add_row("all of these", f"{report.rows}", *_words(summed))
    if old is not None:
        table.add_row("the old table", f"{old.rows}", *_words(old.sums))
    if report.comparisons:
        table.add_section()
        stored = {one.column: one.stored for one in report.comparisons}
        table.add_row("kept: as stored", "", *_words(stored))
        table.add_row("kept: as it was", "", *_words({one.column: one.old for one in report.comparisons}))
    console.print(table)
    replaced = sum(total.replaced for total in report.fates.values())
    if replaced:
        console.print(f"{replaced} of the known were kept or expired until their message came")
    for verdict, words in _VERDICTS.items():
        if count := report.verdicts.get(verdict):
            console.print(f"{count} kept or expired: {words}")
    _show_notes(report.notes, console)


def _show_notes(notes: Sequence[ReportNote], console: Console) -> None:
    if notes:
        console.print("to look at:")
    for note in notes[:_SHOWN_NOTES]:
        console.print(f"  {shown(str(note))}", markup=False, highlight=False, soft_wrap=True)
    if len(notes) > _SHOWN_NOTES:
        console.print(f"  and {len(notes) - _SHOWN_NOTES} more: --json lists all")


def report_object(report: LegacyReport, *, old: OldTotals | None) -> dict[str, Any]:
    """Return all of it as JSON's values; prices are decimal strings."""
    return {
        "fates": {
            fate: {"rows": total.rows, "replaced": total.replaced, "sums": _strings(total.sums)}
            for fate, total in report.fates.items()
        },
        "rows": report.rows,
        "oldTable": None if old is None else {"rows": old.rows, "sums": _strings(old.sums)},
        "verdicts": dict(report.verdicts),
        "kept": {one.column: _strings({"old": one.old, "stored": one.stored}) for one in report.comparisons},
        "notes": [
            {
                "id": note.legacy_id,
                "channel": note.channel,
                "asset": note.asset,
                "what": note.what,
                "detail": note.detail,
            }
            for note in report.notes
        ],
    }


def _words(sums: Mapping[str, Decimal]) -> list[str]:
    return [format(sums[name], "f") for name in PRICES]


def _strings(sums: Mapping[str, Decimal]) -> dict[str, str]:
    return {name: format(value, "f") for name, value in sums.items()}
