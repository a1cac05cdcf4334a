"""``dead-letters`` and ``backfill``: send requests to a running daemon."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from ops.client import DaemonClient, DaemonError
from ops.commands.common import Since, daemon_and_key, stop
from ops.exit_codes import EXIT_FAILED
from ops.process_signals import stop_on_signals
from ops.terminal import markup, say, say_json

__all__ = ["AsJson", "Url", "asked_daemon", "backfill", "dead_letters"]

Url = Annotated[
    str | None,
    typer.Option(help="Address of the daemon; by default HOST and PORT, or what runs in this folder."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the daemon's answer unchanged.")]

_NO_KEY = (
    "the daemon wants an API key: set TP_CAPITAL_API_KEY. It is sent only to the daemon at HOST and PORT, or at a name in "
    "TP_CAPITAL_ALLOWED_HOSTS"
)
_POLL_S = 0.5
#: an error that lasts this long ends the command; the daemon continues to retry
_GIVE_UP_S = 30.0

dead_letters = typer.Typer(
    help="List, export and retry messages that could not be read or stored.", no_args_is_help=True
)


@contextlib.contextmanager
def asked_daemon(url: str | None) -> Iterator[DaemonClient]:
    """Give the client of the daemon at ``url``, or of the settings. What the daemon refuses ends the command in a line."""
    url, key = daemon_and_key(url)
    try:
        with DaemonClient(url, api_key=key) as daemon:
            yield daemon
    except DaemonError as error:
        stop(EXIT_FAILED, _NO_KEY if error.status == HTTPStatus.UNAUTHORIZED and not key else str(error))


@dead_letters.command("list")
def list_letters(*, url: Url = None, json: AsJson = False) -> None:
    """Show the unresolved dead letters, oldest first."""
    with asked_daemon(url) as daemon:
        letters = list(daemon.pages("/dead-letters"))
    if json:
        say_json(letters, indent=True)
        return
    table = Table(title=f"{len(letters)} dead letters")
    for name in ("id", "channel", "message", "reason", "attempts", "next attempt", "error"):
        table.add_column(name, overflow="fold")
    for letter in letters:
        letter["next_attempt_at"] = letter["next_attempt_at"] or "by hand only"
        cells = ("id", "channel", "message_id", "reason", "attempts", "next_attempt_at", "error")
        table.add_row(*(markup(letter[name]) for name in cells))
    Console().print(table)


@dead_letters.command()
def retry(
    letter: Annotated[int | None, typer.Argument(help="The id; without one, all dead letters.")] = None,
    *,
    url: Url = None,
) -> None:
    """Try one dead letter, or all of them, again now."""
    with asked_daemon(url) as daemon:
        if letter is None:
            wanted = [one["id"] for one in daemon.pages("/dead-letters")]
            count = sum(_still_waits(daemon, number) for number in wanted)
        else:
            daemon.post(f"/dead-letters/{letter}/retry")
            count = 1
    say(f"{count} will be tried within seconds")


def _still_waits(daemon: DaemonClient, letter: int) -> bool:
    """Request a retry. Return False if the letter was resolved after it was listed."""
    try:
        daemon.post(f"/dead-letters/{letter}/retry")
    except DaemonError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return False
        raise
    return True


@dead_letters.command()
def export(*, url: Url = None) -> None:
    """Print each dead letter with its whole message as a line of JSON."""
    with asked_daemon(url) as daemon:
        for letter in daemon.pages("/dead-letters", raw="true"):
            say_json(letter)


def backfill(
    *,
    channel: Annotated[
        list[str] | None,
        typer.Option(help="Only this channel; repeatable; write a negative id as --channel=-100..."),
    ] = None,
    since: Since = None,
    again: Annotated[
        bool, typer.Option("--again", help="Read the history again even if it was completed.")
    ] = False,
    url: Url = None,
    json: AsJson = False,
) -> None:
    """Make the daemon read the history, and show the progress. Ctrl-C ends the display, not the import.

    A completed history is reread only with --again. With --since, messages from that time are reread.
    """
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    rate = TextColumn("{task.fields[rate]}")
    start = since.isoformat() if since else None
    with (
        asked_daemon(url) as daemon,
        stop_on_signals() as left,
        Progress(*columns, rate, console=console, disable=json or not console.is_terminal) as progress,
    ):
        before = daemon.get("/backfill")
        daemon.post("/backfill", {"again": again, "channels": channel or [], "since": start})
        bars: dict[str, TaskID] = {}
        body = daemon.get("/backfill")
        failure = _Trouble()
        while not (done := _is_done(body, before)) and not left.wait(_POLL_S):
            body = daemon.get("/backfill")
            _show_progress(progress, bars, body)
            if failure.is_lasting(body["error"]):
                break
    if json:
        say_json(body, indent=True)
    else:
        checked = {one["id"]: one["foundByTailChecks"] for one in before["channels"] if one["completedAt"]}
        for one in body["channels"]:
            if since is None or one["id"] not in checked:
                words = _import_words(one)
            elif channel and one["id"] not in channel:
                continue
            else:
                words = _check_words(since, one["foundByTailChecks"] - checked[one["id"]], done=done)
            console.print(f"{markup(one['id'])}: {markup(words)}", highlight=False)
    if body["error"]:
        stop(EXIT_FAILED, body["error"])


class _Trouble:
    """Watches the error of the import. It prints a new error, and detects one that lasts too long."""

    def __init__(self) -> None:
        self._error: str | None = None
        self._since_s = 0.0

    def is_lasting(self, error: str | None) -> bool:
        if error != self._error:
            self._error, self._since_s = error, time.monotonic()
            if error is not None:
                say(f"tp-capital: {error}; the daemon tries again", err=True)
        return error is not None and time.monotonic() - self._since_s > _GIVE_UP_S


def _is_done(body: dict[str, Any], before: dict[str, Any]) -> bool:
    """Return whether the request is done. The import accepts a request a moment after it was sent."""
    taken = body["requestsTaken"] != before["requestsTaken"]
    return bool(taken and body["completed"] and body["phase"] == "completed")


def _import_words(channel: dict[str, Any]) -> str:
    words = f"{channel['rowsRead']} rows read, {channel['newHere']} new"
    if channel["foundByTailChecks"]:
        words += f"; tail checks found {channel['foundByTailChecks']} more"
    return words


def _check_words(since: date, found: int, *, done: bool) -> str:
    """Return the result of checking a completed history. Its row counts belong to the earlier import."""
    at = f"{since:%Y-%m-%d %H:%M:%S UTC}" if isinstance(since, datetime) else str(since)
    what = f"{found} found" if found else "nothing missing" if done else "nothing found yet"
    return f"checked since {at}: {what}" if done else f"being checked since {at}: {what}"


def _show_progress(progress: Progress, bars: dict[str, TaskID], body: dict[str, Any]) -> None:
    """Show a bar for each channel's history, and another one during a tail check."""
    for channel in body["channels"]:
        parts = {channel["id"]: (channel["rowsRead"], channel["gatewayTotal"])}
        if channel["checkRowsRead"] is not None:
            parts[f"{channel['id']} tail"] = (channel["checkRowsRead"], channel["checkTotal"])
        for name, (rows, total) in parts.items():
            if name not in bars:
                bars[name] = progress.add_task(markup(name), total=total, rate="")
            speed = progress.tasks[bars[name]].speed
            said = f"{speed:,.0f} rows/s" if speed else ""
            progress.update(bars[name], completed=rows, total=total, rate=said)
