"""Servers the tests start themselves, and what happens without them."""

import re
from pathlib import Path

import psycopg
import pytest

from ops.local.process import wait_until
from tests.support.databases import Server
from tests.support.servers import PACKAGES, free_port, need_program, redis_server, speaks


def test_a_redis_and_its_replica_answer_until_they_are_stopped(tmp_path: Path) -> None:
    primary_port, replica_port = free_port(), free_port()
    with redis_server(tmp_path, primary_port) as primary, redis_server(tmp_path, replica_port, primary_port):
        assert speaks(primary_port, b"SET k v\r\n", b"+OK")
        assert wait_until(lambda: speaks(replica_port, b"GET k\r\n", b"$1\r\nv"), deadline_s=30)
        primary.freeze()
        assert not speaks(primary_port, b"PING\r\n", b"+PONG")
        primary.thaw()
        assert speaks(primary_port, b"PING\r\n", b"+PONG")
    assert not speaks(primary_port, b"PING\r\n", b"+PONG")
    assert not speaks(replica_port, b"PING\r\n", b"+PONG")


def test_a_missing_program_skips_here_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-server is not installed"):
        need_program("no-such-server")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"apt install redis-server .*pgbouncer"):
        need_program("no-such-server")


def test_the_package_list_holds_names_only() -> None:
    lines = PACKAGES.read_text().split("\n")
    assert {"redis-server", "pgbouncer", "postgresql"} <= set(lines)
    assert all(re.fullmatch(r"[a-z0-9.+-]+", line) for line in lines[:-1])


def test_fault_73_a_role_is_removed_with_its_rights_in_every_database(server: Server) -> None:
    """As after each test: two tests of one process may make the same role."""
    url = server.create(migrated=True)
    try:
        before = server.roles()
        for _ in range(2):
            server.make_role("reader", "pw")
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("grant select on signals.ledger to reader")
                connection.execute("create schema of_reader authorization reader")
            server.forget_roles({"reader"})
            assert server.roles() == before
    finally:
        server.drop(url)
