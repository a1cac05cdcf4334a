"""The secret of this database. It authenticates pages in a cache; the migration creates it, and nothing shows it."""

from __future__ import annotations

from psycopg import sql

from storage.postgres.database import Cursor, Database

__all__ = ["database_secret"]

_SELECT = "select secret from {}"


def database_secret(database: Database) -> bytes:
    """Return the secret that the migration made for this database.

    Raises:
        StorageError: the secret cannot be read now.
    """
    statement = sql.SQL(_SELECT).format(sql.Identifier(database.schema, "cache_secret"))

    def work(cursor: Cursor) -> bytes:
        row = cursor.execute(statement).fetchone()
        assert row is not None  # noqa: S101 - the migration wrote the row
        return bytes(row["secret"])

    return database.read(work)
