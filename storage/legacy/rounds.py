"""Rounds that follow the ledger: a row of the old table leaves it once its message has come."""

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
    """Settles old rows whose messages have been written since the last round, by whichever daemon."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger
        self._texts = MessageTexts(database.schema)
        self._places = LegacyPlaces(database.schema)
        self._due = sql.SQL(_DUE).format(schema=sql.Identifier(database.schema))

    def settle(self) -> bool:
        """Settle where there are old rows and something new; return whether there is more to do at once.

        Raises:
            StorageError: not now, or not with these rights; nothing was written.
        """
        row = self._database.read(lambda cursor: cursor.execute(self._due).fetchone())
        return row is not None and bool(row["due"]) and self.follow()

    def follow(self) -> bool:
        """Do the same before the first row has been taken, too."""
        return self._database.write(self._follow)

    def _follow(self, cursor: Cursor) -> bool:
        number = self._ledger.draw(cursor)
        gathered = self._texts.gather(cursor, number)
        settled = self._places.settle(cursor, gathered.groups)
        # a message more never takes a row's message away (storage/legacy/matching.py)
        assert not settled.unmatched  # noqa: S101
        if settled.gone:
            self._ledger.record_within(cursor, number, (), leaving=settled.gone)
        return gathered.more
