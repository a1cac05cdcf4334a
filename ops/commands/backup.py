"""``backup`` and ``restore``: write the stored signals to a file, and read them back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ops.backup.dumping import back_up
from ops.backup.errors import BackupError
from ops.backup.programs import installed
from ops.backup.restoring import restore as restore_file
from ops.commands.common import stop, usable_settings
from ops.exit_codes import EXIT_FAILED
from ops.process_signals import exiting_on_signals
from ops.terminal import say

__all__ = ["backup", "restore"]


def backup(
    *,
    to: Annotated[Path, typer.Option(help="Folder for the backups.")] = Path(".tp-capital/backups"),
    keep: Annotated[int, typer.Option(min=1, help="Number of backups to keep, including this one.")] = 7,
) -> None:
    """Back up the schema as its owner, restore the file once to check it, and keep the newest backups."""
    settings = usable_settings().database
    with _failing("cannot back up"):
        made = back_up(
            settings.migration_conninfo,
            schema=settings.schema_name,
            folder=to,
            keep=keep,
            scratch=settings.scratch_conninfo,
            now=datetime.now(UTC),
            programs=installed(),
        )
    rows = sum(made.note.tables.values())
    proof = "checked by restoring it" if made.unproven is None else "checked by reading it to the end"
    say(
        f"{made.path}: {made.path.stat().st_size} bytes, {rows} rows in {len(made.note.tables)} tables, {proof}"
    )
    if made.unproven is not None:
        say(f"tp-capital: the check did not restore the file: {made.unproven}", err=True)
    for path in made.removed:
        say(f"removed {path}")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `backup` wrote.")],
    *,
    into: Annotated[
        str | None,
        typer.Option(
            envvar="TP_CAPITAL_RESTORE_DATABASE_URL",
            help="Database to restore into; by default the one for migrations. Use the environment variable: other "
            "users can see arguments.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Rename an existing schema instead of refusing; it is kept.")
    ] = False,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust",
            help="Restore a file without its note or with foreign objects. Such a file can run any code.",
        ),
    ] = False,
) -> None:
    """Restore a backup in one transaction, and print the row count of each table."""
    settings = usable_settings().database
    with _failing("cannot restore"):
        done = restore_file(
            file,
            settings.with_tls(into) if into else settings.migration_conninfo,
            schema=settings.schema_name,
            force=force,
            trust=trust,
            now=datetime.now(UTC),
            programs=installed(),
        )
    for name, rows in done.tables.items():
        say(f"{rows:>10} {name}")
    say(
        f"restored into {done.place}, "
        + (
            "with the same number of rows as the backup"
            if done.compared
            else "without a note to compare the rows"
        )
    )
    if done.aside is not None:
        say(f'the previous schema was kept; this removes it: drop schema "{done.aside}" cascade;')
    say("now run `tp-capital migrate`, then start the engine")


@contextmanager
def _failing(what: str) -> Iterator[None]:
    """End with one line if the work fails. A signal ends it too, and what it has begun is cleaned up."""
    with exiting_on_signals():
        try:
            yield
        except BackupError as error:
            stop(EXIT_FAILED, f"{what}: {error}")
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            stop(EXIT_FAILED, f"{what}: {place}{os.strerror(error.errno or 0)}")
