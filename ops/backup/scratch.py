"""Restores a backup into a temporary database, to prove that it can be restored."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from ops.backup.errors import BackupError
from ops.backup.filling import fill, prepare_timescale
from ops.backup.programs import Programs
from ops.backup.server import Server, connected
from ops.process_signals import uninterrupted

__all__ = ["counts_after_restore", "why_not"]

_PREFIX = "tp_capital_scratch_"
#: an older scratch database was left behind by a killed backup
_LEFT_BEHIND_S = 6 * 3600


def why_not(server: Server, *, timescale: str | None) -> str | None:
    """Return why the backup cannot be restored on this server, or None if it can."""
    if not server.may_create_databases:
        return f"{server.user} may not create databases (alter role {server.user} createdb)"
    if timescale is not None and not server.superuser:
        return (
            f"{server.user} is no superuser, but restoring a database with TimescaleDB needs one "
            "(set one in TP_CAPITAL_SCRATCH_DATABASE_URL)"
        )
    return None


def counts_after_restore(
    server: Server, dump: Path, *, schema: str, programs: Programs, timescale: str | None
) -> dict[str, int]:
    """Restore a dump into a new database, and return the row count of each table.

    Raises:
        BackupError: the dump cannot be restored.
    """
    with _database(server) as name, connected(server.conninfo, database=name) as scratch:
        # Grants are left out, because their roles may not exist on a server that is only for checks. TimescaleDB
        # stays in its restoring state, so that none of its jobs drops old chunks before the rows are counted.
        if timescale is not None:
            prepare_timescale(scratch, timescale)
        fill(scratch, dump, programs=programs, with_rights=False)
        return scratch.counts(schema)


@contextmanager
def _database(server: Server) -> Iterator[str]:
    """Create an empty database, and drop it afterwards even if clients are connected."""
    _drop_left_behind(server)
    name = f"{_PREFIX}{int(time.time())}_{secrets.token_hex(4)}"
    identifier = sql.Identifier(name)
    # Migrations need UTF8, which may not be the server's default. Every system has the locale C, and it works with any
    # encoding; the locale of the dumped database may be missing here. Rows are only counted, not searched or sorted.
    statement = sql.SQL(
        "create database {} template template0 encoding 'UTF8' locale_provider libc lc_collate 'C' lc_ctype 'C'"
    )
    try:
        try:
            with uninterrupted():
                server.connection.execute(statement.format(identifier))
        except psycopg.Error as error:
            raise BackupError(
                f"no scratch database on {server.place}: {' '.join(str(error).split())}"
            ) from error
        yield name
    finally:
        server.connection.execute(sql.SQL("drop database if exists {} with (force)").format(identifier))


def _drop_left_behind(server: Server) -> None:
    """Drop the scratch databases of killed backups, if they are ours, old and without connections."""
    found = server.connection.execute(
        "select datname from pg_database as base where starts_with(datname, %s)"
        " and pg_has_role(datdba, 'usage')"
        " and not exists (select from pg_stat_activity as other where other.datname = base.datname)",
        [_PREFIX],
    ).fetchall()
    for row in found:
        made = row["datname"].removeprefix(_PREFIX).partition("_")[0]
        if made.isdecimal() and int(made) < time.time() - _LEFT_BEHIND_S:
            server.connection.execute(
                sql.SQL("drop database if exists {}").format(sql.Identifier(row["datname"]))
            )
