"""The run as JSON, as a table for people, and as Markdown for docs/performance.md; with an earlier run beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

__all__ = ["markdown", "print_run"]

#: a run as JSON has it
Run = Mapping[str, Any]
_COLUMNS = ("measure", "figure", "unit", "median", "lowest .. highest", "goal", "met")


def print_run(run: Run, before: Run | None) -> None:
    """Print a run."""
    columns, *rows = _table(run, before)
    table = Table(title=_title(run))
    for column in columns:
        table.add_column(
            column, justify="right" if column in ("median", "before", "now / before") else "left"
        )
    for row in rows:
        table.add_row(*row)
    Console(width=200).print(table)


def markdown(run: Run, before: Run | None) -> str:
    """Return a run as a table to paste, with the machine above it."""
    columns, *rows = _table(run, before)
    lines = [_title(run), "", *_machine(run), ""]
    lines += [_line(columns), _line(["---"] * len(columns)), *map(_line, rows)]
    return "\n".join(lines) + "\n"


def _table(run: Run, before: Run | None) -> Iterator[list[str]]:
    earlier = {
        (figure["measure"], figure["name"], figure["unit"]): figure["median"]
        for figure in (before or {"figures": []})["figures"]
    }
    yield [*_COLUMNS, "before", "now / before"] if before else list(_COLUMNS)
    for figure in run["figures"]:
        row = [
            figure["measure"],
            figure["name"],
            figure["unit"],
            _number(figure["median"]),
            f"{_number(figure['lowest'])} .. {_number(figure['highest'])}",
            figure["goal"] or "",
            {True: "yes", False: "no", None: ""}[figure["met"]],
        ]
        if before:
            was = earlier.get((figure["measure"], figure["name"], figure["unit"]))
            row += [_number(was), f"{figure['median'] / was:.2f}"] if was else ["", ""]
        yield row
    for name, reason in run["failures"].items():
        yield [name, f"failed: {reason}"] + [""] * (7 if before else 5)


def _title(run: Run) -> str:
    judged = [figure["met"] for figure in run["figures"] if figure["met"] is not None]
    kind = "quick run" if run["quick"] else "run"
    return (
        f"{kind} of {run['began']}, {run['seconds']:.0f} s, commit {run['machine']['commit']}: "
        f"{sum(judged)} of {len(judged)} goals met"
    )


def _machine(run: Run) -> list[str]:
    return ["; ".join(f"{name}: {value}" for name, value in run["machine"].items()) + "."]


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _number(value: float | None) -> str:
    """Return three digits that tell, or all of a large number.

    >>> _number(23477.4), _number(0.0512), _number(9.87)
    ('23,477', '0.0512', '9.87')
    """
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
