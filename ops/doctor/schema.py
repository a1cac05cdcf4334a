"""The schema: whether it exists, is ours, fits this release, and has the layout of the strategy."""

from __future__ import annotations

import psycopg
from psycopg import sql

from ops.doctor.connection import CheckConnection
from ops.doctor.findings import CheckResult, fail, ok, skipped, warn
from storage.errors import DatabaseMisconfiguredError
from storage.postgres.database import Cursor
from storage.postgres.layout import OLDEST_TIMESCALE, Layout, is_arranged, wanted_layout
from storage.postgres.schema import Strategy, applied_versions, known_versions, missing_migrations
from storage.postgres.search_index import what_search_lacks

__all__ = ["check_extension", "check_retention", "check_schema", "check_search"]

_MIGRATE = "run tp-capital migrate (with the owner's role: TP_CAPITAL_MIGRATION_DATABASE_URL)"


def check_extension(name: str, asker: CheckConnection) -> CheckResult:
    """Check that TimescaleDB is available, is new enough, and is the edition that can drop old chunks."""
    strategy = Strategy(asker.around.settings.database.strategy)
    if strategy is not Strategy.TIMESCALE:
        return ok(name, f"strategy {strategy.value} needs no extension")
    try:
        layout = asker.run(lambda cursor: wanted_layout(cursor, strategy))
    except DatabaseMisconfiguredError as error:
        found, _, remedy = str(error).partition(": ")
        return fail(name, found, remedy)
    if layout is not Layout.HYPERTABLE:
        oldest = ".".join(map(str, OLDEST_TIMESCALE))
        return warn(
            name,
            "the server has no timescaledb: the engine uses native partitions instead, which work as well",
            f"set TP_CAPITAL_DB_STRATEGY=neon if this is intended; otherwise install timescaledb {oldest} or newer on"
            " the server and run tp-capital migrate",
        )
    row = asker.row(
        "select installed_version, default_version, current_setting('timescaledb.license', true) as license"
        " from pg_available_extensions where name = 'timescaledb'"
    )
    if row["license"] == "apache":
        return fail(
            name,
            "this edition of timescaledb (license apache) has no retention policies",
            "install the community edition and set timescaledb.license = 'timescale' on the server, or set"
            " TP_CAPITAL_DB_STRATEGY=neon",
        )
    if row["installed_version"] is None:
        return ok(name, f"timescaledb {row['default_version']} is available; migrate will install it")
    return ok(name, f"timescaledb {row['installed_version']}")


def check_schema(name: str, asker: CheckConnection) -> CheckResult:
    """Check that the schema fits this release."""
    settings = asker.around.settings.database
    schema = settings.schema_name
    row = asker.row(
        "select exists (select from pg_class join pg_namespace on pg_namespace.oid = relnamespace"
        " where nspname = %s and relname = 'tp_capital_signals') as signals",
        [schema],
    )
    try:
        done = asker.run(lambda cursor: applied_versions(cursor, schema=schema))
    except psycopg.errors.InsufficientPrivilege as error:
        return fail(name, f"the role may not read the schema: {error}", _MIGRATE)
    if not done and row["signals"]:
        return fail(
            name,
            f"tp-capital did not create {schema}.tp_capital_signals; it may be the former service's table",
            "use another TP_CAPITAL_DB_SCHEMA or database, or rename the schema:"
            f" alter schema {_quoted(schema)} rename to {_quoted(schema + '_legacy')}",
        )
    missing = asker.run(lambda cursor: missing_migrations(cursor, schema=schema))
    if missing:
        what = ", ".join(step.name for step in missing)
        return fail(
            name,
            f"{schema} does not exist yet" if not done else f"{schema} lacks the migrations {what}",
            _MIGRATE,
        )
    if unknown := done - known_versions():
        return warn(
            name,
            f"{schema} has migrations of a newer release: {', '.join(map(str, sorted(unknown)))}",
            "use that release of tp-capital, or restore a backup from before it",
        )
    return _check_layout(name, asker, Strategy(settings.strategy), schema)


def _check_layout(name: str, asker: CheckConnection, strategy: Strategy, schema: str) -> CheckResult:
    def look(cursor: Cursor) -> tuple[Layout, bool]:
        layout = wanted_layout(cursor, strategy)
        return layout, is_arranged(cursor, schema, layout)

    try:
        layout, arranged = asker.run(look)
    except DatabaseMisconfiguredError:
        return skipped(name, "all migrations are applied; the layout depends on database.extension")
    if not arranged:
        return fail(
            name, f"{schema} is current, but its signals are not in the layout {layout.value}", _MIGRATE
        )
    return ok(name, f"{schema} is current; the layout is {layout.value}")


def check_search(name: str, asker: CheckConnection) -> CheckResult:
    """Check that searches have their index. Without it they find the same signals, but read all of them."""
    schema = asker.around.settings.database.schema_name
    lacking = asker.run(lambda cursor: what_search_lacks(cursor, schema))
    if lacking is None:
        return ok(name, "searches have their index")
    return warn(name, "searches have no index and read every signal", lacking)


def check_retention(name: str, asker: CheckConnection) -> CheckResult:
    """Check that TimescaleDB drops rows older than the retention period. In other layouts the engine drops them."""
    schema = asker.around.settings.database.schema_name
    table = f"{_quoted(schema)}.tp_capital_signals"
    try:
        (layout,) = asker.rows(sql.SQL("select kind from {}").format(sql.Identifier(schema, "layout")))
    except (psycopg.errors.UndefinedTable, ValueError):
        return skipped(name, "the schema does not exist yet")
    if layout["kind"] != Layout.HYPERTABLE:
        return ok(name, "the engine drops old weeks (/health shows the last run)")
    # with a hypertable this function only reports problems and changes nothing
    (kept,) = asker.rows(sql.SQL("select problem from {}()").format(sql.Identifier(schema, "keep_retention")))
    if kept["problem"] is None:
        return ok(name, "TimescaleDB drops weeks that are older than 90 days")
    remedies = {
        "the hypertable has no": "run tp-capital migrate, which creates it again",
        "the retention policy is switched off": "select public.alter_job(job_id, scheduled => true) from"
        " timescaledb_information.jobs where proc_name = 'policy_retention'",
        "the retention policy drops after": f"select public.remove_retention_policy('{table}'); then run tp-capital"
        " migrate, which creates it again",
    }
    given = (remedy for words, remedy in remedies.items() if str(kept["problem"]).startswith(words))
    return fail(
        name,
        kept["problem"],
        next(given, "see the server's log; timescaledb.max_background_workers may be too low"),
    )


def _quoted(name: str) -> str:
    return sql.Identifier(name).as_string(None)
