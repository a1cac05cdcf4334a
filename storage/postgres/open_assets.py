"""The assets of signals that still hold."""

from __future__ import annotations

from psycopg import sql

from storage.postgres.database import Cursor, Database

__all__ = ["OpenAssets"]

_ASSETS = "select distinct asset from {schema}.signal_standings where valid order by asset"


class OpenAssets:
    """Reads the assets. All calls may raise ``StorageError``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._assets = sql.SQL(_ASSETS).format(schema=sql.Identifier(database.schema))

    def names(self) -> list[str]:
        """Return the assets of valid signals, each once, in order."""

        def work(cursor: Cursor) -> list[str]:
            return [str(row["asset"]) for row in cursor.execute(self._assets)]

        return self._database.read(work)
