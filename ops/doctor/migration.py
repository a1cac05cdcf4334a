"""The role that migrates: whether it gets in, to the same database, and may do what ``migrate`` does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import psycopg

from ops.doctor.asking import Asker, refusal
from ops.doctor.findings import Finding, fail, ok, skipped
from ops.doctor.surroundings import Surroundings
from storage.connect_failures import setting_of

__all__ = ["examine_migration"]

_SETTING: Final = "TP_CAPITAL_MIGRATION_DATABASE_URL"
_CONNECTION, _TARGET, _RIGHTS = "migration.connection", "migration.target", "migration.rights"
#: create schema asks for the right on the database even where the schema is there
_LACKING = """
select current_user as role, current_database() as database,
    has_database_privilege(current_database(), 'create') as creates,
    (select pg_has_role(nspowner, 'usage') from pg_namespace where nspname = %(schema)s) as owns_schema,
    array(select relname::text from pg_class join pg_namespace on pg_namespace.oid = relnamespace
        where nspname = %(schema)s and relkind in ('r', 'p') and not pg_has_role(relowner, 'usage')
        order by relname) as foreign_tables
"""
#: no name tells two servers apart that a pooler or a proxy hides; these do
_IDENTITY = "select pg_postmaster_start_time() as started, (select oid from pg_database where datname = current_database())"


def examine_migration(around: Surroundings) -> Iterator[Finding]:
    """Connect as the owner does; where no owner is set, the engine's own role migrates."""
    settings = around.settings.database
    own = settings.migration_url is None
    if own:
        yield skipped(_CONNECTION, f"{_SETTING} is not set: the engine's own role migrates")
        yield skipped(_TARGET, "the same connection")
    try:
        with Asker.connected(around, settings.migration_conninfo) as asker:
            if not own:
                info = asker.connection.info
                yield ok(
                    _CONNECTION, f"{info.host or 'local socket'}:{info.port}/{info.dbname} as {info.user}"
                )
                yield asker.check(_TARGET, _check_target)
            yield asker.check(_RIGHTS, _check_rights)
    except psycopg.Error as error:
        if not own:
            yield refusal(_CONNECTION, error, setting=_SETTING)
            yield skipped(_TARGET, "no connection")
        yield skipped(_RIGHTS, "no connection")


def _check_target(name: str, asker: Asker) -> Finding:
    theirs = asker.row(_IDENTITY)
    try:
        with Asker.connected(asker.around) as engine:
            ours = engine.row(_IDENTITY)
    except psycopg.Error:
        return skipped(name, "the engine's own connection cannot be made")
    if theirs == ours:
        return ok(name, "the engine's database")
    return fail(
        name,
        f"{_SETTING} names another database than the engine works on",
        f"set host, port and name in {_SETTING} and {setting_of('address')} to the same one",
    )


def _check_rights(name: str, asker: Asker) -> Finding:
    settings = asker.around.settings.database
    schema = settings.schema_name
    (row,) = asker.rows(_LACKING, {"schema": schema})
    lacking, remedies = [], []
    if not row["creates"]:
        lacking.append("may not make schemas")
        remedies.append(f'grant create on database "{row["database"]}" to "{row["role"]}";')
    if row["owns_schema"] is False:
        lacking.append(f"does not own {schema}")
        remedies.append(f'alter schema "{schema}" owner to "{row["role"]}";')
    if row["foreign_tables"]:
        lacking.append(f"does not own {', '.join(row['foreign_tables'])}")
        remedies += [
            f'alter table "{schema}"."{each}" owner to "{row["role"]}";' for each in row["foreign_tables"]
        ]
    if not lacking:
        return ok(name, f"{row['role']} may migrate")
    found = f"{row['role']} {', '.join(lacking)}"
    if settings.migration_url is None:
        # as it should be, as long as nothing is to be migrated: database.schema looks at that
        return ok(name, f"{found}: a newer release is migrated by an owner's role ({_SETTING})")
    return fail(
        name, found, f"name the owner's role in {_SETTING}, or give it the rights: {' '.join(remedies)}"
    )
