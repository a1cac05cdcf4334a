"""Bringing the schema up to date: idempotent, and safe when two daemons do it at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources

import psycopg
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from engine.timers import Timers
from storage.database import Cursor, Database, translate
from storage.deadline import cut_after, shut_down_fd
from storage.errors import DatabaseMisconfiguredError

__all__ = ["Migration", "Strategy", "is_current", "migrate", "missing_migrations"]

#: a step that takes longer is cut: the server hangs, or another daemon holds the lock for too long
STEP_DEADLINE_S = 50.0
#: one lock for all steps of all our schemas in a database: "tpcap" in ASCII
_LOCK_KEY = 0x7470636170
_FILE = re.compile(r"(?P<version>\d{4})_(?P<name>\w+)(?:\.(?P<strategy>\w+))?\.sql")


class Strategy(StrEnum):
    """Where the data lives: TimescaleDB, or Neon and any other plain PostgreSQL."""

    TIMESCALE = "timescale"
    NEON = "neon"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step. ``strategy`` limits it to a strategy; it then also wants the extension at hand."""

    version: int
    name: str
    strategy: Strategy | None
    text: str


def migrate(conninfo: str, *, schema: str, strategy: Strategy, timers: Timers) -> tuple[str, ...]:
    """Apply the steps that are missing and return their names.

    Each step is one transaction under an advisory lock of that transaction, so it works through a
    transaction pooler and twice at once.

    Raises:
        DatabaseUnavailableError: the server cannot be reached now.
        DatabaseMisconfiguredError: the role may not, or a table of our name was made by somebody else.
    """
    applied = []
    try:
        with psycopg.Connection[DictRow].connect(
            conninfo, autocommit=True, prepare_threshold=None, connect_timeout=5, row_factory=dict_row
        ) as connection:
            fd = connection.fileno()
            for step in _steps():
                with cut_after(timers, STEP_DEADLINE_S, lambda: shut_down_fd(fd)), connection.transaction():
                    cursor = connection.cursor()
                    cursor.execute("select pg_advisory_xact_lock(%s)", [_LOCK_KEY])
                    if step.version == 1:
                        _make_room(cursor, schema)
                    if step in missing_migrations(cursor, schema=schema, strategy=strategy):
                        _apply(cursor, schema, step)
                        applied.append(step.name)
    except psycopg.Error as error:
        raise translate(error) or error from error
    return tuple(applied)


def missing_migrations(cursor: Cursor, *, schema: str, strategy: Strategy) -> tuple[Migration, ...]:
    """Return the steps this version needs and the schema lacks, in order."""
    table = sql.Identifier(schema, "schema_migrations")
    present = cursor.execute("select to_regclass(%s) is not null as there", [_quoted(table)]).fetchone()
    done: set[int] = set()
    if present and present["there"]:
        done = {row["version"] for row in cursor.execute(sql.SQL("select version from {}").format(table))}
    wanted = [step for step in _steps() if step.version not in done]
    if strategy is not Strategy.TIMESCALE or not _has_timescale(cursor):
        wanted = [step for step in wanted if step.strategy is not Strategy.TIMESCALE]
    return tuple(wanted)


def is_current(database: Database, *, strategy: Strategy) -> bool:
    """Return whether the schema has all that this version needs."""
    return not database.read(lambda c: missing_migrations(c, schema=database.schema, strategy=strategy))


def _make_room(cursor: Cursor, schema: str) -> None:
    """Make the schema and the table of steps; stop at a table of our name that is not ours."""
    cursor.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
    ours = sql.Identifier(schema, "schema_migrations")
    row = cursor.execute(
        "select to_regclass(%s) is not null as signals, to_regclass(%s) is not null as migrations",
        [_quoted(sql.Identifier(schema, "tp_capital_signals")), _quoted(ours)],
    ).fetchone()
    if row and row["signals"] and not row["migrations"]:
        raise DatabaseMisconfiguredError(
            f"{schema}.tp_capital_signals exists and was not made by tp-capital (the former service's table?): "
            f"choose another TP_CAPITAL_DB_SCHEMA or database, or rename it: "
            f'alter schema "{schema}" rename to "{schema}_legacy"'
        )
    cursor.execute(
        sql.SQL(
            "create table if not exists {} (version integer primary key, name text not null,"
            " applied_at timestamptz not null default now())"
        ).format(ours)
    )


def _apply(cursor: Cursor, schema: str, step: Migration) -> None:
    quoted = sql.Identifier(schema).as_string(None)
    cursor.execute(step.text.replace("{schema}", quoted).encode())
    cursor.execute(
        sql.SQL("insert into {} (version, name) values (%s, %s)").format(
            sql.Identifier(schema, "schema_migrations")
        ),
        [step.version, step.name],
    )


def _has_timescale(cursor: Cursor) -> bool:
    return bool(cursor.execute("select 1 from pg_available_extensions where name = 'timescaledb'").fetchone())


def _quoted(identifier: sql.Identifier) -> str:
    return identifier.as_string(None)


def _steps() -> Sequence[Migration]:
    steps = []
    for file in resources.files("storage.migrations").iterdir():
        if match := _FILE.fullmatch(file.name):
            strategy = Strategy(match["strategy"]) if match["strategy"] else None
            steps.append(
                Migration(
                    version=int(match["version"]),
                    name=match["name"],
                    strategy=strategy,
                    text=file.read_text("utf-8"),
                )
            )
    return sorted(steps, key=lambda step: step.version)
