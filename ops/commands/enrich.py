"""``enrich``: work out anew what prices say of signals, or show what would change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from actors.enrichment.calculator import NOT_INSTALLED, Calculator, CalculatorError
from actors.enrichment.enriching import Enriched, Enrichment
from engine.clock import SystemClock
from engine.timers import TimerThread
from ops.commands.common import System, quiet_logs, settings_for_database, stop
from ops.enrichment.enriching import enrichment_of, scorer_of
from ops.exit_codes import EXIT_FAILED
from ops.stores import Stores
from ops.terminal import say, say_json
from storage.errors import StorageError

__all__ = ["enrich"]

#: what a person looks for in a difference
_SHOWN = ("state", "reason", "entry", "exit", "first_r", "final_r", "scaled_r", "same_bar", "claim", "rules")


@dataclass(slots=True)
class _Report:
    """The counts, by the state that signals have now."""

    signals: int = 0
    changed: int = 0
    by_state: dict[str, int] = field(default_factory=dict)

    def count(self, one: Enriched) -> None:
        """Count a signal."""
        self.signals += 1
        self.changed += one.changed
        self.by_state[one.row["state"]] = self.by_state.get(one.row["state"], 0) + 1

    def words(self, *, dry: bool) -> str:
        """Return the counts as one line."""
        states = ", ".join(f"{count} {state}" for state, count in sorted(self.by_state.items()))
        ending = "nothing written (--dry-run)" if dry else "written"
        return f"{self.signals} signals judged{f': {states}' if states else ''}; {self.changed} changed, {ending}"


def enrich(
    *,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Also judge signals that have ended, and compute their indicators again."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and write nothing.")
    ] = False,
    system: System = None,
    json: Annotated[bool, typer.Option("--json", help="Print the differences and counts as JSON.")] = False,
) -> None:
    """Work out what the market's prices say of signals, and print what is other than stored.

    The daemon does it by itself when bars come. If the settings name no database, that of the demo or the stack that
    runs in this folder is used.
    """
    settings = settings_for_database(system)
    quiet_logs()
    timers = TimerThread()
    stores = Stores(settings, clock=SystemClock(), timers=timers)
    calculator = Calculator()
    if not calculator.installed:
        say(NOT_INSTALLED, err=True)
    report, found = _Report(), []
    try:
        stores.database.open()
        for one in _enrich(
            enrichment_of(stores, calculator, scorer_of(stores, calculator)), report, again=again, dry=dry_run
        ):
            if json:
                found.append(_object(one))
            else:
                say(_line(one))
    except (StorageError, CalculatorError) as error:
        stop(EXIT_FAILED, f"cannot enrich: {error}")
    finally:
        calculator.close()
        stores.close()
        timers.close()
    if json:
        counts = {"signals": report.signals, "changed": report.changed, "states": report.by_state}
        say_json(counts | {"written": not dry_run, "differences": found}, indent=True)
    else:
        say(report.words(dry=dry_run))


def _enrich(enrichment: Enrichment, report: _Report, *, again: bool, dry: bool) -> Iterator[Enriched]:
    """Yield what is other than stored."""
    for page in enrichment.of_all(again=again):
        for one in page:
            report.count(one)
            if one.changed and _difference(one):
                yield one
        if not dry:
            enrichment.write(page)


def _difference(one: Enriched) -> dict[str, tuple[Any, Any]]:
    before: Mapping[str, Any] = one.before or {}
    return {name: (before.get(name), one.row[name]) for name in _SHOWN if before.get(name) != one.row[name]}


def _line(one: Enriched) -> str:
    said = ", ".join(f"{name} {_word(old)} -> {_word(new)}" for name, (old, new) in _difference(one).items())
    row = one.row
    return f"{row['channel']} {row['message_id']} #{row['position']} {row['asset']}: {said}"


def _object(one: Enriched) -> dict[str, Any]:
    difference = _difference(one)
    return {
        "id": one.row["id"],
        "asset": one.row["asset"],
        "before": {name: _word(old) for name, (old, _) in difference.items()},
        "after": {name: _word(new) for name, (_, new) in difference.items()},
    }


def _word(value: object) -> str:
    return "-" if value is None else str(value)
