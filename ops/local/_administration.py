"""Roles and databases of a server, made and removed by its superuser."""

from __future__ import annotations

from abc import ABC, abstractmethod

import psycopg
from psycopg import sql

__all__ = ["Administration"]

_CONNECT_TIMEOUT_S = 3


class Administration(ABC):
    """What a server's superuser does in it, for whoever knows the way in."""

    @abstractmethod
    def dsn(self, dbname: str = "postgres", user: str | None = None, password: str | None = None) -> str:
        """Return the connection URL, the superuser's unless ``user`` is given. It holds the password."""

    def create_role(self, name: str, password: str) -> None:
        """Make a role that can log in, or give it this password when it is there with another."""
        if self._lets_in(name, password):
            # hashed anew, the secret would be another one, and a pooler that knows the former be locked out
            return
        with self._connect() as connection:
            # Hashed on our side: a statement that fails is written to the server's log as it came.
            hashed = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
            verb = sql.SQL("ALTER" if known else "CREATE")
            connection.execute(
                sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
                    verb, sql.Identifier(name), sql.Literal(hashed.decode())
                )
            )

    def _lets_in(self, name: str, password: str) -> bool:
        try:
            psycopg.connect(
                self.dsn(user=name, password=password), connect_timeout=_CONNECT_TIMEOUT_S
            ).close()
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self, name: str, owner: str | None = None) -> None:
        """Make an empty database, or give it this owner when it is there."""
        with self._connect() as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if not known:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
                )
            if owner is not None:
                connection.execute(
                    sql.SQL("ALTER DATABASE {} OWNER TO {}").format(
                        sql.Identifier(name), sql.Identifier(owner)
                    )
                )

    def drop_database(self, name: str) -> None:
        """Remove a database, cutting whoever is connected to it; none of that name is fine too."""
        with self._connect() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def _connect(self) -> psycopg.Connection:
        # Databases are made and dropped outside transactions only.
        return psycopg.connect(self.dsn(), autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S)
