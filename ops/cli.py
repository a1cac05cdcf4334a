"""The command line: ``tp-capital``."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn, TextIO

import orjson
import typer
from rich.console import Console

from actors.parser import read
from actors.parser.outcome import OutcomePolicy
from config import ConfigurationError, Settings, load_settings
from engine.clock import SystemClock
from engine.timers import TimerThread
from ops import daemon
from ops.exit_codes import EXIT_FAILED, EXIT_OK, EXIT_USAGE
from ops.explaining import explain
from ops.gateway.commands import app as gateway_app
from ops.http.listening import Listening
from ops.local.demo import Demo, DemoError
from ops.parsing import parse_lines, reading_object
from ops.parts import RETENTION
from ops.replay import Replay
from ops.status import fetch_health, show_health, status_exit_code
from ops.stores import make_stores
from ops.version import VERSION
from storage.archive import Archive
from storage.errors import StorageError
from storage.schema import Strategy, migrate

__all__ = ["app", "main"]

app = typer.Typer(
    name="tp-capital",
    help="Reads trading signals out of Telegram channels and serves them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(gateway_app, name="gateway")


@app.callback(invoke_without_command=True)
def _version(
    *, version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False
) -> None:
    if version:
        typer.echo(VERSION)
        raise typer.Exit(EXIT_OK)


@app.command()
def run() -> None:
    """Run the daemon in the foreground, configured by environment and .env."""
    settings = _settings()
    listening = _listen(settings.http.host, settings.http.port)
    raise typer.Exit(daemon.run(settings, listening))


@app.command()
def demo(
    *,
    port: Annotated[
        int, typer.Option(min=1, max=65533, help="The engine's port; the gateway's is two above.")
    ] = 4008,
    messages: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Messages to hold instead of the sample history."),
    ] = None,
    seconds: Annotated[float | None, typer.Option("--for", min=0, help="Stop after so many seconds.")] = None,
    state: Annotated[Path, typer.Option(help="Folder for the database and logs.")] = Path(".tp-capital/demo"),
) -> None:
    """Run all of it with nothing installed: embedded PostgreSQL, reference gateway, engine."""
    listening = _listen("127.0.0.1", port)
    try:
        raise typer.Exit(Demo(listening, messages=messages, state=state).run(seconds=seconds))
    except (DemoError, ConfigurationError) as error:
        listening.close()
        _stop(EXIT_FAILED, *getattr(error, "problems", [str(error)]))


@app.command()
def parse(
    file: Annotated[str, typer.Argument(help="File to read; - for standard input.")] = "-",
    *,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help='Lines {"id","text"} in, one reading each out.')
    ] = False,
    explained: Annotated[
        bool, typer.Option("--explain", help="Say what was found, where, and why it is or is not a signal.")
    ] = False,
) -> None:
    """Read a message (the whole input; with --jsonl one a line) and print what the grammar makes of it."""
    bad = 0
    try:
        with _input(file) as lines:
            if jsonl:
                console = Console() if explained else None
                bad = parse_lines(lines, sys.stdout, sys.stderr, console=console)
            else:
                text = lines.read()
                if explained:
                    explain(text, read(text), Console())
                else:
                    body = reading_object(read(text))
                    typer.echo(orjson.dumps(body, option=orjson.OPT_INDENT_2).decode())
    except OSError as error:
        _stop(EXIT_USAGE, f"{file}: {error.strerror}")
    except UnicodeDecodeError as error:
        _stop(EXIT_USAGE, f"{file}: not UTF-8: {error.reason} at byte {error.start}")
    raise typer.Exit(EXIT_FAILED if bad else EXIT_OK)


@app.command()
def replay(
    *,
    channel: Annotated[
        str | None, typer.Option(help="Only this channel; write --channel=-100... for a negative id.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Only messages since then, UTC."),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Write the new readings; without it nothing is written.")
    ] = False,
) -> None:
    """Read all stored messages again and print what the present grammar would read differently."""
    settings = _settings()
    timers = TimerThread()
    stores = make_stores(settings, clock=SystemClock(), timers=timers)
    again = Replay(
        Archive(stores.database),
        stores.ledger,
        policy=OutcomePolicy(retention=RETENTION, text_filter=settings.engine.text_filter),
        now=datetime.now(UTC),
    )
    start = since.replace(tzinfo=UTC) if since else None
    try:
        stores.database.open()
        for difference in again.run(channel=channel, since=start, apply=apply):
            typer.echo(str(difference))
    except StorageError as error:
        _stop(EXIT_FAILED, f"cannot replay: {error}")
    finally:
        stores.close()
        timers.close()
    typer.echo(again.report.words(applied=apply))


@app.command("migrate")
def migrate_() -> None:
    """Bring the schema up to date. Idempotent, and safe to run twice at once."""
    settings = _settings().database
    timers = TimerThread()
    try:
        applied = migrate(
            settings.migration_conninfo,
            schema=settings.schema_name,
            strategy=Strategy(settings.strategy),
            timers=timers,
        )
    except StorageError as error:
        _stop(EXIT_FAILED, f"cannot migrate: {error}")
    finally:
        timers.close()
    typer.echo(f"applied: {', '.join(applied)}" if applied else "the schema is up to date")


@app.command()
def status(
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the daemon's answer as it is.")] = False,
    url: Annotated[str | None, typer.Option(help="Address of the daemon; by default HOST and PORT.")] = None,
) -> None:
    """Show the health of a running daemon. Exit 0 healthy, 1 degraded, 2 unhealthy or unreachable."""
    if url is None:
        http = _settings().http
        url = f"http://{f'[{http.host}]' if ':' in http.host else http.host}:{http.port}"
    body = fetch_health(url)
    if json:
        typer.echo(orjson.dumps(body, option=orjson.OPT_INDENT_2).decode())
    else:
        show_health(body, Console())
    raise typer.Exit(status_exit_code(body))


def main() -> None:
    """Run the command line."""
    app()


def _input(file: str) -> AbstractContextManager[TextIO]:
    """Open a file, or standard input for ``-``."""
    return nullcontext(sys.stdin) if file == "-" else Path(file).open(encoding="utf-8")


def _settings() -> Settings:
    try:
        return load_settings()
    except ConfigurationError as error:
        _stop(EXIT_USAGE, *error.problems)


def _listen(host: str, port: int) -> Listening:
    try:
        return Listening(host, port)
    except OSError as error:
        _stop(
            EXIT_FAILED,
            f"cannot listen on {host} port {port}: {os.strerror(error.errno or 0)}; choose another port",
        )


def _stop(code: int, *lines: str) -> NoReturn:
    for line in lines:
        typer.echo(f"tp-capital: {line}", err=True)
    raise typer.Exit(code)


if __name__ == "__main__":
    main()
