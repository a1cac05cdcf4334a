"""The findings for a person: a table, and below it the remedies."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.shown import shown
from ops.doctor.findings import CheckResult, CheckStatus, worst

__all__ = ["show"]

_COLOURS = {
    CheckStatus.OK: "green",
    CheckStatus.WARN: "yellow",
    CheckStatus.FAIL: "red",
    CheckStatus.SKIPPED: "dim",
}
_VERDICTS = {
    CheckStatus.OK: "no problems found",
    CheckStatus.WARN: "it works; see the warnings",
    CheckStatus.FAIL: "problems must be fixed",
}


def show(findings: Sequence[CheckResult], console: Console) -> None:
    """Print what every check found, then the remedies."""
    verdict = worst(findings)
    table = Table(title=f"tp-capital doctor: {_VERDICTS[verdict]}", title_style=_COLOURS[verdict])
    table.add_column("check", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("found", overflow="fold")
    for finding in findings:
        style = _COLOURS[finding.status]
        # Text, not str: rich would read brackets in a server's text as markup
        table.add_row(finding.name, Text(finding.status.value, style=style), Text(shown(finding.found)))
    console.print(table)
    for finding in findings:
        if finding.remedy:
            # each on one line, however long, so that SQL can be copied
            words = Text.assemble((finding.name, _COLOURS[finding.status]), f": {shown(finding.remedy)}")
            console.print(words, soft_wrap=True)
