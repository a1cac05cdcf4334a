"""A migrated database for each test, and ways to look into it beside the code under test."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from engine.timers import TimerThread
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from tests.support.databases import SCHEMA, as_engine

Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def timers() -> Iterator[TimerThread]:
    """Run a timer thread for the test."""
    thread = TimerThread()
    yield thread
    thread.close()


@pytest.fixture
def open_database(migrated_url: str, timers: TimerThread) -> Iterator[Callable[[], Database]]:
    """Open as many clients of the migrated database as the test asks for."""
    opened = []

    def open_one() -> Database:
        database = Database(as_engine(migrated_url), schema=SCHEMA, pool_max=8, timers=timers)
        opened.append(database)
        database.open()
        return database

    yield open_one
    for database in opened:
        database.close()


@pytest.fixture
def database(open_database: Callable[[], Database]) -> Database:
    """Open one client."""
    return open_database()


@pytest.fixture
def ledger(database: Database) -> Ledger:
    """Give the ledger of the one client."""
    return Ledger(database, grammar_version="g1")


@pytest.fixture
def ask(migrated_url: str, direct_url: str) -> Iterator[Ask]:
    """Ask the migrated database on a connection of the test's own; a statement without rows gives none."""
    with psycopg.Connection[dict[str, Any]].connect(
        direct_url, autocommit=True, row_factory=dict_row, options=f"-c search_path={SCHEMA}"
    ) as connection:

        def ask_one(statement: str, *parameters: object) -> list[dict[str, Any]]:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

        yield ask_one
