"""Retention: weeks of signals made ahead and dropped, by the layout's own function in the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from storage.postgres.database import Cursor, Database

__all__ = ["Kept", "Retention"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a round did: weeks ``made`` and ``dropped``.

    ``ahead_until`` is where the last week made ahead ends; None where the server makes them when needed.
    ``problem`` is what an operator should know, if anything.
    """

    made: int
    dropped: int
    ahead_until: datetime | None
    problem: str | None


class Retention:
    """Calls ``keep_retention`` of ``storage/layouts``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        name = sql.Identifier(database.schema, "keep_retention")
        self._statement = sql.SQL("select made, dropped, ahead_until, problem from {}()").format(name)

    def keep(self) -> Kept:
        """Make the weeks ahead, drop those past retention; idempotent.

        Raises:
            StorageError: not now, or not with these rights.
        """

        def work(cursor: Cursor) -> Kept:
            row = cursor.execute(self._statement).fetchone()
            assert row is not None  # noqa: S101 - the function returns one row
            return Kept(**row)

        return self._database.write(work)
