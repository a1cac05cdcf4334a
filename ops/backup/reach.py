"""The scope of a backup: exactly our schema, and whether the role may read all of it."""

from __future__ import annotations

from psycopg import sql

from ops.backup.errors import BackupError
from ops.backup.server import Server

__all__ = ["schemas_of_others", "stop_at_what_cannot_be_read"]

_UNREADABLE = """
select has_schema_privilege(space.oid, 'usage') as enters, pg_get_userbyid(nspowner) as owner, array(
    select relname::text from pg_class where relnamespace = space.oid and relkind in ('r', 'p', 'S')
        and not case when relkind = 'S' then has_sequence_privilege(pg_class.oid, 'select')
            else has_table_privilege(pg_class.oid, 'select') end
    order by relname) as unreadable
from pg_namespace as space where nspname = %s
"""
_OTHERS = """
select nspname from pg_namespace as space
where nspname <> %s and nspname <> 'information_schema' and not starts_with(nspname, 'pg_') and not exists (
    select from pg_depend where classid = 'pg_namespace'::regclass and objid = space.oid and deptype = 'e')
order by nspname
"""
_HYPERTABLES = """
select hypertable_schema || '.' || hypertable_name as name from timescaledb_information.hypertables
where hypertable_schema <> %s
union all
select view_schema || '.' || view_name from timescaledb_information.continuous_aggregates
order by 1
"""


def stop_at_what_cannot_be_read(server: Server, schema: str) -> None:
    """Check before the dump that the role may read everything.

    Raises:
        BackupError: the role lacks a right. The text holds the statements that grant it.
    """
    found = server.connection.execute(_UNREADABLE, [schema]).fetchone()
    if found is None or (found["enters"] and not found["unreadable"]):
        return
    what = ", ".join(found["unreadable"]) if found["enters"] else f"the schema {schema}"
    name, role = (sql.Identifier(each).as_string(None) for each in (schema, server.user))
    raise BackupError(
        f"{server.user} may not read {what}: permission denied. Set the owner ({found['owner']}) in"
        f" TP_CAPITAL_MIGRATION_DATABASE_URL, or grant the right: grant usage on schema {name} to {role};"
        f" grant select on all tables in schema {name} to {role}; grant select on all sequences in schema {name} to {role};"
    )


def schemas_of_others(server: Server, schema: str) -> list[str]:
    """Return the schemas to exclude from a dump of the whole database. TimescaleDB needs such a dump.

    Raises:
        BackupError: the extension also manages tables of other schemas, and its catalogue cannot be split.
    """
    others = [str(row["name"]) for row in server.connection.execute(_HYPERTABLES, [schema])]
    if others:
        raise BackupError(
            f"{server.place} also holds {', '.join(others)}, which TimescaleDB stores together with our tables, but a"
            " backup covers only our schema. Move them, or our schema, into another database"
        )
    return [str(row["nspname"]) for row in server.connection.execute(_OTHERS, [schema])]
