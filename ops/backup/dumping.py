"""Creates a backup: dump the schema in one snapshot, restore it once to check it, then publish the file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from psycopg import sql

from ops.backup.errors import BackupError
from ops.backup.files import BackupFolder, BackupNote, checksum, name_of, prefix_of
from ops.backup.filling import look_into, read_through
from ops.backup.programs import Programs, choose
from ops.backup.reach import schemas_of_others, stop_at_what_cannot_be_read
from ops.backup.scratch import counts_after_restore, why_not
from ops.backup.server import Server, connected
from ops.version import VERSION

__all__ = ["Backup", "back_up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A finished backup. ``unproven`` is the reason why the check only read the file, or None if it restored it."""

    path: Path
    note: BackupNote
    unproven: str | None
    removed: tuple[Path, ...]


def back_up(
    owner: str,
    *,
    schema: str,
    folder: Path,
    keep: int,
    scratch: str | None,
    now: datetime,
    programs: Iterable[Programs],
) -> Backup:
    """Back up one schema. With TimescaleDB, also back up its chunks and catalogue, which are outside the schema.

    Args:
        owner: Connection string directly to the server, with a role that may read the whole schema.
        schema: The schema.
        folder: The folder for backups. It is created if it is missing.
        keep: Number of this schema's backups to keep, including this one.
        scratch: Connection string of a server to check the backup on. None: the same server.
        now: Instant for the name of the backup, UTC.
        programs: The installed PostgreSQL programs.

    Raises:
        BackupError: the backup failed. No file was added or removed.
        OSError: the folder cannot be written. No file was added or removed.
    """
    files = BackupFolder(folder)
    with files.owned(), connected(owner) as server:
        chosen = choose(programs, server_major=server.major, tls=server.tls)
        prefix = prefix_of(server.database, schema)
        name = name_of(prefix, now)
        with files.draft(name) as draft:
            tables = _dump(server, draft, schema=schema, programs=chosen)
            unproven = _prove(server, draft, schema=schema, tables=tables, programs=chosen, scratch=scratch)
            note = BackupNote(
                created_at=now.isoformat(),
                database=server.database,
                schema=schema,
                server=server.major,
                timescaledb=server.timescale,
                tp_capital=VERSION,
                tables=tables,
                verified="read" if unproven else "restored",
                sha256=checksum(draft),
            )
            path = files.publish(draft, name, note)
        return Backup(path=path, note=note, unproven=unproven, removed=tuple(files.rotate(prefix, keep)))


def _dump(server: Server, draft: Path, *, schema: str, programs: Programs) -> dict[str, int]:
    """Write the dump, and return the row count of each table.

    The rows are counted in the snapshot that pg_dump reads, so the engine may keep writing.
    """
    connection = server.connection
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        server.take_time()
        stop_at_what_cannot_be_read(server, schema)
        tables = server.counts(schema)
        if not tables:
            raise BackupError(
                f"{server.place} has no tables in the schema {schema}, so there is nothing to back up"
            )
        row = connection.execute("select pg_export_snapshot() as name").fetchone()
        assert row is not None  # noqa: S101 - a function returns one row
        arguments = [
            *("--format=custom", "--encoding=UTF8", "--no-password", "--lock-wait-timeout=60s"),
            *(f"--snapshot={row['name']}", f"--file={draft}"),
        ]
        # quoted, because pg_dump would read unquoted names as patterns
        if server.timescale is None:
            arguments.append(f"--schema={_pattern(schema)}")
        else:
            others = schemas_of_others(server, schema)
            arguments += [f"--exclude-schema={_pattern(other)}" for other in others]
        programs.run("pg_dump", arguments, server.environment())
    return tables


def _pattern(name: str) -> str:
    return sql.Identifier(name).as_string(None)


def _prove(
    server: Server,
    draft: Path,
    *,
    schema: str,
    tables: dict[str, int],
    programs: Programs,
    scratch: str | None,
) -> str | None:
    """Restore the draft and compare the row counts. If it cannot be restored here, read it, and return the reason."""
    timescale = server.timescale
    look_into(draft, schema=schema, programs=programs, server=server)
    with connected(scratch or server.conninfo) as other:
        unproven = why_not(other, timescale=timescale)
        if unproven is not None:
            read_through(draft, programs=programs, server=server)
            return unproven
        if not programs.suits(other.major):
            raise BackupError(
                f"{other.place} is PostgreSQL {other.major}, another version than {server.place}: "
                "check the backup on a server of the same version"
            )
        restored = counts_after_restore(other, draft, schema=schema, programs=programs, timescale=timescale)
    wrong = {name for name in tables.keys() | restored.keys() if tables.get(name) != restored.get(name)}
    if wrong:
        shown = ", ".join(f"{n}: {tables.get(n)} rows, restored {restored.get(n)}" for n in sorted(wrong))
        raise BackupError(f"the restored backup differs from the database: {shown}")
    return None
