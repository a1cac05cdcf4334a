"""``migrate-data``: imports the former service's signals."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from config import Settings
from config.conninfo import conninfo_problem
from engine.clock import SystemClock
from engine.timers import TimerThread
from ops.commands.common import quiet_logs, stop, usable_settings
from ops.exit_codes import EXIT_FAILED, EXIT_USAGE
from ops.migrate_data.command import OldTableError, compared, copy_rows
from ops.migrate_data.report import report_object, show_report
from ops.migrate_data.values import LegacyReader
from ops.stores import RETENTION, Stores
from ops.terminal import say, say_json
from storage.errors import StorageError
from storage.legacy.importing import AnotherTableError, LegacyImport
from storage.legacy.report import report as report_of
from storage.legacy.source import LegacySource, LegacyTableError
from storage.legacy.trial import LegacyTrial
from storage.postgres.schema import Strategy, is_current

__all__ = ["migrate_data"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """The options of the command."""

    dry_run: bool
    again: bool
    batch: int
    channels: dict[str, str]
    json: bool


def migrate_data(
    *,
    conninfo: Annotated[
        str,
        typer.Option(
            "--from",
            envvar="TP_CAPITAL_LEGACY_DATABASE_URL",
            help="The database with the old table. Keep a password in this variable or in .pgpass.",
        ),
    ],
    table: Annotated[
        str | None,
        typer.Option(help="The old table with its schema; by default, the tp_capital_signals that is found."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing, and print what would happen to the rows.")
    ] = False,
    batch: Annotated[int, typer.Option(min=1, max=5000, help="Rows per transaction.")] = 500,
    again: Annotated[
        bool,
        typer.Option("--again", help="Start at the first row; rows that were already imported are skipped."),
    ] = False,
    channel: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OLD=ID", help="The channel id here for a channel of the old table; repeatable."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, with every note.")] = False,
) -> None:
    """Copy the former service's signals into this database. After an interruption, it continues where it stopped."""
    settings = usable_settings()
    wanted = _Wanted(dry_run=dry_run, again=again, batch=batch, channels=_channels(channel or []), json=json)
    problem = conninfo_problem(conninfo)
    if problem is not None:
        stop(EXIT_USAGE, f"--from: {problem}")
    quiet_logs()
    timers = TimerThread()
    stores = Stores(settings, clock=SystemClock(), timers=timers)
    source = LegacySource(conninfo, table=table, timers=timers)
    try:
        stores.database.open()
        _open(source, stores, settings, wanted)
        _migrate(source, stores, wanted)
    except StorageError as error:
        stop(EXIT_FAILED, f"cannot write: {error}; run the command again to continue")
    finally:
        source.close()
        stores.close()
        timers.close()


def _open(source: LegacySource, stores: Stores, settings: Settings, wanted: _Wanted) -> None:
    """Check both databases, and print a note for each old channel that is not among ours."""
    if not is_current(stores.database, strategy=Strategy(settings.database.strategy)):
        stop(EXIT_FAILED, "the schema is not up to date; run `tp-capital migrate` first")
    try:
        source.open()
        channels = source.channels()
    except LegacyTableError as error:
        stop(EXIT_USAGE, str(error))
    except StorageError as error:
        stop(EXIT_FAILED, f"cannot read the old table: {error}")
    for channel in channels:
        if wanted.channels.get(channel, channel) not in settings.gateway.channels:
            say(
                f"tp-capital: note: the old table's channel {channel} is not in TP_CAPITAL_SIGNALS_CHANNEL_ID, so no "
                f"messages match its rows; if it has another id there, pass --channel {channel}=ID",
                err=True,
            )


def _migrate(source: LegacySource, stores: Stores, wanted: _Wanted) -> None:
    started_s = time.monotonic()
    reader = LegacyReader(retention=RETENTION, now=stores.database.now())
    target = LegacyImport(stores.database, stores.ledger, reader.take)
    trial = LegacyTrial(stores.database, reader.take)
    after = None if wanted.again else target.last_taken()
    taken_before = target.count()
    try:
        total = source.count()
        if not wanted.dry_run:
            target.catch_up()
        with _progress(total=total, done=0 if wanted.again else min(taken_before, total)) as tell:
            copy_rows(
                source,
                trial if wanted.dry_run else target,
                after=after,
                batch=wanted.batch,
                channels=wanted.channels,
                tell=tell,
            )
        old = None if wanted.dry_run else source.totals()
    except AnotherTableError as error:
        stop(EXIT_USAGE, f"{source.name}: {error}")
    except OldTableError as error:
        stop(EXIT_FAILED, f"cannot read the old table: {error}; run the command again to continue")
    report = trial.report() if old is None else report_of(stores.database, retention=RETENTION)
    problems = [] if old is None else list(compared(report, old))
    if wanted.json:
        body = report_object(report, old=old)
        body |= {"table": source.name, "dryRun": wanted.dry_run, "problems": problems}
        say_json(body, indent=True)
    else:
        show_report(report, Console() if sys.stdout.isatty() else Console(width=160), old=old)
        seconds = time.monotonic() - started_s
        _say_end(source.name, report.rows, taken_before, seconds, dry_run=wanted.dry_run)
    if problems:
        stop(EXIT_FAILED, *problems)


def _say_end(table: str, rows: int, taken_before: int, seconds: float, *, dry_run: bool) -> None:
    if dry_run:
        already = f", {taken_before} were already imported" if taken_before else ""
        say(f"{rows} rows of {table} checked in {seconds:.1f} s{already}; nothing was written")
    else:
        say(f"{rows} rows of {table} imported, {taken_before} of them earlier, in {seconds:.1f} s")


@contextmanager
def _progress(*, total: int, done: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar, but only on a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("rows", total=total, completed=done)
        yield lambda count: progress.advance(task, count)


def _channels(words: list[str]) -> dict[str, str]:
    channels = {}
    for word in words:
        old, equals, new = word.partition("=")
        if not (old and equals and new):
            stop(EXIT_USAGE, f"--channel {word}: the form must be OLD=ID")
        channels[old] = new
    return channels
