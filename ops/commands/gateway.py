"""``gateway``: the reference gateway, and ``gateway import FILE``, which finds the demo or the stack of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config.secret_files import secret_of
from ops.commands.common import System, settings_of_system, stop
from ops.commands.telegram import app
from ops.exit_codes import EXIT_FAILED, EXIT_USAGE
from ops.gateway.commands import DatabaseUrl, checked_url
from ops.gateway.database import URL_SETTING
from ops.gateway.importer import ImportFileError, import_file
from ops.gateway.records import CHANNEL_ID
from ops.terminal import say
from storage.errors import StorageError

__all__ = ["app"]

_BAD_SHOWN = 20


@app.command("import")
def import_(
    context: typer.Context,
    *,
    file: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, help="Telegram Desktop export (result.json), or JSON lines."
        ),
    ],
    database_url: DatabaseUrl = None,
    system: System = None,
    channel: Annotated[
        str | None,
        typer.Option(
            help="Channel id for all messages, instead of the file's own; write a negative id after =."
        ),
    ] = None,
) -> None:
    """Import messages. Importing a file twice adds nothing. The exit code is 1 if an entry was bad.

    Without an address, the gateway of the demo or of the stack that runs in this folder gets them.
    """
    url = _found_url(database_url or context.obj, system)
    if channel is not None and not CHANNEL_ID.fullmatch(channel):
        stop(EXIT_USAGE, "--channel must be a number, for instance --channel=-1001649127710")
    try:
        report = import_file(file, url, channel_id=channel)
    except ImportFileError as error:
        stop(EXIT_USAGE, f"{file}: {error}")
    except StorageError as error:
        stop(EXIT_FAILED, f"the database is not available: {error}")
    for entry in report.bad[:_BAD_SHOWN]:
        say(f"{entry.place}: {entry.reason}", err=True)
    if report.bad_count > _BAD_SHOWN:
        say(f"... and {report.bad_count - _BAD_SHOWN} more", err=True)
    say(report.words())
    if report.bad_count:
        raise typer.Exit(EXIT_FAILED)


def _found_url(given: str | None, system: str | None) -> str:
    """Return the address of the gateway's database: the given one, or that of a demo or stack of this folder."""
    try:
        url = None if system else given or secret_of(URL_SETTING)
    except ValueError as error:
        stop(EXIT_USAGE, str(error))
    if not url:
        url = settings_of_system(system, having=URL_SETTING).get(URL_SETTING)
    if not url:
        stop(
            EXIT_USAGE,
            f"no database: give --database-url, set {URL_SETTING}, or start `tp-capital demo` or "
            "`tp-capital stack up --gateway` in this folder",
        )
    return checked_url(url)
