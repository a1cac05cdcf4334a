"""Runs pg_restore into an empty database or schema, in one transaction."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from ops.backup.errors import BackupError
from ops.backup.programs import Programs
from ops.backup.server import Server, first_line
from storage.postgres.schema import own_functions

__all__ = [
    "Content",
    "fill",
    "finish_timescale",
    "forget_timescale",
    "look_into",
    "prepare_timescale",
    "read_through",
]

_SCHEMA = re.compile(r"^\d+; \d+ \d+ SCHEMA - (?P<name>.+) \S+$", re.MULTILINE)
#: kinds of entries that hold no code; they are also accepted in the extension's own schemas
_PLAIN_KINDS: Final = (
    *(
        "TABLE DATA",
        "TABLE ATTACH",
        "TABLE",
        "INDEX ATTACH",
        "INDEX",
        "SEQUENCE OWNED BY",
        "SEQUENCE SET",
        "SEQUENCE",
    ),
    *("FK CONSTRAINT", "CONSTRAINT", "DEFAULT ACL", "DEFAULT", "STATISTICS", "ACL", "COMMENT"),
)
#: Kinds that our schema may hold. Functions and triggers run code, during a restore or later. They are accepted only
#: if a migration of ours or the extension creates them.
_KINDS: Final = (*_PLAIN_KINDS, "FUNCTION", "TRIGGER", "VIEW", "TYPE", "ROW SECURITY", "POLICY")
_ENTRY = re.compile(rf"^\d+; \d+ \d+ (?P<kind>{'|'.join(_KINDS)}) (?P<rest>.+)$")
#: The index for searches needs an extension, which may be elsewhere or missing in the other database. `migrate` makes
#: it again. The second name is that of its parts, one a week.
_NOT_RESTORED = re.compile(
    r"^\d+; \d+ \d+ ("
    r"INDEX(?: ATTACH)? .*(?:tp_capital_signals_search|_asset_raw_message_idx) \S+"
    r"|(?:EXTENSION -|COMMENT - EXTENSION) pg_trgm ?)$"
)
#: the trigger that releases of the extension put on a hypertable
_OF_HYPERTABLES: Final = "ts_insert_blocker"
_OF_TIMESCALE = re.compile(r"_timescaledb_(catalog|config|internal|cache|functions) ")
_TIMESCALE = re.compile(r"^\d+; \d+ \d+ EXTENSION - timescaledb ?$", re.MULTILINE)


class Content:
    """The contents of a dump: its schema, and whether it comes from a database with TimescaleDB.

    Only the names of the entries are checked. The definitions of our tables and functions are not.
    """

    def __init__(self, listing: str, schema: str) -> None:
        schemas = _SCHEMA.findall(listing)
        if schema not in schemas:
            found = f"the schema {', '.join(schemas)}" if schemas else "no schema"
            raise BackupError(
                f"the file holds {found}, not {schema}: set TP_CAPITAL_DB_SCHEMA, or choose another file"
            )
        self.schema = schema
        self.timescale = bool(_TIMESCALE.search(listing))
        lines = (line for line in listing.splitlines() if line and not line.startswith(";"))
        #: entries outside our schema and the extension's schemas, and code in our schema that no migration created
        self.foreign = tuple(line.split(" ", 3)[-1] for line in lines if not self._is_ours(line))

    def _is_ours(self, line: str) -> bool:
        if _NOT_RESTORED.match(line):
            return True
        what = line.split(" ", 3)[-1]
        if what.startswith(
            tuple(f"{kind} {self.schema} " for kind in ("SCHEMA -", "ACL - SCHEMA", "COMMENT - SCHEMA"))
        ):
            return True
        if self.timescale and what.startswith(
            ("EXTENSION - timescaledb ", "COMMENT - EXTENSION timescaledb ")
        ):
            return True
        entry = _ENTRY.match(line)
        if entry is None:
            return False
        space, _, name = entry["rest"].partition(" ")
        if space == self.schema:
            if entry["kind"] == "TRIGGER":
                return self.timescale and name.split(" ")[1] == _OF_HYPERTABLES
            return entry["kind"] != "FUNCTION" or name.partition("(")[0] in own_functions()
        of_timescale = self.timescale and _OF_TIMESCALE.match(entry["rest"])
        return bool(of_timescale) and entry["kind"] in _PLAIN_KINDS


def look_into(dump: Path, *, schema: str, programs: Programs, server: Server) -> Content:
    """Return the contents of a dump.

    Raises:
        BackupError: the file is no dump, or holds another schema.
    """
    return Content(programs.run("pg_restore", ["--list", str(dump)], server.environment()), schema)


def read_through(dump: Path, *, programs: Programs, server: Server) -> None:
    """Read a dump to its end, and decompress every row.

    Raises:
        BackupError: a part of the dump cannot be read.
    """
    programs.run("pg_restore", ["--file=/dev/null", str(dump)], server.environment())


def fill(server: Server, dump: Path, *, programs: Programs, with_rights: bool) -> None:
    """Restore a dump in one transaction. A failure leaves nothing behind.

    Args:
        server: The database. It must not hold the schema. For TimescaleDB it must be in the restoring state.
        dump: A file in pg_dump's custom format.
        programs: Programs that suit the server.
        with_rights: Whether to restore grants too. Their roles must exist.

    Raises:
        BackupError: the restore failed.
    """
    arguments: list[str] = ["--single-transaction", "--exit-on-error", "--no-password"]
    # only a superuser can create objects for other owners
    arguments += [] if server.superuser and with_rights else ["--no-owner"]
    arguments += [] if with_rights else ["--no-privileges"]
    arguments.append(f"--dbname={make_conninfo(dbname=server.database)}")
    listing = programs.run("pg_restore", ["--list", str(dump)], server.environment()).splitlines()
    try:
        with NamedTemporaryFile("w", encoding="utf-8") as wanted:
            wanted.writelines(f"{line}\n" for line in listing if not _NOT_RESTORED.match(line))
            wanted.flush()
            arguments += [f"--use-list={wanted.name}", str(dump)]
            programs.run("pg_restore", arguments, server.environment())
    except BackupError as error:
        if missing := re.search(r'role "([^"]+)" does not exist', str(error)):
            raise BackupError(
                f"{error}: the backup grants rights to {missing[1]}; create the roles first (ops/deploy/init-roles.sql)"
            ) from error
        raise


def prepare_timescale(server: Server, version: str) -> None:
    """Create the extension in exactly the version of the dump, and put it into its restoring state.

    The dump fills the catalogue, whose rows fit only the same version.

    Until :func:`finish_timescale`, the extension treats hypertables as plain tables and runs no jobs.

    Raises:
        BackupError: the role, the server or the database does not allow it.
    """
    if not server.superuser:
        raise BackupError(
            f"{server.user} is no superuser of {server.place}; restoring a database with TimescaleDB needs one"
        )
    if server.timescale is not None and server.timescale != version:
        raise BackupError(
            f"the backup was made with TimescaleDB {version} and {server.place} has {server.timescale}: "
            "restore into a database without the extension, then run `alter extension timescaledb update`"
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
    """End the extension's restoring state."""
    server.connection.execute("select timescaledb_post_restore()")


def forget_timescale(server: Server) -> None:
    """Undo :func:`prepare_timescale` and a failed restore: dropping the extension drops chunks and catalogue.

    If the extension existed before, create it again in the same version and schema.
    """
    connection, version = server.connection, server.timescale
    where = connection.execute(
        "select nspname from pg_extension join pg_namespace on pg_namespace.oid = extnamespace"
        " where extname = 'timescaledb'"
    ).fetchone()
    finish_timescale(server)
    connection.execute("drop extension timescaledb cascade")
    if version is not None and where is not None:
        again = sql.SQL("create extension timescaledb version {} schema {}")
        # this works in the same session, because its library of the same version is still loaded
        connection.execute(again.format(version, sql.Identifier(where["nspname"])))
