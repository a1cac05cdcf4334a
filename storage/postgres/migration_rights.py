"""The rights that a role lacks to migrate, and the statements that grant them. ``migrate`` and ``doctor`` use both."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from storage.postgres.database import Cursor

__all__ = ["MigrationRights", "look_at_rights"]

#: create schema needs the right on the database even if the schema exists
_LACKING = """
select current_user as role, current_database() as database,
    has_database_privilege(current_database(), 'create') as creates,
    (select pg_has_role(nspowner, 'usage') from pg_namespace where nspname = %(schema)s) as owns_schema,
    array(select relname::text from pg_class join pg_namespace on pg_namespace.oid = relnamespace
        where nspname = %(schema)s and relkind in ('r', 'p') and not pg_has_role(relowner, 'usage')
        order by relname) as foreign_tables
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationRights:
    """What ``role`` lacks, in words, and a statement for each. Both are empty if it may migrate."""

    role: str
    lacking: tuple[str, ...]
    remedies: tuple[str, ...]


def look_at_rights(cursor: Cursor, schema: str) -> MigrationRights:
    """Return the rights that the role of this connection lacks."""
    row = cursor.execute(_LACKING, {"schema": schema}).fetchone()
    assert row is not None  # noqa: S101 - it is a select without a table
    quoted, role, database = (
        sql.Identifier(name).as_string(None) for name in (schema, row["role"], row["database"])
    )
    lacking, remedies = [], []
    if not row["creates"]:
        lacking.append("may not make schemas")
        remedies.append(f"grant create on database {database} to {role};")
    if row["owns_schema"] is False:
        lacking.append(f"does not own {schema}")
        remedies.append(f"alter schema {quoted} owner to {role};")
    if row["foreign_tables"]:
        lacking.append(f"does not own {', '.join(row['foreign_tables'])}")
        remedies += [
            f"alter table {quoted}.{sql.Identifier(each).as_string(None)} owner to {role};"
            for each in row["foreign_tables"]
        ]
    return MigrationRights(role=row["role"], lacking=tuple(lacking), remedies=tuple(remedies))
