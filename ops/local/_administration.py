"""Creates and removes roles and databases of a server, as its superuser."""

from __future__ import annotations

from abc import ABC, abstractmethod

import psycopg
from psycopg import sql

__all__ = ["Administration"]

_CONNECT_TIMEOUT_S = 3


class Administration(ABC):
    """The superuser's work in a server. A subclass knows how to connect."""

    @abstractmethod
    def dsn(self, dbname: str = "postgres", user: str | None = None, password: str | None = None) -> str:
        """Return the connection URL, the superuser's unless ``user`` is given. It holds the password."""

    def create_role(self, name: str, password: str) -> None:
        """Create a role that can log in, or give an existing role this password."""
        if self._lets_in(name, password):
            # a new hash of the same password would lock out a pooler that knows the present hash
            return
        with self._connect() as connection:
            # The password is hashed here, because the server writes a failed statement to its log.
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
        """Create an empty database, or give an existing one this owner."""
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
        """Drop a database and cut its connections. A missing database is no error."""
        with self._connect() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def _connect(self) -> psycopg.Connection:
        # A database can only be created or dropped outside a transaction.
        return psycopg.connect(self.dsn(), autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S)
