"""Brings the schema up to date. It is idempotent, and two daemons may do it at the same time."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import resources

import psycopg
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from engine.timers import Timers
from storage.deadline import cut_after, shut_down_fd
from storage.errors import DatabaseMisconfiguredError
from storage.postgres.connect_failures import ADDRESS
from storage.postgres.database import Cursor, Database
from storage.postgres.driver_errors import translate
from storage.postgres.layout import Strategy, arrange, is_arranged, mend_policy, wanted_layout
from storage.postgres.migration_rights import look_at_rights
from storage.postgres.search_index import BUILD_DEADLINE_S, make_search_index
from storage.postgres.session import SteadyConnection
from storage.postgres.standings import fill

__all__ = [
    "Migration",
    "Strategy",
    "applied_versions",
    "is_current",
    "known_versions",
    "migrate",
    "missing_migrations",
    "own_functions",
]

#: a longer step is cut, because the server hangs or another daemon holds the lock for too long
STEP_DEADLINE_S = 50.0
#: one lock for all steps of all our schemas in a database: "tpcap" in ASCII
_LOCK_KEY = 0x7470636170
_OWNER_WANTED = "this takes the owner's role: set its address in TP_CAPITAL_MIGRATION_DATABASE_URL"
_FUNCTION = re.compile(r"create (?:or replace )?function \{schema\}\.(\w+)")
_FILE = re.compile(r"(?P<version>\d{4})_(?P<name>\w+)\.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step. A number is never reused. Number 3 was the layout, before the first release."""

    version: int
    name: str
    text: str


def migrate(
    conninfo: str,
    *,
    schema: str,
    strategy: Strategy,
    timers: Timers,
    engine_role: str | None = None,
    setting: str = ADDRESS,
) -> tuple[str, ...]:
    """Apply the missing steps and return their names. Grant ``engine_role`` its rights if it is not the owner.

    ``setting`` is the setting that holds ``conninfo``. The remedy of a failed connection names it.

    Each step is one transaction that holds an advisory lock until its end. So migrations work through a transaction
    pooler, and two at the same time take turns.

    Raises:
        DatabaseUnavailableError: the server cannot be reached now.
        DatabaseMisconfiguredError: the role lacks a right, or somebody else created a table of our name.
    """
    applied: list[str] = []

    def apply(cursor: Cursor, step: Migration) -> None:
        if step not in missing_migrations(cursor, schema=schema):
            return
        # if nothing is missing, the role needs no right to create a schema
        if step.version == 1:
            _make_room(cursor, schema)
        _apply(cursor, schema, step)
        applied.append(step.name)

    def lay_out(cursor: Cursor) -> None:
        applied.extend(_lay_out(cursor, schema, strategy))

    fill_standings = partial(_fill_standings, schema=schema, applied=applied)
    index_texts = partial(_index_texts, schema=schema, applied=applied)
    works: list[Callable[[Cursor], None]] = [partial(apply, step=step) for step in _steps()]
    works += [lay_out, partial(_grant, schema=schema, role=engine_role), fill_standings, index_texts]
    try:
        with SteadyConnection.connect(
            conninfo, autocommit=True, prepare_threshold=None, connect_timeout=5, row_factory=dict_row
        ) as connection:
            fd = connection.fileno()
            for work in works:
                deadline_s = STEP_DEADLINE_S + (
                    BUILD_DEADLINE_S if work in (fill_standings, index_texts) else 0
                )
                with cut_after(timers, deadline_s, lambda: shut_down_fd(fd)):
                    try:
                        with connection.transaction():
                            cursor = connection.cursor()
                            cursor.execute("select pg_advisory_xact_lock(%s)", [_LOCK_KEY])
                            work(cursor)
                    except psycopg.errors.InsufficientPrivilege as error:
                        remedy = _OWNER_WANTED if setting == ADDRESS else _what_it_lacks(connection, schema)
                        reason = translate(error, setting=setting)
                        raise DatabaseMisconfiguredError(f"{reason}; {remedy}") from error
    except psycopg.Error as error:
        raise translate(error, setting=setting) or error from error
    return tuple(applied)


