"""Follows the ledger in rounds: an old row leaves the ledger once its message has arrived."""

from __future__ import annotations

from psycopg import sql

from storage.legacy.joining import LegacyPlaces
from storage.legacy.texts import MessageTexts
from storage.postgres.database import Cursor, Database
from storage.postgres.ledger import Ledger

__all__ = ["LegacyRounds"]

_DUE = """
select exists (select from {schema}.legacy_rows) and number > commit_number as due
from {schema}.commits cross join {schema}.legacy_settled
"""


class LegacyRounds:
    """Settles old rows whose messages any daemon has written since the last round."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger
        self._texts = MessageTexts(database.schema)
        self._places = LegacyPlaces(database.schema)
        self._due = sql.SQL(_DUE).format(schema=sql.Identifier(database.schema))

    def settle(self) -> bool:
        """Settle old rows if there are any and the ledger has news. Return whether more work is waiting.

        Raises:
            StorageError: the database cannot be used now, or a right is missing; nothing was written.
        """
        row = self._database.read(lambda cursor: cursor.execute(self._due).fetchone())
        return row is not None and bool(row["due"]) and self.follow()

    def follow(self) -> bool:
        """Do the same, also before the first row was imported."""
        return self._database.write(self._follow)

    def _follow(self, cursor: Cursor) -> bool:
        number = self._ledger.draw(cursor)
        gathered = self._texts.gather(cursor, number)
        settled = self._places.settle(cursor, gathered.groups)
        # adding a message never un-matches a row (storage/legacy/matching.py)
        assert not settled.unmatched  # noqa: S101
        if settled.gone:
            self._ledger.record_within(cursor, number, (), leaving=settled.gone)
        return gathered.more
