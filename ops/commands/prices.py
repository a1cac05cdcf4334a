"""``prices``: import bars from files of the exchange and of terminals, and show what is stored of a symbol."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from engine.clock import SystemClock
from engine.timers import TimerThread
from ops.commands.common import System, quiet_logs, settings_for_database, stop
from ops.exit_codes import EXIT_FAILED
from ops.price_import import PriceImport
from ops.stores import Stores
from ops.terminal import markup, say
from storage.errors import StorageError
from storage.postgres.bars import Bars
from storage.postgres.instruments import Instruments
from storage.postgres.schema import Strategy, is_current

__all__ = ["prices"]

prices = typer.Typer(help="Import the market's prices, and show what is stored.", no_args_is_help=True)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise typer.BadParameter(f"{name!r} is no time zone, such as Europe/Athens") from None


@prices.command("import")
def import_(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            exists=True,
            dir_okay=False,
            help="COTAHIST, BVBG.086, a MetaTrader 5 export or a CSV; also within ZIP or gzip.",
        ),
    ],
    *,
    symbol: Annotated[
        str | None, typer.Option(help="Symbol of a MetaTrader export whose file name does not begin with it.")
    ] = None,
    zone: Annotated[
        Any,  # typer takes no ZoneInfo
        typer.Option(parser=_zone, metavar="ZONE", help="Time zone of a MetaTrader export's server."),
    ] = "America/Sao_Paulo",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read the files and write nothing.")] = False,
    system: System = None,
) -> None:
    """Import bars from files. Importing a file twice changes nothing. The exit code is 1 if something was bad.

    If the settings name no database, that of the demo or the stack that runs in this folder gets them.
    """
    bad = 0
    with nullcontext() if dry_run else _stores(system) as stores:
        importing = PriceImport(
            (Bars(stores.database), Instruments(stores.database)) if stores else None,
            zone=zone,
            symbol=symbol,
            now=datetime.now(UTC),
            oldest=stores.bar_retention().oldest() if stores else {},
        )
        for file in files:
            started_s = time.monotonic()
            with _progress(file) as told:
                report = importing.run(file, told)
            for line in (*report.remarks, *report.bad):
                say(line, err=True)
            if report.bad_count > len(report.bad):
                say(f"... and {report.bad_count - len(report.bad)} more", err=True)
            say(f"{file.name}: {report.words()} ({time.monotonic() - started_s:.1f} s)")
            bad += report.bad_count
    if bad:
        raise typer.Exit(EXIT_FAILED)


@prices.command()
def show(
    symbol: Annotated[str, typer.Argument(help="Symbol, such as PETR4 or WINZ26.")], *, system: System = None
) -> None:
    """Show which bars of a symbol are stored, and what the exchange says of it."""
    symbol = symbol.upper()
    with _stores(system) as stores:
        stored = Bars(stores.database).stored(symbol)
        known = next(
            (each for each in Instruments(stores.database).starting(symbol) if each.symbol == symbol), None
        )
    if not stored and known is None:
        stop(EXIT_FAILED, f"nothing is stored of {symbol}")
    table = Table(title=markup(symbol))
    for name in ("interval", "bars", "first", "last", "sources"):
        table.add_column(name, overflow="fold")
    for each in stored:
        first, last = (f"{instant:%Y-%m-%d %H:%M}Z" for instant in (each.first, each.last))
        table.add_row(each.interval, str(each.bars), first, last, markup(", ".join(each.sources)))
    Console().print(table)
    if known is not None:
        terms = (
            known.name,
            known.strike and f"strike {known.strike}",
            known.expiry and f"expires {known.expiry}",
        )
        say(", ".join([known.kind, *(str(term) for term in (*terms, known.isin) if term)]))


@contextmanager
def _stores(system: str | None) -> Iterator[Stores]:
    settings = settings_for_database(system)
    quiet_logs()
    timers = TimerThread()
    stores = Stores(settings, clock=SystemClock(), timers=timers)
    try:
        stores.database.open()
        if not is_current(stores.database, strategy=Strategy(settings.database.strategy)):
            stop(EXIT_FAILED, "the schema is not up to date; run `tp-capital migrate` first")
        yield stores
    except StorageError as error:
        stop(EXIT_FAILED, f"the database is not available: {error}; run the command again to continue")
    finally:
        stores.close()
        timers.close()


@contextmanager
def _progress(file: Path) -> Iterator[Callable[[int], None]]:
    """Show how much of a file was read, but only on a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(markup(file.name), total=file.stat().st_size)
        yield lambda size: progress.update(task, completed=size)
