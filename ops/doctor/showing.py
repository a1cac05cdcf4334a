"""The findings, for a person: a table, and below it how to mend what is not well, to be copied."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.shown import shown
from ops.doctor.findings import Finding, Status, worst

__all__ = ["show"]

_COLOURS = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "red", Status.SKIPPED: "dim"}
_VERDICTS = {
    Status.OK: "all is well",
    Status.WARN: "it works; see the warnings",
    Status.FAIL: "something must be mended",
}


def show(findings: Sequence[Finding], console: Console) -> None:
    """Print what every check found, then the remedies."""
    verdict = worst(findings)
    table = Table(title=f"tp-capital doctor: {_VERDICTS[verdict]}", title_style=_COLOURS[verdict])
    table.add_column("check", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("found", overflow="fold")
    for finding in findings:
        style = _COLOURS[finding.status]
        # Text, not str: brackets in a server's words are not our markup
        table.add_row(finding.name, Text(finding.status.value, style=style), Text(shown(finding.found)))
    console.print(table)
    for finding in findings:
        if finding.remedy:
            # on one line each, however long: SQL is copied from here
            words = Text.assemble((finding.name, _COLOURS[finding.status]), f": {shown(finding.remedy)}")
            console.print(words, soft_wrap=True)
