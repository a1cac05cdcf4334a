"""A primary and its standby behind one name: who writes follows the name, and nobody stays on the old one."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ops.local._account import server_account
from ops.local.postgres import LocalPostgres
from ops.local.process import wait_until
from storage.errors import DatabaseUnavailableError
from storage.postgres.database import Database
from tests.support.clients import OpenDatabase, databases
from tests.support.messages import CHANNEL, expected_price, put, signal_message, stored_signals
from tests.support.proxy import TcpProxy
from tests.support.servers import free_port, need_program, pgbouncer, server_folder
from tests.support.stack import EngineProcess, GatewayProcess, engine_environment, eventually

PASSWORD = "s3cret-word"
LANES = ["read", "write", "check"]


@pytest.fixture
def folder() -> Iterator[Path]:
    with server_folder() as path:
        yield path


@pytest.fixture
def primary(folder: Path) -> Iterator[LocalPostgres]:
    with LocalPostgres(folder / "first", settings={"fsync": "off"}, system=True) as server:
        server.create_role("app", PASSWORD)
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute("create table written (number integer)")
            connection.execute("grant select, insert on written to app")
        yield server


@pytest.fixture
def standby(folder: Path, primary: LocalPostgres) -> Iterator[LocalPostgres]:
    second = folder / "second"
    second.mkdir()
    shutil.copy2(primary.password_path, second / primary.password_path.name)
    program, account = need_program("pg_basebackup"), server_account()
    if account:
        os.chown(second, account.uid, account.gid)
        folder.chmod(0o711)
    subprocess.run(
        [program, "-D", str(second / "data"), "-d", primary.dsn(), "-R", "-X", "stream", "-c", "fast"],
        check=True,
        cwd="/",
        user=account.uid if account else None,
        group=account.gid if account else None,
        capture_output=True,
    )
    with LocalPostgres(second, settings={"fsync": "off"}, system=True) as server:
        yield server


class _Named:
    """What PgBouncer is put before: a name, wherever it leads."""

    def __init__(self, url: str) -> None:
        self._url = url

    def dsn(self) -> str:
        return self._url


@pytest.fixture
def open_database() -> Iterator[OpenDatabase]:
    with databases() as open_one:
        yield open_one


def ask(database: Database, pool: str, statement: str = "select 1") -> str:
    try:
        getattr(database, pool)(lambda cursor: cursor.execute(statement.encode()))
    except DatabaseUnavailableError as error:
        return str(error)
    return "served"


@pytest.mark.parametrize("pooled", [False, True], ids=["direct", "pooled"])
def test_fault_32_lanes_leave_a_standby_within_seconds_of_the_names_change(
    folder: Path, primary: LocalPostgres, standby: LocalPostgres, open_database: OpenDatabase, *, pooled: bool
) -> None:
    with TcpProxy("127.0.0.1", primary.port) as name:
        port, pooler = name.port, None
        if pooled:
            port, place = free_port(), folder / "pooler"
            place.mkdir()
            named = _Named(primary.dsn().replace(f":{primary.port}/", f":{name.port}/"))
            pooler = pgbouncer(place, named, ["app"], listen_port=str(port))
        try:
            url = primary.dsn("postgres", "app", PASSWORD).replace(f":{primary.port}/", f":{port}/")
            _fail_over(open_database(url), name, primary, standby)
        finally:
            if pooler is not None:
                pooler.stop()


def swap(primary: LocalPostgres, standby: LocalPostgres) -> None:
    """Promote the standby; the old primary comes back as one, and the name leads there for a while yet."""
    primary.stop()
    with psycopg.connect(standby.dsn(), autocommit=True) as there:
        there.execute("select pg_promote()")
    (primary.folder / "data" / "standby.signal").touch()
    primary.start()


def _fail_over(database: Database, name: TcpProxy, primary: LocalPostgres, standby: LocalPostgres) -> None:
    for pool in LANES:
        assert wait_until(lambda: ask(database, pool) == "served", deadline_s=10)  # noqa: B023 - called here
    assert ask(database, "write", "insert into written values (1)") == "served"
    with psycopg.connect(standby.dsn(), autocommit=True) as there:
        assert wait_until(
            lambda: there.execute("select number from written").fetchall() == [(1,)], deadline_s=10
        )
    swap(primary, standby)
    until_s = time.monotonic() + 4
    while time.monotonic() < until_s:
        for pool in LANES:
            assert ask(database, pool, "select 2") != "served", "a standby serves nobody"
    assert "standby" in ask(database, "write")
    name.lead_to("127.0.0.1", standby.port)
    changed_s = time.monotonic()
    for pool in LANES:
        left_s = changed_s + 10 - time.monotonic()
        assert wait_until(lambda: ask(database, pool) == "served", deadline_s=left_s), pool  # noqa: B023
    assert ask(database, "write", "insert into written values (2)") == "served"
    with psycopg.connect(standby.dsn()) as there:
        assert there.execute("select number from written order by number").fetchall() == [(1,), (2,)]
    database.close()


@pytest.mark.timeout(240)
def test_fault_32_an_engine_writes_on_within_ten_seconds_of_the_names_change(
    folder: Path, gateway: GatewayProcess, primary: LocalPostgres, standby: LocalPostgres
) -> None:
    def stored(server: LocalPostgres, count: int) -> bool:
        return stored_signals(server.dsn()) == [
            (CHANNEL, str(n), expected_price(n)) for n in range(1, count + 1)
        ]

    with TcpProxy("127.0.0.1", primary.port) as name:
        url = primary.dsn().replace(f":{primary.port}/", f":{name.port}/")
        with EngineProcess(engine_environment(url, gateway.url), folder) as engine:
            engine.wait_healthy()
            put(gateway.database_url, (signal_message(n) for n in range(1, 6)))
            eventually(lambda: stored(standby, 5))
            swap(primary, standby)
            put(gateway.database_url, (signal_message(n) for n in range(6, 11)))
            eventually(lambda: "standby" in (engine.detail("timescaledb", "error") or ""))
            assert engine.check("timescaledb") == "unhealthy"
            assert [engine.get(path).status_code for path in ("/health", "/readyz", "/livez")] == [
                503,
                503,
                200,
            ]
            name.lead_to("127.0.0.1", standby.port)
            changed_s = time.monotonic()
            eventually(lambda: stored(standby, 10), deadline_s=10)
            engine.wait_healthy(changed_s + 10 - time.monotonic())
            assert engine.get("/readyz").status_code == 200
            put(gateway.database_url, [signal_message(11)])
            eventually(lambda: stored(standby, 11))
            assert engine.terminate() == 0
        assert stored(standby, 11), "the end writes nothing twice"
        assert stored(primary, 5), "nothing went to the old one"
