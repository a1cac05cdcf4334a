"""A database that is backed up: filled with signals, and looked into."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from engine.timers import TimerThread
from ops.backup.dumping import Backup
from ops.backup.programs import Programs
from ops.backup.restoring import Restored
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from tests.support.outcomes import a_message, signal_outcome

__all__ = ["NOW", "SCHEMA", "BackUp", "Filled", "PutBack", "WithFault"]

SCHEMA = "signals"
NOW = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)
BackUp = Callable[..., Backup]
PutBack = Callable[..., Restored]
WithFault = Callable[..., list[Programs]]


@dataclass(frozen=True)
class Filled:
    """A database: its superuser's URL, straight to the server."""

    url: str

    def ask(self, statement: str, *parameters: object) -> list[Any]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def content(self, schema: str = SCHEMA) -> dict[str, list[Any]]:
        """Return every row of every table, in an order of its own."""
        names = self.ask(
            "select relname from pg_class where relnamespace = %s::regnamespace and relkind in ('r', 'p')",
            schema,
        )
        rows = {}
        with psycopg.connect(self.url) as connection:
            for (name,) in names:
                query = sql.SQL("select t::text from {} as t order by 1").format(sql.Identifier(schema, name))
                rows[name] = connection.execute(query).fetchall()
        return rows

    def store(self, *numbers: int) -> None:
        """Store a signal for each number, one a day back from today."""
        today = datetime.now(UTC)
        days = {number: today - timedelta(days=number % 60) for number in numbers}
        outcomes = [
            signal_outcome(a_message(number, received_at=at, telegram_date=at, updated_at=at))
            for number, at in days.items()
        ]
        timers = TimerThread()
        database = Database(self.url, schema=SCHEMA, pool_max=4, timers=timers)
        database.open()
        try:
            Ledger(database, grammar_version="g1").record(outcomes)
        finally:
            database.close()
            timers.close()
