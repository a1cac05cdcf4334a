"""Command line of the reference gateway: ``gateway`` and ``gateway import FILE``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from config.conninfo import conninfo_problem
from ops.gateway.database import DatabaseUnavailableError
from ops.gateway.importer import ImportFileError, import_file
from ops.gateway.records import CHANNEL_ID
from ops.gateway.server import serve
from ops.terminal import say

__all__ = ["app"]

EXIT_FAILED = 1
EXIT_USAGE = 2
BAD_SHOWN = 20

app = typer.Typer(
    help="The reference Telegram Gateway: serve its HTTP API, or import messages into it.",
    invoke_without_command=True,
    no_args_is_help=False,
)

DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        envvar="TELEGRAM_GATEWAY_DATABASE_URL",
        show_envvar=True,
        help="PostgreSQL, for instance postgresql://user@localhost/telegram",
    ),
]


@app.callback()
def gateway(
    context: typer.Context,
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0: any free one.")] = 4010,
    database_url: DatabaseUrl = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="TELEGRAM_GATEWAY_API_KEY", show_envvar=True, help="Key asked for; none: the API is open."
        ),
    ] = None,
) -> None:
    """Run the gateway in the foreground until SIGTERM or Ctrl-C."""
    context.obj = database_url
    if context.invoked_subcommand is not None:
        return
    url = _checked_url(database_url)
    try:
        serve(host=host, port=port, database_url=url, api_key=api_key or None)
    except OSError as exc:
        raise _stop(EXIT_FAILED, f"cannot listen on {host} port {port}: {exc.strerror or exc}") from exc


@app.command("import")
def import_(
    context: typer.Context,
    *,
    file: Annotated[Path, typer.Argument(help="Telegram Desktop export (result.json), or JSON lines.")],
    database_url: DatabaseUrl = None,
    channel: Annotated[
        str | None,
        typer.Option(help="Channel id for all messages, in place of the file's own; after = if negative."),
    ] = None,
) -> None:
    """Import messages. The same file again adds nothing; exit code 1 if an entry was bad."""
    url = _checked_url(database_url or context.obj)
    if channel is not None and not CHANNEL_ID.fullmatch(channel):
        raise _stop(EXIT_USAGE, "--channel must be a number, for instance --channel=-1001649127710")
    # the pool logs each attempt; the one line below says it
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    try:
        report = import_file(file, url, channel_id=channel)
    except ImportFileError as exc:
        raise _stop(EXIT_USAGE, f"{file}: {exc}") from exc
    except DatabaseUnavailableError as exc:
        raise _stop(EXIT_FAILED, f"the database is not available: {exc}") from exc
    for entry in report.bad[:BAD_SHOWN]:
        say(f"{entry.place}: {entry.reason}", err=True)
    if len(report.bad) > BAD_SHOWN:
        say(f"... and {len(report.bad) - BAD_SHOWN} more", err=True)
    say(report.words())
    if report.bad:
        raise typer.Exit(EXIT_FAILED)


def _checked_url(database_url: str | None) -> str:
    if not database_url:
        raise _stop(EXIT_USAGE, "no database: give --database-url or set TELEGRAM_GATEWAY_DATABASE_URL")
    problem = conninfo_problem(database_url)
    if problem is not None:
        raise _stop(EXIT_USAGE, f"the database URL is malformed: {problem}")
    return database_url


def _stop(code: int, line: str) -> typer.Exit:
    say(line, err=True)
    return typer.Exit(code)
