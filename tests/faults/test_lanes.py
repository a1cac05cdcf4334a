"""The lanes of the database's client in outages with crowds, with nobody, and with peers that are silent."""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ops.local.postgres import LocalPostgres
from ops.local.process import wait_until
from storage.errors import DatabaseUnavailableError
from storage.postgres import database as database_module
from storage.postgres.database import Cursor, Database
from tests.support.clients import OpenDatabase, databases
from tests.support.proxy import TcpProxy
from tests.support.servers import copied_cluster, free_port, pgbouncer, server_folder

PASSWORD = "s3cret-word"
LANES = ["read", "write", "check"]
#: more than may wait in a lane at once
CROWD = 250


@pytest.fixture(scope="module")
def server(cluster: Path) -> Iterator[LocalPostgres]:
    """Run a server that only this module breaks."""
    settings = {"fsync": "off", "max_connections": "60"}
    with (
        server_folder() as folder,
        LocalPostgres(copied_cluster(cluster, folder), settings=settings) as server,
    ):
        server.create_role("app", PASSWORD)
        yield server


@pytest.fixture
def open_database() -> Iterator[OpenDatabase]:
    with databases() as open_one:
        yield open_one


@pytest.fixture
def proxy(server: LocalPostgres) -> Iterator[TcpProxy]:
    with TcpProxy("127.0.0.1", server.port) as one:
        yield one


def one(cursor: Cursor) -> Any:
    row = cursor.execute("select 1 as one").fetchone()
    return row["one"] if row else None


def url_of(server: LocalPostgres, port: int) -> str:
    return server.dsn("postgres", "app", PASSWORD).replace(f":{server.port}/", f":{port}/")


def outcome(call: Callable[[], object]) -> str:
    try:
        call()
    except DatabaseUnavailableError as error:
        return str(error)
    return "served"


def ask(database: Database, pool: str) -> str:
    return outcome(lambda: getattr(database, pool)(one))


def crowd(database: Database, pool: str = "read", size: int = CROWD) -> list[str]:
    """Have that many ask at once; return what each was told."""
    with ThreadPoolExecutor(size) as threads:
        return list(threads.map(lambda _: ask(database, pool), range(size)))


def serves(database: Database, pool: str, deadline_s: float) -> bool:
    return wait_until(lambda: ask(database, pool) == "served", deadline_s=deadline_s)


def assert_all_serve(database: Database, *, within_s: float = 10.0) -> None:
    start = time.monotonic()
    for pool in LANES:
        left_s = start + within_s - time.monotonic()
        assert serves(database, pool, left_s), f"{pool}: {ask(database, pool)}"


# ── crowds and long outages: fault 92 ────────────────────────────────────────


@pytest.mark.parametrize("how", ["refuse", "freeze"])
def test_fault_92_a_crowd_in_an_outage_leaves_every_lane_able_to_connect(
    server: LocalPostgres, proxy: TcpProxy, open_database: OpenDatabase, how: str
) -> None:
    database = open_database(url_of(server, proxy.port))
    for pool in LANES:
        assert getattr(database, pool)(one) == 1
    getattr(proxy, how)()
    proxy.cut()
    start = time.monotonic()
    for pool in LANES:
        assert "served" not in crowd(database, pool)
    assert time.monotonic() - start < 30
    assert {pool: stats.waiting for pool, stats in database.stats().items()} == dict.fromkeys(
        ["read", "write", "probe"], 0
    ), "who has given up waits no more"
    proxy.accept()
    proxy.thaw()
    assert_all_serve(database)
    # as many at once as may ever wait
    assert crowd(database, size=150) == ["served"] * 150
    database.close()


