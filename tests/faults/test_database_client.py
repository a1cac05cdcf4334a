"""The database's client before a server that stops, dies, freezes or loses the network."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ops.local.postgres import LocalPostgres
from ops.local.process import wait_until
from storage.errors import DatabaseUnavailableError
from storage.postgres import database as database_module
from storage.postgres.database import Cursor, Database
from tests.support.clients import OpenDatabase, databases
from tests.support.proxy import TcpProxy
from tests.support.servers import copied_cluster, server_folder

PASSWORD = "s3cret-word"


@pytest.fixture(scope="module")
def own_server(cluster: Path) -> Iterator[LocalPostgres]:
    """Run a server that only this module breaks."""
    settings = {"fsync": "off", "max_connections": "30"}
    with (
        server_folder() as folder,
        LocalPostgres(copied_cluster(cluster, folder), settings=settings) as server,
    ):
        server.create_role("app", PASSWORD)
        yield server


@pytest.fixture
def server(own_server: LocalPostgres) -> LocalPostgres:
    """Give the server, running again whatever the test before did to it."""
    own_server.thaw()
    own_server.start()
    return own_server


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


def app_url(
    server: LocalPostgres, *, port: int | None = None, password: str = PASSWORD, name: str = "postgres"
) -> str:
    url = server.dsn(name, "app", password)
    return url.replace(f":{server.port}/", f":{port or server.port}/")


def duration_s(call: Callable[[], object]) -> float:
    start = time.monotonic()
    with pytest.raises(DatabaseUnavailableError):
        call()
    return time.monotonic() - start


def recovers(database: Database) -> bool:
    def answered() -> bool:
        try:
            return bool(database.read(one) == 1)
        except DatabaseUnavailableError:
            return False

    return wait_until(answered, deadline_s=30)


POOLS = ["read", "write", "check"]


# ── stopped, killed, restarted ───────────────────────────────────────────────


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_server_that_is_gone_is_an_answer_soon_and_its_return_is_noticed(
    server: LocalPostgres, open_database: OpenDatabase, how: str
) -> None:
    database = open_database(app_url(server))
    assert database.read(one) == 1
    getattr(server, how)()
    assert duration_s(lambda: database.read(one)) < 4
    with pytest.raises(DatabaseUnavailableError, match="refused"):
        database.read(one)
    server.start()
    assert recovers(database)


def test_a_server_that_is_down_at_the_start_holds_nothing_up_and_is_used_when_it_comes_fault_16(
    server: LocalPostgres, open_database: OpenDatabase
) -> None:
    url = app_url(server)
    server.stop()
    start = time.monotonic()
    database = open_database(url)
    assert time.monotonic() - start < 2.5  # connecting may take 3 s
    assert duration_s(lambda: database.check(one)) < 4
    server.start()
    assert recovers(database)


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_the_first_call_after_a_restart_succeeds_though_all_pooled_connections_are_stale(
    server: LocalPostgres, open_database: OpenDatabase, pool: str, how: str
) -> None:
    database = open_database(app_url(server))
    fill(database, pool)
    getattr(server, how)()
    server.start()
    assert getattr(database, pool)(one) == 1


def fill(database: Database, pool: str) -> None:
    """Make the lane open all its connections."""
    size = database.stats()["probe" if pool == "check" else pool].maximum
    together = threading.Barrier(size)

    def work(cursor: Cursor) -> None:
        one(cursor)
        together.wait(timeout=10)

    with ThreadPoolExecutor(size) as threads:
        for future in [threads.submit(getattr(database, pool), work) for _ in range(size)]:
            future.result(timeout=15)


def test_a_write_that_broke_in_the_middle_runs_again_as_a_whole(
    server: LocalPostgres, open_database: OpenDatabase
) -> None:
    database = open_database(server.dsn())
    database.write(lambda cursor: cursor.execute("create table if not exists written (a integer)"))
    database.write(lambda cursor: cursor.execute("truncate written"))
    attempts = []

    def work(cursor: Cursor) -> None:
        attempts.append(cursor.connection.info.backend_pid)
        cursor.execute("insert into written values (1)")
        if len(attempts) == 1:
            with psycopg.connect(server.dsn(), autocommit=True) as other:
                other.execute("select pg_terminate_backend(%s, 5000)", [attempts[0]])
        cursor.execute("insert into written values (2)")

    database.write(work)
    assert len(attempts) == 2
    rows = database.read(lambda cursor: cursor.execute("select a from written order by a").fetchall())
    assert [row["a"] for row in rows] == [1, 2]


def test_an_idle_transaction_that_the_role_does_not_allow_is_run_again(
    server: LocalPostgres, open_database: OpenDatabase
) -> None:
    """As after a daemon was frozen: the limit on the role has ended its transaction and its connection."""
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        admin.execute("alter role app set idle_in_transaction_session_timeout = '50ms'")
    try:
        database = open_database(app_url(server))
        pids: list[int] = []

        def work(cursor: Cursor) -> Any:
            one(cursor)
            pids.append(cursor.connection.info.backend_pid)
            if len(pids) == 1:
                assert wait_until(lambda: not alive(server, pids[0]), deadline_s=30)
            return one(cursor)

        assert database.write(work) == 1
        assert len(set(pids)) == 2
    finally:
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute("alter role app reset idle_in_transaction_session_timeout")


def alive(server: LocalPostgres, pid: int) -> bool:
    with psycopg.connect(server.dsn()) as connection:
        return bool(connection.execute("select 1 from pg_stat_activity where pid = %s", [pid]).fetchone())


# ── frozen ───────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("short_deadlines")
@pytest.mark.parametrize("pool", POOLS)
def test_a_frozen_server_costs_no_more_than_the_deadline(
    server: LocalPostgres, open_database: OpenDatabase, pool: str
) -> None:
    database = open_database(app_url(server))
    assert getattr(database, pool)(one) == 1
    server.freeze()
    try:
        assert duration_s(lambda: getattr(database, pool)(one)) < 4
        assert duration_s(lambda: getattr(database, pool)(one)) < 4, "without a pooled connection too"
    finally:
        server.thaw()
    assert recovers(database)


@pytest.mark.usefixtures("short_deadlines")
def test_a_statement_past_the_deadline_is_cut_and_says_so(
    server: LocalPostgres, open_database: OpenDatabase
) -> None:
    database = open_database(app_url(server))
    with pytest.raises(DatabaseUnavailableError, match=r"no answer within 0\.3 s; the connection was cut"):
        database.read(lambda cursor: cursor.execute("select pg_sleep(20)"))
    assert database.read(one) == 1


@pytest.mark.usefixtures("short_deadlines")
def test_a_network_that_freezes_is_cut_at_the_deadline(
    server: LocalPostgres, open_database: OpenDatabase
) -> None:
    with TcpProxy("127.0.0.1", server.port) as proxy:
        database = open_database(app_url(server, port=proxy.port))
        assert database.read(one) == 1
        proxy.freeze()
        assert duration_s(lambda: database.read(one)) < 4
        proxy.thaw()
        assert recovers(database)
        database.close()


def test_a_cut_network_costs_the_caller_nothing(server: LocalPostgres, open_database: OpenDatabase) -> None:
    with TcpProxy("127.0.0.1", server.port) as proxy:
        database = open_database(app_url(server, port=proxy.port))
        for pool in POOLS:
            fill(database, pool)
        proxy.cut()
        for pool in POOLS:
            assert getattr(database, pool)(one) == 1
        database.close()


def test_a_network_that_is_cut_in_the_middle_of_a_call_costs_the_caller_nothing(
    server: LocalPostgres, open_database: OpenDatabase
) -> None:
    with TcpProxy("127.0.0.1", server.port) as proxy:
        database = open_database(app_url(server, port=proxy.port))
        calls = []

        def work(cursor: Cursor) -> Any:
            calls.append(1)
            if len(calls) == 1:
                proxy.cut()
            return one(cursor)

        assert database.write(work) == 1
        assert len(calls) == 2
        database.close()
