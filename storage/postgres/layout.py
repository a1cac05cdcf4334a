"""How the signals table is divided into weeks: chunks of a hypertable, or native range partitions.

Everything that differs between the strategies is here and in ``layouts/``. All queries are the same for both.
"""

from __future__ import annotations

from enum import StrEnum
from importlib import resources

from psycopg import sql

from storage.errors import DatabaseMisconfiguredError
from storage.postgres.database import Cursor

__all__ = ["OLDEST_TIMESCALE", "Layout", "Strategy", "arrange", "is_arranged", "mend_policy", "wanted_layout"]

#: earlier releases are not supported (CONTRACT)
OLDEST_TIMESCALE = (2, 18, 1)
#: a setting that exists only if the server loaded the extension at its start
_LOADED = "timescaledb.max_background_workers"
#: raised when the SQL of a layout changes, so that an older schema is rebuilt
_VERSION = 1

_TO_PLAIN = """
alter table {schema}.tp_capital_signals rename to signals_before;
create table {schema}.tp_capital_signals (
    like {schema}.signals_before including defaults including constraints including identity) {partitioned};
"""
# numbering continues, because an id names one signal for good
_MOVE_ROWS = """
insert into {schema}.tp_capital_signals overriding system value select * from {schema}.signals_before;
select setval(pg_get_serial_sequence('{schema}.tp_capital_signals', 'id'), last_value, is_called) from {sequence};
drop table {schema}.signals_before;
"""


class Strategy(StrEnum):
    """The kind of server: TimescaleDB, or Neon and any other plain PostgreSQL."""

    TIMESCALE = "timescale"
    NEON = "neon"


class Layout(StrEnum):
    """How the weeks are made."""

    HYPERTABLE = "hypertable"
    PARTITIONS = "partitions"


def wanted_layout(cursor: Cursor, strategy: Strategy) -> Layout:
    """Return the layout for a server: a hypertable if the strategy wants one and the server has the extension.

    Raises:
        DatabaseMisconfiguredError: the extension is older than :data:`OLDEST_TIMESCALE`, or not loaded.
    """
    if strategy is not Strategy.TIMESCALE:
        return Layout.PARTITIONS
    row = cursor.execute(
        "select coalesce(installed_version, default_version) as version,"
        " current_setting(%s, true) is not null as loaded"
        " from pg_available_extensions where name = 'timescaledb'",
        [_LOADED],
    ).fetchone()
    if row is None:
        return Layout.PARTITIONS
    version = str(row["version"])
    if tuple(int(part) for part in version.split("-", maxsplit=1)[0].split(".")) < OLDEST_TIMESCALE:
        oldest = ".".join(map(str, OLDEST_TIMESCALE))
        raise DatabaseMisconfiguredError(
            f"the timescaledb extension is {version}, at least {oldest} is needed: "
            "upgrade it (alter extension timescaledb update), or set TP_CAPITAL_DB_STRATEGY=neon"
        )
    # otherwise the first call of its functions would end the session, which looks like an outage
    if not row["loaded"]:
        raise DatabaseMisconfiguredError(
            "the timescaledb extension is installed, but the server has not loaded it: "
            "set shared_preload_libraries = 'timescaledb' in postgresql.conf and restart the server, "
            "or set TP_CAPITAL_DB_STRATEGY=neon"
        )
    return Layout.HYPERTABLE


def is_arranged(cursor: Cursor, schema: str, layout: Layout) -> bool:
    """Return whether the table has ``layout`` in this version's form. All steps of the schema must be applied."""
    table = sql.Identifier(schema, "layout")
    row = cursor.execute(sql.SQL("select kind, version from {}").format(table)).fetchone()
    return row is not None and (row["kind"], row["version"]) == (layout, _VERSION)


