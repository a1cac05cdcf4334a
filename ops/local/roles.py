"""The two roles of the dedicated database: one owns it and migrates, one runs the engine with limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import sql

from ops.local.postgres import LocalPostgres

__all__ = ["ENGINE_LIMITS", "ENGINE_ROLE", "OWNER_ROLE", "RolePasswords", "make_database"]

OWNER_ROLE: Final = "tp_capital_owner"
ENGINE_ROLE: Final = "tp_capital"

#: what a frozen daemon may hold up, and for how long; the engine's own deadlines are shorter
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
    """Make roles and database, or bring them to this state; the schema is ``migrate``'s."""
    server.create_role(OWNER_ROLE, passwords.owner)
    server.create_role(ENGINE_ROLE, passwords.engine)
    server.create_database(name, owner=OWNER_ROLE)
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        # so that a backup can be restored to check it
        connection.execute(sql.SQL("alter role {} createdb").format(sql.Identifier(OWNER_ROLE)))
        for setting, value in ENGINE_LIMITS.items():
            connection.execute(
                sql.SQL("alter role {} set {} = {}").format(
                    sql.Identifier(ENGINE_ROLE), sql.Identifier(setting), sql.Literal(value)
                )
            )
