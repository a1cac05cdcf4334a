"""``init-env`` and ``migrate``: prepare an installation, and bring its schema up to date."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from engine.timers import TimerThread
from ops.commands.common import stop, usable_settings
from ops.environment_file import environment_text, write_new
from ops.exit_codes import EXIT_FAILED
from ops.stores import migrate_as_owner
from ops.terminal import say
from storage.errors import StorageError

__all__ = ["init_env", "migrate_schema"]


def init_env(
    *,
    output: Annotated[
        Path,
        typer.Option(help="File to write, or - for standard output. An existing file is not overwritten."),
    ] = Path(".env"),
) -> None:
    """Write a .env with generated secrets and all settings. Only its owner can read it."""
    if str(output) == "-":
        # not by `say`, which would hide the secrets
        typer.echo(environment_text(), nl=False)
        return
    try:
        write_new(output, environment_text())
    except FileExistsError:
        stop(
            EXIT_FAILED,
            f"{output} already exists and was not changed: move it away, or choose another --output",
        )
    except OSError as error:
        stop(EXIT_FAILED, f"{output} cannot be written: {os.strerror(error.errno or 0)}")
    say(f"{output} written with new secrets; only its owner can read it")


def migrate_schema() -> None:
    """Bring the schema up to date. It is idempotent, and two runs at the same time are safe."""
    settings = usable_settings().database
    timers = TimerThread()
    try:
        applied = migrate_as_owner(settings, timers=timers)
    except StorageError as error:
        stop(EXIT_FAILED, f"cannot migrate: {error}")
    finally:
        timers.close()
    say(f"applied: {', '.join(applied)}" if applied else "the schema is up to date")
