"""The two roles of the database: the owner, which migrates, and the engine's role, which has limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    # the daemon needs the names here, but none of the programs
    from ops.local.postgres import LocalPostgres


__all__ = ["ENGINE_LIMITS", "ENGINE_ROLE", "OWNER_ROLE", "RolePasswords", "make_database"]

OWNER_ROLE: Final = "tp_capital_owner"
ENGINE_ROLE: Final = "tp_capital"

#: limits for a frozen daemon that holds locks; the engine's own deadlines are shorter
ENGINE_LIMITS: Final = {
    "statement_timeout": "20s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "10s",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RolePasswords:
    """The passwords of both roles."""

    owner: str
    engine: str


def make_database(server: LocalPostgres, name: str, passwords: RolePasswords) -> None:
    """Create the roles and the database, or bring existing ones to this state. ``migrate`` creates the schema."""
    server.create_role(OWNER_ROLE, passwords.owner)
    server.create_role(ENGINE_ROLE, passwords.engine)
    server.create_database(name, owner=OWNER_ROLE)
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        # a backup is checked by restoring it into a new database
        connection.execute(sql.SQL("alter role {} createdb").format(sql.Identifier(OWNER_ROLE)))
        for setting, value in ENGINE_LIMITS.items():
            connection.execute(
                sql.SQL("alter role {} set {} = {}").format(
                    sql.Identifier(ENGINE_ROLE), sql.Identifier(setting), sql.Literal(value)
                )
            )
