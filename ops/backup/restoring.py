"""The way back: a backup restored into a database, beside what stands there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from psycopg import sql

from ops.backup.errors import BackupError
from ops.backup.files import BackupNote, checksum, read_note
from ops.backup.filling import fill, finish_timescale, forget_timescale, look_into, prepare_timescale
from ops.backup.programs import Programs, choose
from ops.backup.server import Server, connected

__all__ = ["Restored", "restore"]

#: a daemon that has not shown itself for so long is gone (storage/postgres/daemons.py)
_DAEMON_GONE_AFTER = "30 seconds"
_RUNS = "What a file holds runs with the rights of the role that restores it: as a superuser, also programs of the server."
#: objects of others that are named
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What stands there now. ``aside``: the schema that stood there before, under its new name."""

    place: str
    tables: dict[str, int]
    aside: str | None
    compared: bool


def restore(
    dump: Path,
    into: str,
    *,
    schema: str,
    force: bool,
    trust: bool,
    now: datetime,
    programs: Iterable[Programs],
) -> Restored:
    """Restore a backup.

    Args:
        dump: The file, with the note beside it.
        into: Connection string of the database, straight to the server, with the owner's role.
        schema: The schema it is to hold.
        force: Whether a schema that stands there is moved aside; it is kept under another name.
        trust: Whether a file without its note, or with objects that are not ours, is restored all the same: what
            it holds runs with the rights of the role that restores.
        now: Instant for that name, UTC.
        programs: What is installed here.

    Raises:
        BackupError: everything stands as before then.
        OSError: the file cannot be read.
    """
    note = _checked_note(dump)
    if note is None and not trust:
        raise BackupError(
            f"there is no note beside {dump} ({dump.name}.json), so nothing tells who made it and whether it is whole. "
            f"{_RUNS} --trust restores it all the same"
        )
    with connected(into) as server:
        chosen = choose(programs, server_major=server.major, tls=server.tls)
        content = look_into(dump, schema=schema, programs=chosen, server=server)
        if content.foreign and not trust:
            more = len(content.foreign) - _SHOWN
            shown = ", ".join(content.foreign[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
            raise BackupError(
                f"{dump} holds more than our schema {schema}: {shown}. {_RUNS} --trust restores it all the same"
            )
        timescale = _timescale_version(content.timescale, note, dump)
        _refuse_running_daemon(server, schema)
        aside = _make_room(server, schema, force=force, timescale=timescale is not None, now=now)
        if timescale is not None:
            prepare_timescale(server, timescale)
        try:
            fill(server, dump, programs=chosen, with_rights=True)
            tables = server.counts(schema)
            _compare(tables, note)
        except BaseException:
            if timescale is not None:
                forget_timescale(server)
            _put_back(server, schema, aside)
            raise
        if timescale is not None:
            finish_timescale(server)
        return Restored(place=server.place, tables=tables, aside=aside, compared=note is not None)


def _compare(tables: dict[str, int], note: BackupNote | None) -> None:
    if note is not None and tables != note.tables:
        raise BackupError(f"restored were {tables}, in the backup are {note.tables}")


def _checked_note(dump: Path) -> BackupNote | None:
    note = read_note(dump)
    if note is not None and checksum(dump) != note.sha256:
        raise BackupError(f"{dump} is damaged: it is not the file that was written (its checksum is another)")
    return note


def _timescale_version(needed: bool, note: BackupNote | None, dump: Path) -> str | None:
    if not needed:
        return None
    if note is None or note.timescaledb is None:
        raise BackupError(
            f"{dump} was made of a database with TimescaleDB, and without the note beside it ({dump.name}.json) "
            "its version is not known"
        )
    return note.timescaledb


def _refuse_running_daemon(server: Server, schema: str) -> None:
    """Stop at a lease that is in force: the daemon would write into what is being replaced."""
    leases = sql.Identifier(schema, "daemons")
    there = server.connection.execute("select to_regclass(%s) as name", [leases.as_string()]).fetchone()
    if there is None or there["name"] is None:
        return
    alive = sql.SQL("select place from {} where seen_at > now() - {}::interval").format(
        leases, _DAEMON_GONE_AFTER
    )
    if row := server.connection.execute(alive).fetchone():
        raise BackupError(
            f"a daemon works in {server.place} ({row['place']}): stop it first; one that was killed counts for 30 s"
        )


def _make_room(server: Server, schema: str, *, force: bool, timescale: bool, now: datetime) -> str | None:
    """Take an empty schema away, or move a full one aside and return its new name."""
    connection, identifier = server.connection, sql.Identifier(schema)
    held = connection.execute(
        "select (select count(*) from pg_class where relnamespace = space.oid)"
        " + (select count(*) from pg_proc where pronamespace = space.oid) as objects"
        " from pg_namespace as space where nspname = %s",
        [schema],
    ).fetchone()
    if held is None:
        return None
    if held["objects"] == 0:
        connection.execute(sql.SQL("drop schema {}").format(identifier))
        return None
    if not force:
        raise BackupError(
            f"the schema {schema} of {server.place} is not empty: restore --into another database, "
            "or --force to move it aside"
        )
    if timescale:
        raise BackupError(
            f"the schema {schema} of {server.place} is not empty, and with TimescaleDB a backup goes into a fresh "
            "database only: rename this one and make another (ops/deploy/init-database.sql), see docs/deployment.md"
        )
    aside = f"{schema}_before_{now:%Y%m%d%H%M%S}"
    connection.execute(sql.SQL("alter schema {} rename to {}").format(identifier, sql.Identifier(aside)))
    return aside


def _put_back(server: Server, schema: str, aside: str | None) -> None:
    """Undo what was begun: the schema that stood there stands there again."""
    connection, identifier = server.connection, sql.Identifier(schema)
    connection.execute(sql.SQL("drop schema if exists {} cascade").format(identifier))
    if aside is not None:
        connection.execute(sql.SQL("alter schema {} rename to {}").format(sql.Identifier(aside), identifier))
