"""The two roles on a cluster that was made before."""

import psycopg

from ops.local.postgres import LocalPostgres
from ops.local.roles import OWNER_ROLE, RolePasswords, make_database
from tests.support.databases import ENGINE_PASSWORD, name_of


def test_the_owner_may_make_databases_also_where_it_was_made_without(
    postgres: LocalPostgres, direct_url: str
) -> None:
    passwords = RolePasswords(owner="owner's own", engine=ENGINE_PASSWORD)
    make_database(postgres, name_of(direct_url), passwords)
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(f"alter role {OWNER_ROLE} nocreatedb".encode())
        make_database(postgres, name_of(direct_url), passwords)
        found = connection.execute(
            "select rolname from pg_roles where rolname like 'tp\\_capital%' and rolcreatedb"
        ).fetchall()
    assert found == [(OWNER_ROLE,)], "the owner alone"