def arrange(cursor: Cursor, schema: str, layout: Layout) -> None:
    """Create a new table in ``layout`` and move the rows there, inside the caller's transaction."""
    quoted = sql.Identifier(schema).as_string(None)

    def run(text: str) -> None:
        cursor.execute(text.replace("{schema}", quoted).encode(), binary=False)

    partitions = layout is Layout.PARTITIONS
    run(_TO_PLAIN.replace("{partitioned}", "partition by range (ts)" if partitions else ""))
    sequence = cursor.execute(
        "select pg_get_serial_sequence(%s, 'id') as name", [f"{quoted}.signals_before"]
    ).fetchone()
    assert sequence is not None  # noqa: S101 - id is an identity since the table was made
    _free_names(cursor, schema)
    _keep_grants(cursor, schema)
    run(_read("keys"))
    run(_read(layout))
    if not partitions:
        run(_read("policy"))
    run("select {schema}.keep_retention()")
    run(_MOVE_ROWS.replace("{sequence}", sequence["name"]))
    table = sql.Identifier(schema, "layout")
    cursor.execute(
        sql.SQL(
            "insert into {} (kind, version) values (%s, %s)"
            " on conflict (only_row) do update set kind = excluded.kind, version = excluded.version"
        ).format(table),
        [layout, _VERSION],
    )


def mend_policy(cursor: Cursor, schema: str, layout: Layout) -> bool:
    """Create the hypertable's retention policy if somebody removed it. Return whether it was missing."""
    if layout is not Layout.HYPERTABLE:
        return False
    found = cursor.execute(
        "select exists (select from timescaledb_information.jobs where proc_name = 'policy_retention'"
        " and hypertable_schema = %s and hypertable_name = 'tp_capital_signals') as there",
        [schema],
    ).fetchone()
    if found is None or found["there"]:
        return False
    quoted = sql.Identifier(schema).as_string(None)
    cursor.execute(_read("policy").replace("{schema}", quoted).encode(), binary=False)
    return True


def _free_names(cursor: Cursor, schema: str) -> None:
    """Rename the keys and partitions of the former table, which is dropped soon. The new table takes their names."""
    before = sql.Identifier(schema, "signals_before")
    parameters = {"before": before.as_string(None)}
    for row in cursor.execute(
        "select relname, conname from pg_index join pg_class on pg_class.oid = indexrelid"
        " left join pg_constraint on conindid = indexrelid and contype in ('p', 'u')"
        " where indrelid = %(before)s::regclass",
        parameters,
    ).fetchall():
        if row["conname"]:
            drop = sql.SQL("alter table {} drop constraint {}")
            cursor.execute(drop.format(before, sql.Identifier(row["conname"])))
        else:
            cursor.execute(sql.SQL("drop index {}").format(sql.Identifier(schema, row["relname"])))
    for row in cursor.execute(
        "select relname from pg_inherits join pg_class on pg_class.oid = inhrelid"
        " where inhparent = %(before)s::regclass and starts_with(relname, 'tp_capital_signals_')",
        parameters,
    ).fetchall():
        cursor.execute(
            sql.SQL("alter table {} rename to {}").format(
                sql.Identifier(schema, row["relname"]), sql.Identifier(f"{row['relname']}_before")
            )
        )


def _keep_grants(cursor: Cursor, schema: str) -> None:
    """Grant every role, for instance a dashboard's, the rights that it had on the former table."""
    for row in cursor.execute(
        "select rolname, privilege_type from pg_class, aclexplode(relacl) join pg_roles on pg_roles.oid = grantee"
        " where pg_class.oid = %s::regclass and grantee <> relowner",
        [sql.Identifier(schema, "signals_before").as_string(None)],
    ).fetchall():
        cursor.execute(
            sql.SQL("grant {} on {} to {}").format(
                sql.SQL(row["privilege_type"]),
                sql.Identifier(schema, "tp_capital_signals"),
                sql.Identifier(row["rolname"]),
            )
        )


def _read(name: str) -> str:
    return resources.files("storage.postgres.layouts").joinpath(f"{name}.sql").read_text("utf-8")
