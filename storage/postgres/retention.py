"""Retention: creates weeks of signals ahead and drops old ones, by the layout's own function in the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from storage.postgres.database import Cursor, Database

__all__ = ["Kept", "Retention"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The result of a round: the numbers of weeks ``made`` and ``dropped``.

    ``ahead_until`` is the end of the last week that was made ahead. It is None if the server creates weeks on demand.
    ``problem`` tells the operator of a problem, if there is one.
    """

    made: int
    dropped: int
    ahead_until: datetime | None
    problem: str | None


class Retention:
    """Calls the function ``keep_retention`` of ``layouts/``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        name = sql.Identifier(database.schema, "keep_retention")
        self._statement = sql.SQL("select made, dropped, ahead_until, problem from {}()").format(name)

    def keep(self) -> Kept:
        """Create the weeks ahead and drop those past retention. Idempotent.

        Raises:
            StorageError: the database cannot do it now, or a right is missing.
        """

        def work(cursor: Cursor) -> Kept:
            row = cursor.execute(self._statement).fetchone()
            assert row is not None  # noqa: S101 - the function returns one row
            return Kept(**row)

        return self._database.write(work)
