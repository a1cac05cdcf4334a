"""Making a backup: pg_dump in one snapshot, restored once to check it, then given its name."""

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
    """A finished backup. ``unproven``: why it was read through instead of restored; None when it was restored."""

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
    """Back up one schema; with TimescaleDB its chunks and catalogue too, which lie outside of it.

    Args:
        owner: Connection string of a role that may read all of the schema, straight to the server.
        schema: The schema.
        folder: Where backups are kept; made when missing.
        keep: How many of this schema stay there, this one included.
        scratch: Connection string of a server to check the backup on; None: the same.
        now: Instant that the backup is named after, UTC.
        programs: What is installed here.

    Raises:
        BackupError: there is no backup then, and none was removed.
        OSError: the same; the folder cannot be written.
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
    """Write the dump and return the rows of each table in it: counted in the snapshot that pg_dump reads."""
    connection = server.connection
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        server.take_time()
        stop_at_what_cannot_be_read(server, schema)
        tables = server.counts(schema)
        if not tables:
            raise BackupError(f"{server.place} has no tables in the schema {schema}: nothing to back up")
        row = connection.execute("select pg_export_snapshot() as name").fetchone()
        assert row is not None  # noqa: S101 - a function returns one row
        arguments = [
            *("--format=custom", "--encoding=UTF8", "--no-password", "--lock-wait-timeout=60s"),
            *(f"--snapshot={row['name']}", f"--file={draft}"),
        ]
        # quoted, because they are patterns otherwise
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
    """Restore the draft and compare the rows; where that cannot be, read it through and return why."""
    timescale = server.timescale
    look_into(draft, schema=schema, programs=programs, server=server)
    with connected(scratch or server.conninfo) as other:
        unproven = why_not(other, timescale=timescale)
        if unproven is not None:
            read_through(draft, programs=programs, server=server)
            return unproven
        if not programs.suits(other.major):
            raise BackupError(
                f"{other.place} is PostgreSQL {other.major}, another than {server.place}: "
                "a backup is checked on a server of the same version"
            )
        restored = counts_after_restore(other, draft, schema=schema, programs=programs, timescale=timescale)
    wrong = {name for name in tables.keys() | restored.keys() if tables.get(name) != restored.get(name)}
    if wrong:
        shown = ", ".join(f"{n}: {tables.get(n)} rows, restored {restored.get(n)}" for n in sorted(wrong))
        raise BackupError(f"the backup was restored to check it and is not the same: {shown}")
    return None
