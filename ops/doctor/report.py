"""The findings, for a person: a table, and below it how to mend what is not well, to be copied."""

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
    CheckStatus.OK: "all is well",
    CheckStatus.WARN: "it works; see the warnings",
    CheckStatus.FAIL: "something must be mended",
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
        # Text, not str: brackets in a server's words are not our markup
        table.add_row(finding.name, Text(finding.status.value, style=style), Text(shown(finding.found)))
    console.print(table)
    for finding in findings:
        if finding.remedy:
            # on one line each, however long: SQL is copied from here
            words = Text.assemble((finding.name, _COLOURS[finding.status]), f": {shown(finding.remedy)}")
            console.print(words, soft_wrap=True)
