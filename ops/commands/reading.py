"""``parse`` and ``replay``: read one text, or all stored messages, with the grammar."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console

from actors.grammar import MAX_CHARS, read
from engine.clock import SystemClock
from engine.model import Market
from engine.timers import TimerThread
from ops.commands.common import Since, System, quiet_logs, settings_for_database, stop
from ops.commands.explaining import explain
from ops.commands.parsing import lines_of, parse_lines, reading_object
from ops.commands.replay import Replay
from ops.exit_codes import EXIT_FAILED, EXIT_OK, EXIT_USAGE
from ops.instants import first_instant
from ops.stores import Stores, outcome_policy, settings_markets
from ops.terminal import say, say_json
from storage.errors import StorageError
from storage.postgres.archive import Archive

__all__ = ["parse", "replay"]


def parse(
    file: Annotated[str, typer.Argument(help="File to read; - for standard input.")] = "-",
    *,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help='Read lines {"id","text"}, and print one reading for each.')
    ] = False,
    explained: Annotated[
        bool, typer.Option("--explain", help="Print what was read, where, and why it is or is not a signal.")
    ] = False,
    market: Annotated[
        Market, typer.Option(help="The market that the message's channel trades in.")
    ] = Market.B3,
) -> None:
    """Read a message (the whole input, or with --jsonl one per line), and print the reading."""
    bad = 0
    try:
        with _input(file) as source:
            if jsonl:
                console = Console() if explained else None
                bad = parse_lines(lines_of(source), sys.stdout, sys.stderr, market=market, console=console)
            else:
                text = source.read(
                    MAX_CHARS + 1
                )  # one more than the limit, so that the grammar sees that the text is too long
                if explained:
                    explain(text, read(text, market=market), Console())
                else:
                    body = reading_object(read(text, market=market))
                    say_json(body, indent=True)
    except OSError as error:
        if error.filename is None:
            raise  # the error is not about the input file: writing the output failed
        stop(EXIT_USAGE, f"{file}: {error.strerror}")
    except UnicodeDecodeError as error:
        stop(EXIT_USAGE, f"{file}: not UTF-8: {error.reason} at byte {error.start}")
    raise typer.Exit(EXIT_FAILED if bad else EXIT_OK)


def replay(
    *,
    channel: Annotated[
        str | None, typer.Option(help="Only this channel; write a negative id as --channel=-100...")
    ] = None,
    since: Since = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Write the new readings. Without this option nothing is written.")
    ] = False,
    system: System = None,
    json: Annotated[bool, typer.Option("--json", help="Print the differences and counts as JSON.")] = False,
) -> None:
    """Reread all stored messages, and print what the current grammar reads differently.

    If the settings name no database, that of the demo or the stack that runs in this folder is read.
    """
    settings = settings_for_database(system)
    quiet_logs()
    timers = TimerThread()
    stores = Stores(settings, clock=SystemClock(), timers=timers)
    try:
        stores.database.open()
        again = Replay(
            Archive(stores.database),
            stores.ledger,
            policy=outcome_policy(settings),
            now=stores.database.now(),
        )
        again.markets = settings_markets(settings) | stores.channels.markets()
        found = []
        start = None if since is None else first_instant(since, settings.engine.zone)
        for difference in again.run(channel=channel, since=start, apply=apply):
            if json:
                found.append(difference.as_object())
            else:
                say(str(difference))
    except StorageError as error:
        stop(EXIT_FAILED, f"cannot replay: {error}")
    finally:
        stores.close()
        timers.close()
    if json:
        body = again.report.as_object(applied=apply) | {"differences": found}
        say_json(body, indent=True)
    else:
        say(again.report.words(applied=apply))


def _input(file: str) -> AbstractContextManager[TextIO]:
    """Open a file, or standard input for ``-``."""
    return nullcontext(sys.stdin) if file == "-" else Path(file).open(encoding="utf-8")
