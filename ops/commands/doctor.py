"""``doctor``: finds problems of a deployment and prints the remedies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from config import ConfigurationError, load_settings
from engine.safe_text import shown
from engine.timers import TimerThread
from ops.commands.common import System, stop, take_system
from ops.doctor.context import CheckContext
from ops.doctor.findings import CheckResult, CheckStatus, fail, worst
from ops.doctor.runner import examine
from ops.exit_codes import EXIT_FAILED, EXIT_OK, EXIT_USAGE
from ops.terminal import say_json
from ops.version import VERSION

__all__ = ["doctor"]

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


def doctor(
    *,
    system: System = None,
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check the configuration and every part, and print remedies for problems. This changes nothing.

    If the settings name no database, the demo or the stack that runs in this folder is examined.
    Exit 0 when no check failed (warnings are allowed), 1 when a check failed, 2 when the configuration is invalid.
    """
    try:
        settings = load_settings()
        if take_system(settings, system):
            settings = load_settings()
    except ConfigurationError as error:
        if json:
            _print([_unusable(shown(problem)) for problem in error.problems])
            raise typer.Exit(EXIT_USAGE) from None
        stop(EXIT_USAGE, *error.problems)
    timers = TimerThread()
    console = Console()
    try:
        with console.status("checking every part ..."):
            findings = examine(CheckContext(settings=settings, timers=timers))
    finally:
        timers.close()
    if json:
        _print(findings)
    else:
        _show(findings, console)
    raise typer.Exit(EXIT_FAILED if worst(findings) is CheckStatus.FAIL else EXIT_OK)


def _unusable(problem: str) -> CheckResult:
    names, colon, wanted = problem.partition(": ")
    return fail(
        "configuration.settings",
        problem,
        f"correct {names}: {wanted}" if colon else "correct it as the message says",
    )


def _print(findings: Sequence[CheckResult]) -> None:
    body = {
        "status": worst(findings).value,
        "version": VERSION,
        "checks": [finding.as_object() for finding in findings],
    }
    say_json(body, indent=True)


def _show(findings: Sequence[CheckResult], console: Console) -> None:
    """Print what each check found, with its remedy below it, and in one line a cause what was not checked."""
    verdict = worst(findings)
    console.print(f"tp-capital doctor: {_VERDICTS[verdict]}", style=_COLOURS[verdict])
    left_out: dict[str, list[str]] = {}
    width = max((len(finding.name) for finding in findings), default=0)
    for finding in findings:
        if finding.status is CheckStatus.SKIPPED:
            left_out.setdefault(shown(finding.found), []).append(finding.name)
            continue
        # Text, not str: rich would read brackets in a server's text as markup
        status = (f"{finding.status.value:5}", _COLOURS[finding.status])
        # each on one line, however long, so that SQL can be copied
        console.print(
            Text.assemble(status, f"{finding.name:{width}}  {shown(finding.found)}"), soft_wrap=True
        )
        if finding.remedy:
            console.print(Text(f"     {shown(finding.remedy)}", style="bold"), soft_wrap=True)
    for why, names in left_out.items():
        words = f"{'skip':5}{why}: {', '.join(names)}"
        console.print(Text(words, style=_COLOURS[CheckStatus.SKIPPED]), soft_wrap=True)
