"""The engine's role: missing rights, unnecessary rights, and time limits that release locks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Final

from psycopg import sql

from ops.doctor.connection import CheckConnection
from ops.doctor.findings import CheckResult, fail, ok, skipped, warn
from ops.local.roles import ENGINE_LIMITS
from storage.postgres.connect_failures import setting_of

__all__ = ["Grant", "check_least_privilege", "check_rights", "check_role_limits", "grants"]

_GRANT: Final = re.compile(
    r"grant (?P<rights>[\w, ]+) on (?:(?P<kind>schema|function) )?(?P<objects>.+) to \{role\};"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One right on one object. ``kind`` is table, function or schema. ``name`` has no schema prefix."""

    kind: str
    name: str
    right: str


def grants() -> Iterator[Grant]:
    """Yield the rights that the engine's role needs. They are parsed from the file that ``migrate`` executes."""
    text = resources.files("storage.postgres").joinpath("grants.sql").read_text("utf-8")
    for found in _GRANT.finditer(text):
        for right in found["rights"].split(","):
            for name in found["objects"].split(","):
                bare = name.strip().removeprefix("{schema}").removeprefix(".")
                yield Grant(kind=found["kind"] or "table", name=bare, right=right.strip())


_LACKING = """
with needed as (select * from unnest(%(kinds)s::text[], %(names)s::text[], %(rights)s::text[]) as n (kind, name, "right"))
select "right", name from (
    select "right", needed.name, has_table_privilege(pg_class.oid, "right") as granted
    from needed join pg_class on relname = needed.name join pg_namespace on pg_namespace.oid = relnamespace
    where kind = 'table' and nspname = %(schema)s
    union all
    select "right", needed.name, has_function_privilege(pg_proc.oid, "right")
    from needed join pg_proc on proname || '()' = needed.name and pronargs = 0
        join pg_namespace on pg_namespace.oid = pronamespace
    where kind = 'function' and nspname = %(schema)s
    union all
    select "right", 'the schema', has_schema_privilege(pg_namespace.oid, "right")
    from needed, pg_namespace where kind = 'schema' and nspname = %(schema)s
) as looked where not granted order by name, "right"
"""


def check_rights(name: str, asker: CheckConnection) -> CheckResult:
    """Find the rights of ``grants.sql`` that the role lacks. ``database.schema`` reports missing tables."""
    schema = asker.around.settings.database.schema_name
    if not asker.row("select exists (select from pg_namespace where nspname = %s) as there", [schema])[
        "there"
    ]:
        return skipped(name, "the schema does not exist yet")
    needed = list(grants())
    lacking = asker.rows(
        _LACKING,
        {
            "kinds": [grant.kind for grant in needed],
            "names": [grant.name for grant in needed],
            "rights": [grant.right for grant in needed],
            "schema": schema,
        },
    )
    if not lacking:
        return ok(name, "the engine's role has the rights it needs")
    return fail(
        name,
        "the engine's role lacks " + ", ".join(f"{row['right']} on {row['name']}" for row in lacking),
        "run tp-capital migrate with the owner's role (TP_CAPITAL_MIGRATION_DATABASE_URL): it grants them",
    )


_EXCESS = """
select current_user as role, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls,
    has_database_privilege(current_database(), 'create') as creates_schemas,
    (select pg_has_role(datdba, 'usage') from pg_database where datname = current_database()) as owns_database,
    (select has_schema_privilege(oid, 'create') from pg_namespace where nspname = %(schema)s) as creates_tables,
    (select count(*) from pg_class join pg_namespace on pg_namespace.oid = relnamespace
        where nspname = %(schema)s and relkind in ('r', 'p') and pg_has_role(relowner, 'usage')) as owned
from pg_roles where rolname = current_user
"""


def check_least_privilege(name: str, asker: CheckConnection) -> CheckResult:
    """Find rights that the role does not need. A bug in the engine could use them."""
    (row,) = asker.rows(_EXCESS, {"schema": asker.around.settings.database.schema_name})
    # a superuser has all other rights, so report only this one
    excess = ["is superuser"] if row["rolsuper"] else list(_excess(row))
    if not excess:
        return ok(name, f"{row['role']} has no unnecessary rights")
    return warn(
        name,
        f"{row['role']} {', '.join(excess)}",
        "use this role only in TP_CAPITAL_MIGRATION_DATABASE_URL, and create another role for the engine:"
        f" create role tp_capital_engine login password '...'; set it in {setting_of('password')} and run"
        " tp-capital migrate, which grants its rights",
    )


def _excess(row: dict[str, object]) -> Iterator[str]:
    for flag, words in (
        ("rolcreaterole", "may create roles"),
        ("rolcreatedb", "may create databases"),
        ("rolreplication", "may replicate"),
        ("rolbypassrls", "bypasses row security"),
        ("owns_database", "owns the database"),
        ("creates_schemas", "may create schemas"),
        ("creates_tables", "may create tables in the schema"),
    ):
        if row[flag]:
            yield words
    if row["owned"]:
        yield f"owns {row['owned']} tables"


def check_role_limits(name: str, asker: CheckConnection) -> CheckResult:
    """Find time limits that are not set. Without them a hung daemon would hold its locks forever."""
    rows = asker.rows(
        "select current_user as role, name from pg_settings where name = any(%s) and setting = '0'",
        [list(ENGINE_LIMITS)],
    )
    unset = {str(row["name"]) for row in rows}
    if not unset:
        return ok(name, "statements, locks and idle transactions have time limits")
    role = sql.Identifier(rows[0]["role"]).as_string(None)
    return warn(
        name,
        f"not limited: {', '.join(limit for limit in ENGINE_LIMITS if limit in unset)}",
        " ".join(
            f"ALTER ROLE {role} SET {limit} = '{value}';"
            for limit, value in ENGINE_LIMITS.items()
            if limit in unset
        ),
    )
