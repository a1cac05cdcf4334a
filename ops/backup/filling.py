"""pg_restore into an empty database or schema: all of a dump or nothing of it."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from ops.backup.errors import BackupError
from ops.backup.programs import Programs
from ops.backup.server import Server, first_line

__all__ = ["Content", "fill", "finish_timescale", "look_into", "prepare_timescale", "read_through"]

_SCHEMA = re.compile(r"^\d+; \d+ \d+ SCHEMA - (?P<name>.+) \S+$", re.MULTILINE)
_TIMESCALE = re.compile(r"^\d+; \d+ \d+ EXTENSION - timescaledb ?$", re.MULTILINE)


class Content:
    """What a dump holds: its schema, and whether it is one of a database with TimescaleDB."""

    def __init__(self, listing: str, schema: str) -> None:
        schemas = _SCHEMA.findall(listing)
        if schema not in schemas:
            found = f"the schema {', '.join(schemas)}" if schemas else "no schema"
            raise BackupError(
                f"the file holds {found}, wanted is {schema}: set TP_CAPITAL_DB_SCHEMA, or choose another file"
            )
        self.schema = schema
        self.timescale = bool(_TIMESCALE.search(listing))


def look_into(dump: Path, *, schema: str, programs: Programs, server: Server) -> Content:
    """Read the table of contents.

    Raises:
        BackupError: it is no dump, or not of this schema.
    """
    return Content(programs.run("pg_restore", ["--list", str(dump)], server.environment()), schema)


def read_through(dump: Path, *, programs: Programs, server: Server) -> None:
    """Read a dump to its end, uncompressing every row.

    Raises:
        BackupError: a part of it cannot be read.
    """
    programs.run("pg_restore", ["--file=/dev/null", str(dump)], server.environment())


def fill(server: Server, dump: Path, *, programs: Programs, with_rights: bool) -> None:
    """Restore a dump in one transaction; what fails leaves nothing behind.

    Args:
        server: The database; without the schema, and in TimescaleDB's restoring state if the dump is of that.
        dump: File of pg_dump's custom format.
        programs: Those that suit the server.
        with_rights: Whether grants are restored too; their roles must exist then.

    Raises:
        BackupError: why it could not be.
    """
    arguments: list[str] = ["--single-transaction", "--exit-on-error", "--no-password"]
    # who is no superuser can make things for himself alone
    arguments += [] if server.superuser and with_rights else ["--no-owner"]
    arguments += [] if with_rights else ["--no-privileges"]
    arguments += [f"--dbname={make_conninfo(dbname=server.database)}", str(dump)]
    try:
        programs.run("pg_restore", arguments, server.environment())
    except BackupError as error:
        if missing := re.search(r'role "([^"]+)" does not exist', str(error)):
            raise BackupError(
                f"{error}: the backup gives rights to {missing[1]}; make the roles first (ops/deploy/init-roles.sql)"
            ) from error
        raise


def prepare_timescale(server: Server, version: str) -> None:
    """Make the extension in the very version of the dump, whose rows its catalogue gets, and let it rest.

    Until :func:`finish_timescale` the extension treats tables as plain ones, and no job of it runs.

    Raises:
        BackupError: the role, the server or the database does not allow it.
    """
    if not server.superuser:
        raise BackupError(
            f"{server.user} is no superuser of {server.place}, and only one can restore a database with TimescaleDB"
        )
    if server.timescale is not None and server.timescale != version:
        raise BackupError(
            f"the backup was made with TimescaleDB {version} and {server.place} has {server.timescale}: "
            "restore into a database without the extension, then `alter extension timescaledb update`"
        )
    try:
        if server.timescale is None:
            server.connection.execute(sql.SQL("create extension timescaledb version {}").format(version))
        server.connection.execute("select timescaledb_pre_restore()")
    except psycopg.Error as error:
        raise BackupError(
            f"the backup was made with TimescaleDB {version}, which {server.place} cannot provide: {first_line(error)}"
        ) from error


def finish_timescale(server: Server) -> None:
    """End the extension's rest."""
    server.connection.execute("select timescaledb_post_restore()")