def _what_it_lacks(connection: psycopg.Connection[DictRow], schema: str) -> str:
    rights = look_at_rights(connection.cursor(), schema)
    if not rights.lacking:
        return f"{rights.role} owns the schema and its tables; what it lacks is in the server's words"
    return f"{rights.role} {', '.join(rights.lacking)}: as who owns it, or as a superuser: {' '.join(rights.remedies)}"


def missing_migrations(cursor: Cursor, *, schema: str) -> tuple[Migration, ...]:
    """Return the steps of this version that the schema lacks, in order."""
    done = applied_versions(cursor, schema=schema)
    return tuple(step for step in _steps() if step.version not in done)


def applied_versions(cursor: Cursor, *, schema: str) -> frozenset[int]:
    """Return the versions of the applied steps. They may include steps of a later release."""
    table = sql.Identifier(schema, "schema_migrations")
    present = cursor.execute("select to_regclass(%s) is not null as there", [_quoted(table)]).fetchone()
    if not present or not present["there"]:
        return frozenset()
    return frozenset(
        row["version"] for row in cursor.execute(sql.SQL("select version from {}").format(table))
    )


def known_versions() -> frozenset[int]:
    """Return the versions of the steps of this release."""
    return frozenset(step.version for step in _steps())


def is_current(database: Database, *, strategy: Strategy) -> bool:
    """Return whether the schema has everything that this version needs."""

    def look(cursor: Cursor) -> bool:
        if missing_migrations(cursor, schema=database.schema):
            return False
        return is_arranged(cursor, database.schema, wanted_layout(cursor, strategy))

    return database.read(look)


def _make_room(cursor: Cursor, schema: str) -> None:
    """Create the schema and the table of steps. Raise if there is a table of our name that is not ours."""
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
    cursor.execute(step.text.replace("{schema}", quoted).encode(), binary=False)
    cursor.execute(
        sql.SQL("insert into {} (version, name) values (%s, %s)").format(
            sql.Identifier(schema, "schema_migrations")
        ),
        [step.version, step.name],
    )


def _lay_out(cursor: Cursor, schema: str, strategy: Strategy) -> list[str]:
    """Bring the table into the layout of the strategy and return the name of what was done."""
    layout = wanted_layout(cursor, strategy)
    if not is_arranged(cursor, schema, layout):
        arrange(cursor, schema, layout)
        return [layout.value]
    return ["retention_policy"] if mend_policy(cursor, schema, layout) else []


def _fill_standings(cursor: Cursor, schema: str, applied: Sequence[str]) -> None:
    """Fill the table of standings, if a step has just created or emptied it."""
    if "signal_validity" in applied:
        fill(cursor, schema)


def _index_texts(cursor: Cursor, schema: str, applied: list[str]) -> None:
    if make_search_index(cursor, schema):
        applied.append("search_index")


def _grant(cursor: Cursor, schema: str, role: str | None) -> None:
    """Grant the engine's role its rights, if another role migrates."""
    known = cursor.execute(
        "select rolname from pg_roles where rolname = %s and rolname <> current_user", [role]
    ).fetchone()
    if known is not None:
        text = resources.files("storage.postgres").joinpath("grants.sql").read_text("utf-8")
        quoted = {"schema": sql.Identifier(schema), "role": sql.Identifier(known["rolname"])}
        cursor.execute(sql.SQL(text).format(**quoted), binary=False)


def _quoted(identifier: sql.Identifier) -> str:
    return identifier.as_string(None)


def _steps() -> Sequence[Migration]:
    files = [
        (_FILE.fullmatch(file.name), file)
        for file in resources.files("storage.postgres.migrations").iterdir()
    ]
    steps = [
        Migration(version=int(match["version"]), name=match["name"], text=file.read_text("utf-8"))
        for match, file in files
        if match
    ]
    return sorted(steps, key=lambda step: step.version)


def own_functions() -> frozenset[str]:
    """Return the names of the functions of our schema, in either layout."""
    files = [
        file
        for package in ("storage.postgres.migrations", "storage.postgres.layouts")
        for file in resources.files(package).iterdir()
        if file.name.endswith(".sql")
    ]
    return frozenset(name for file in files for name in _FUNCTION.findall(file.read_text("utf-8")))