@pytest.mark.parametrize("how", ["refuse", "freeze"])
def test_fault_92_an_hour_of_looks_without_readers_leaves_every_lane_able_to_connect(
    server: LocalPostgres,
    proxy: TcpProxy,
    open_database: OpenDatabase,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    """As many looks as each part of the engine takes in an hour of outage, in shorter time."""
    monkeypatch.setattr(database_module, "CONNECT_WAIT_S", 0.005)
    database = open_database(url_of(server, proxy.port))
    for pool in LANES:
        assert serves(database, pool, 5)
    getattr(proxy, how)()
    proxy.cut()
    looks, until_s = 0, time.monotonic() + 5
    while looks < CROWD or time.monotonic() < until_s:
        looks += 1
        for pool in LANES:
            assert ask(database, pool) != "served"
    monkeypatch.undo()
    proxy.accept()
    proxy.thaw()
    assert_all_serve(database)
    database.close()


def test_fault_92_sixty_readers_on_a_frozen_server_hold_up_nobody_once_it_goes_on(
    server: LocalPostgres, open_database: OpenDatabase
) -> None:
    """Thirty seconds, run by hand, end the same way."""
    database = open_database(server.dsn("postgres", "app", PASSWORD), pool_max=25)
    assert crowd(database, size=60) == ["served"] * 60
    over = threading.Event()

    def ask_on() -> None:
        while not over.is_set():
            ask(database, "read")

    with ThreadPoolExecutor(60) as threads:
        server.freeze()
        try:
            for _ in range(60):
                threads.submit(ask_on)
            for _ in range(3):
                assert ask(database, "write") != "served"
                assert ask(database, "check") != "served"
        finally:
            server.thaw()
        try:
            assert_all_serve(database)
        finally:
            over.set()


def test_fault_92_a_pooler_that_was_killed_is_used_again_by_every_lane(
    server: LocalPostgres, open_database: OpenDatabase
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="tp-capital-tests-", dir="/tmp"))
    port = free_port()
    try:
        database = open_database(url_of(server, port))
        with pgbouncer(folder, server, ["app"], listen_port=str(port)) as pooler:
            assert_all_serve(database)
            pooler.kill()
            assert "served" not in crowd(database, size=300)
            assert ask(database, "write").startswith("no connection")
        with pgbouncer(folder, server, ["app"], listen_port=str(port)):
            assert_all_serve(database)
            database.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_the_cause_told_is_that_of_the_last_attempt(
    server: LocalPostgres, proxy: TcpProxy, open_database: OpenDatabase
) -> None:
    database = open_database(url_of(server, proxy.port))
    assert_all_serve(database)
    proxy.refuse()
    proxy.cut()
    assert "nothing listens there" in ask(database, "check")
    proxy.accept()
    proxy.freeze()
    for _ in range(2):
        assert "no answer" in ask(database, "check")
    proxy.thaw()
    database.close()


# ── silent peers: fault 94 ───────────────────────────────────────────────────


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


@pytest.mark.parametrize("first", LANES)
def test_fault_94_one_silent_connection_renews_all_lanes(
    server: LocalPostgres, proxy: TcpProxy, open_database: OpenDatabase, first: str
) -> None:
    database = open_database(url_of(server, proxy.port))
    for pool in LANES:
        fill(database, pool)
    proxy.forget()
    start = time.monotonic()
    assert getattr(database, first)(one) == 1
    assert time.monotonic() - start < 5.5, "one silent connection is cut, not each of them"
    start = time.monotonic()
    for pool in LANES:
        assert getattr(database, pool)(one) == 1
    assert time.monotonic() - start < 2.5, "a lane that waits takes over 3 s"
    database.close()


def test_fault_94_a_peer_that_falls_silent_in_the_middle_of_a_write_costs_less_than_ten_seconds(
    server: LocalPostgres, proxy: TcpProxy, open_database: OpenDatabase
) -> None:
    database = open_database(url_of(server, proxy.port))
    fill(database, "write")
    calls = []

    def work(cursor: Cursor) -> Any:
        calls.append(1)
        if len(calls) == 1:
            proxy.forget()
        return one(cursor)

    start = time.monotonic()
    assert "the connection was cut" in outcome(lambda: database.write(work))
    assert database.stats()["write"].longest_s == 0
    assert database.write(work) == 1
    assert time.monotonic() - start < 10
    database.close()
