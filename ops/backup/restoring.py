"""Restores a backup into a database, and keeps what the database holds."""

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

#: a daemon that has not renewed its lease for this long is dead (storage/postgres/daemons.py)
_DAEMON_GONE_AFTER = "30 seconds"
_RUNS = "Code in a file runs with the rights of the restoring role; for a superuser, it can even run programs on the server."
#: the most foreign objects that an error names
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """The result of a restore. ``aside`` is the new name of the schema that existed before."""

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
        dump: The file. Its note is next to it.
        into: Connection string of the database, directly to the server, with the owner's role.
        schema: The schema to restore.
        force: Whether to rename an existing schema. It is kept under another name.
        trust: Whether to restore a file without its note or with foreign objects. Code in the file runs with the
            rights of the restoring role.
        now: Instant for the new name of an existing schema, UTC.
        programs: The installed PostgreSQL programs.

    Raises:
        BackupError: the restore failed, and the database is unchanged.
        OSError: the file cannot be read.
    """
    note = _checked_note(dump)
    if note is None and not trust:
        raise BackupError(
            f"there is no note next to {dump} ({dump.name}.json), so its origin and completeness are unknown. "
            f"{_RUNS} --trust restores it anyway"
        )
    with connected(into) as server:
        chosen = choose(programs, server_major=server.major, tls=server.tls)
        content = look_into(dump, schema=schema, programs=chosen, server=server)
        if content.foreign and not trust:
            more = len(content.foreign) - _SHOWN
            shown = ", ".join(content.foreign[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
            raise BackupError(
                f"{dump} holds more than our schema {schema}: {shown}. {_RUNS} --trust restores it anyway"
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
        raise BackupError(f"the restored row counts {tables} differ from those of the backup {note.tables}")


def _checked_note(dump: Path) -> BackupNote | None:
    note = read_note(dump)
    if note is not None and checksum(dump) != note.sha256:
        raise BackupError(f"{dump} is damaged: its checksum differs from the one in its note")
    return note


def _timescale_version(needed: bool, note: BackupNote | None, dump: Path) -> str | None:
    if not needed:
        return None
    if note is None or note.timescaledb is None:
        raise BackupError(
            f"{dump} comes from a database with TimescaleDB, but without its note ({dump.name}.json) the version of "
            "TimescaleDB is unknown"
        )
    return note.timescaledb


def _refuse_running_daemon(server: Server, schema: str) -> None:
    """Refuse the restore while a daemon holds a valid lease: it would write into the schema being replaced."""
    leases = sql.Identifier(schema, "daemons")
    there = server.connection.execute("select to_regclass(%s) as name", [leases.as_string()]).fetchone()
    if there is None or there["name"] is None:
        return
    alive = sql.SQL("select place from {} where seen_at > now() - {}::interval").format(
        leases, _DAEMON_GONE_AFTER
    )
    if row := server.connection.execute(alive).fetchone():
        raise BackupError(
            f"a daemon is using {server.place} ({row['place']}): stop it first; the lease of a killed one ends after 30 s"
        )


def _make_room(server: Server, schema: str, *, force: bool, timescale: bool, now: datetime) -> str | None:
    """Drop an empty schema, or rename a full one and return its new name."""
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
            "or use --force to rename the schema"
        )
    if timescale:
        raise BackupError(
            f"the schema {schema} of {server.place} is not empty, but a backup with TimescaleDB needs a new database: "
            "rename this database and create another one (ops/deploy/init-database.sql), see docs/deployment.md"
        )
    aside = f"{schema}_before_{now:%Y%m%d%H%M%S}"
    connection.execute(sql.SQL("alter schema {} rename to {}").format(identifier, sql.Identifier(aside)))
    return aside


def _put_back(server: Server, schema: str, aside: str | None) -> None:
    """Drop the partly restored schema, and give the previous one its name back."""
    connection, identifier = server.connection, sql.Identifier(schema)
    connection.execute(sql.SQL("drop schema if exists {} cascade").format(identifier))
    if aside is not None:
        connection.execute(sql.SQL("alter schema {} rename to {}").format(sql.Identifier(aside), identifier))
