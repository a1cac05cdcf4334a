"""What a backup reaches: our schema, all of it and nothing else, and whether the role may read it."""

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
    """Say before the work what the role may not read.

    Raises:
        BackupError: that, and the statements that give the right.
    """
    found = server.connection.execute(_UNREADABLE, [schema]).fetchone()
    if found is None or (found["enters"] and not found["unreadable"]):
        return
    what = ", ".join(found["unreadable"]) if found["enters"] else f"the schema {schema}"
    name, role = (sql.Identifier(each).as_string(None) for each in (schema, server.user))
    raise BackupError(
        f"{server.user} may not read {what}: permission denied. Set the owner ({found['owner']}) in"
        f" TP_CAPITAL_MIGRATION_DATABASE_URL, or give it the right: grant usage on schema {name} to {role};"
        f" grant select on all tables in schema {name} to {role}; grant select on all sequences in schema {name} to {role};"
    )


def schemas_of_others(server: Server, schema: str) -> list[str]:
    """Return the schemas that a dump of the whole database, which TimescaleDB needs, leaves out.

    Raises:
        BackupError: the extension keeps tables of others here too; its catalogue cannot be taken apart.
    """
    others = [str(row["name"]) for row in server.connection.execute(_HYPERTABLES, [schema])]
    if others:
        raise BackupError(
            f"{server.place} also holds {', '.join(others)}, which TimescaleDB keeps together with ours:"
            " a backup is of our schema alone. Move them, or ours, into a database of their own"
        )
    return [str(row["nspname"]) for row in server.connection.execute(_OTHERS, [schema])]
