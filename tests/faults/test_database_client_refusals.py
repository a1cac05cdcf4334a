"""The database's client before a server that refuses: every refusal is the error that calls for the right deed."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ops.local.postgres import LocalPostgres
from storage.errors import DatabaseMisconfiguredError, DatabaseUnavailableError, RowsRefusedError
from storage.postgres import database as database_module
from storage.postgres.database import Cursor
from tests.support.clients import OpenDatabase, databases

PASSWORD = "s3cret-word"


@pytest.fixture
def open_database() -> Iterator[OpenDatabase]:
    with databases() as open_one:
        yield open_one


@pytest.fixture
def short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("READ_DEADLINE_S", "WRITE_DEADLINE_S", "PROBE_DEADLINE_S"):
        monkeypatch.setattr(database_module, name, 0.3)
    monkeypatch.setattr(database_module, "CONNECT_WAIT_S", 0.5)


def one(cursor: Cursor) -> Any:
    row = cursor.execute("select 1 as one").fetchone()
    return row["one"] if row else None


def app_url(postgres: LocalPostgres, *, password: str = PASSWORD, name: str = "postgres") -> str:
    postgres.create_role("app", PASSWORD)
    return postgres.dsn(name, "app", password)


def test_a_wrong_password_is_named_without_it(postgres: LocalPostgres, open_database: OpenDatabase) -> None:
    database = open_database(app_url(postgres, password="wr0ng-word"))
    with pytest.raises(DatabaseUnavailableError, match="password authentication failed") as caught:
        database.read(one)
    assert "wr0ng" not in str(caught.value)


def test_a_missing_database_is_named(postgres: LocalPostgres, open_database: OpenDatabase) -> None:
    database = open_database(app_url(postgres, name="nowhere"))
    with pytest.raises(DatabaseUnavailableError, match='database "nowhere" does not exist') as caught:
        database.read(one)
    assert PASSWORD not in str(caught.value)


@pytest.mark.usefixtures("short_deadlines")
def test_an_exhausted_lane_is_a_typed_error_and_leaves_the_others_free(
    postgres: LocalPostgres, open_database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "READ_DEADLINE_S", 10.0)
    database = open_database(app_url(postgres), pool_max=5)
    release, busy = threading.Event(), threading.Barrier(3)

    def hold(cursor: Cursor) -> None:
        busy.wait(timeout=10)
        release.wait(timeout=10)

    with ThreadPoolExecutor(2) as threads:
        held = [threads.submit(database.read, hold) for _ in range(2)]
        busy.wait(timeout=10)
        try:
            with pytest.raises(DatabaseUnavailableError, match="all connections are in use"):
                database.read(one)
            assert database.write(one) == 1
            assert database.check(one) == 1
            assert database.stats()["read"].available == 0
        finally:
            release.set()
        for future in held:
            future.result(timeout=5)
    assert database.read(one) == 1


def test_the_lanes_share_the_connections_as_the_contract_says(
    postgres: LocalPostgres, open_database: OpenDatabase
) -> None:
    stats = open_database(app_url(postgres), pool_max=25).stats()
    assert {pool: stat.maximum for pool, stat in stats.items()} == {"read": 22, "write": 2, "probe": 1}


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        ("select * from signals.missing", DatabaseMisconfiguredError),
        ("select missing from pg_class", DatabaseMisconfiguredError),
        ("select * from pg_authid", DatabaseMisconfiguredError),
        ("select '9e999999'::numeric(3)", RowsRefusedError),
        ("select 1/0", RowsRefusedError),
    ],
)
def test_what_the_server_refuses_is_the_error_of_the_failure_table(
    postgres: LocalPostgres, open_database: OpenDatabase, statement: str, wanted: type[Exception]
) -> None:
    database = open_database(app_url(postgres))
    with pytest.raises(wanted):
        database.read(lambda cursor: cursor.execute(statement.encode()))
    assert database.read(one) == 1


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_what_the_driver_refuses_is_the_rows_fault(
    postgres: LocalPostgres, open_database: OpenDatabase, value: str
) -> None:
    database = open_database(app_url(postgres))
    with pytest.raises(RowsRefusedError):
        database.write(lambda cursor: cursor.execute("select %s", [value]))


@pytest.mark.parametrize(
    "statement",
    [
        # the context quotes the document
        """select * from json_to_recordset('[{"text": "VALE3 60\\u0000"}]') as row (text text)""",
        # the detail quotes the row
        (
            "create temp table kept (text text, number integer check (number > 0)) on commit drop;"
            " insert into kept values ('VALE3 60', 0)"
        ),
    ],
    ids=["context", "detail"],
)
def test_the_error_of_a_refused_row_says_nothing_of_its_text(
    postgres: LocalPostgres, open_database: OpenDatabase, statement: str
) -> None:
    database = open_database(app_url(postgres))
    with pytest.raises(RowsRefusedError) as refused:
        database.write(lambda cursor: cursor.execute(statement.encode(), binary=False))
    assert "VALE3" not in str(refused.value)


def test_a_bug_in_the_work_stays_a_bug_and_the_connection_is_clean_afterwards(
    postgres: LocalPostgres, open_database: OpenDatabase
) -> None:
    database = open_database(app_url(postgres))

    def work(cursor: Cursor) -> None:
        cursor.execute("create temp table gone (a integer)")
        raise ZeroDivisionError

    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            database.write(work)


def test_no_call_leaves_session_state_or_prepared_statements(
    postgres: LocalPostgres, open_database: OpenDatabase
) -> None:
    database = open_database(app_url(postgres))
    for _ in range(20):
        database.check(one)
    rows = database.check(lambda cursor: cursor.execute("select * from pg_prepared_statements").fetchall())
    assert rows == []


def test_a_closed_client_refuses_and_closing_again_is_harmless(
    postgres: LocalPostgres, open_database: OpenDatabase
) -> None:
    database = open_database(app_url(postgres))
    database.close()
    database.close()
    with pytest.raises(DatabaseUnavailableError):
        database.read(one)
