"""The local stack: one command up, really used by the engine, one command down, nothing left."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import cycle, permutations
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
import requests

from ops.local import stack as stack_module
from ops.local._processes import is_alive
from ops.local.ports import free_port
from ops.local.process import ProgramMissingError, ServerStartError
from ops.local.roles import OWNER_ROLE
from ops.local.stack import Stack
from ops.local.stack_ports import StackPorts
from tests.support.forked import run_forked
from tests.support.servers import need_program
from tests.support.stack import eventually, surroundings

NAMES = ["database", "pgbouncer", "redis-master", "redis-replica", "gateway", "engine"]


class StackCommand:
    """``tp-capital stack`` as a person runs it, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = StackPorts(**{name: free_port() for name in StackPorts.__dataclass_fields__})

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_forked(
            *("stack", *arguments, "--state", str(self.folder / "state")),
            environment=surroundings() | {"GATEWAY_POLLING_INTERVAL_MS": "200"},
            folder=self.folder,
        )

    def by(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another program in place of ``tp-capital``."""
        return subprocess.run(
            [sys.executable, "-c", program, "stack", *arguments, "--state", str(self.folder / "state")],
            cwd=self.folder,
            env=surroundings(),
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def parts(self) -> list[dict[str, Any]]:
        parts = json.loads((self.folder / "state" / "parts.json").read_text())
        assert isinstance(parts, list)
        return parts

    def password(self, line: int) -> str:
        return (self.folder / "state" / "passwords").read_text().split()[line]

    @property
    def cache_password(self) -> str:
        return (self.folder / "state" / "cache-password").read_text().strip()


@pytest.fixture
def stack() -> Iterator[StackCommand]:
    for program in ("redis-server", "pgbouncer", "rabbitmq-server"):
        need_program(program)
    command = StackCommand(Path(tempfile.mkdtemp(prefix="tp-capital-stack-", dir="/tmp")))
    yield command
    command("down")
    shutil.rmtree(command.folder, ignore_errors=True)


@pytest.fixture
def base_port() -> int:
    """Find eight free ports in a row."""
    # tests that run at the same time look in places of their own
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    for base in range(20_000 + 500 * worker, 30_000, 8):
        if not any(_listens(base + step) for step in range(8)):
            return base
    pytest.fail("no eight free ports in a row")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_up_use_break_mend_and_down(
    stack: StackCommand, base_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One story, because a whole stack takes seconds to start."""
    done = stack("up", "--gateway", "--json", f"--base-port={base_port}")
    assert done.returncode == 0, done.stderr
    states = json.loads(done.stdout)
    assert [(state["name"], state["healthy"]) for state in states] == [(name, True) for name in NAMES]
    ports = {state["name"]: state["port"] for state in states}
    pids = {state["name"]: state["pid"] for state in states}
    assert ports["database"] == base_port
    assert all(is_alive(pid) for pid in pids.values())

    _the_engine_goes_through_the_pooler(stack, ports)
    _pages_are_read_from_the_replica(ports, stack.cache_password)
    _both_redis_ask_for_a_password(ports)
    _its_settings_lead_other_commands_there(stack)
    _other_ports_are_refused_while_it_runs(stack, base_port)
    with monkeypatch.context() as patch:
        patch.setattr(stack_module, "_READY_S", 1.0)
        _a_part_that_runs_but_hangs_is_named(stack, pids["redis-replica"])

    os.kill(pids["redis-master"], signal.SIGKILL)
    eventually(lambda: not is_alive(pids["redis-master"]))
    shown = stack("status")
    assert shown.returncode == 1
    assert "does not run" in " ".join(shown.stdout.split())
    _what_was_started_before_a_failure_is_told(stack, pids["redis-replica"])
    again = json.loads(stack("up", "--json").stdout)
    assert [state["name"] for state in again] == NAMES
    assert all(state["healthy"] for state in again)
    unchanged = {state["name"] for state in again if state["pid"] == pids[state["name"]]}
    assert unchanged == {*NAMES} - {"redis-master"}, "what runs is left running"
    assert {state["name"]: state["port"] for state in again} == ports, "also for what was started anew"

    down = stack("down")
    assert down.stdout.startswith(
        "stopped: engine, gateway, redis-replica, redis-master, pgbouncer, database"
    )
    assert not [state for state in again if is_alive(state["pid"])]
    assert "drained" in (stack.folder / "state" / "engine.log").read_text()
    assert stack("down").stdout == "nothing was running\n"
    assert stack("status").returncode == 1


def test_one_part_is_stopped_started_and_its_log_shown(stack: StackCommand, base_port: int) -> None:
    # the database alone beside it: a whole stack takes its time
    begin = (
        "import sys; from pathlib import Path; from ops.local.stack import Stack; "
        f"from ops.local.stack_ports import StackPorts as Ports; ports = Ports.from_base({base_port}); "
        "Stack(Path(sys.argv[-1]), ports).up(only='redis-master')"
    )
    assert stack.by(begin, "begin").returncode == 0
    place = Stack(stack.folder / "state")
    database, first = place.part("database"), place.part("redis-master")
    assert stack("stop", "redis-master").stdout == "stopped: redis-master\n"
    assert not first.running
    assert stack("stop", "redis-master").stdout == "redis-master was not running\n"
    assert stack("start", "redis-master").stdout == "redis-master runs\n"
    second = place.part("redis-master")
    assert (second.running, second.pid != first.pid) == (True, True)
    assert stack("restart", "redis-master").stdout == "redis-master runs again\n"
    assert not second.running
    assert (place.part("database"), database.running) == (database, True)
    shown = stack("logs", "redis-master", "--lines", "3")
    assert (shown.returncode, len(shown.stdout.splitlines())) == (0, 3)
    assert first.log in shown.stderr
    follow = [sys.executable, "-m", "ops.cli", "stack", "logs", "redis-master", "-f", "--lines=1"]
    with subprocess.Popen(
        [*follow, "--state", str(stack.folder / "state")],
        cwd=stack.folder,
        env=surroundings(),
        stdout=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stdout
        assert following.stdout.readline()
        assert stack("restart", "redis-master").returncode == 0
        assert any("Ready to accept connections" in line for line in following.stdout)
        following.send_signal(signal.SIGTERM)
    assert following.returncode == 0
    missing = stack("start", "gateway")
    assert (missing.returncode, "no part of this stack: database, redis-master" in missing.stderr) == (
        1,
        True,
    )


def _the_engine_goes_through_the_pooler(stack: StackCommand, ports: dict[str, int]) -> None:
    with psycopg.connect(
        host="127.0.0.1",
        port=ports["pgbouncer"],
        dbname="pgbouncer",
        user=OWNER_ROLE,
        password=stack.password(0),
        autocommit=True,
        # the console speaks the simple protocol only
        cursor_factory=psycopg.ClientCursor,
    ) as console:
        pools = console.execute("show pools").fetchall()
    engines = [pool for pool in pools if pool[:2] == ("tp_capital_db", "tp_capital")]
    assert len(engines) == 1
    assert engines[0][-1] == "transaction"
    clients = engines[0][2]
    assert clients >= 3, "a connection each of readers, writer and probe"


def _its_settings_lead_other_commands_there(stack: StackCommand) -> None:
    kept = stack.folder / "state" / "engine.env"
    assert kept.stat().st_mode & 0o777 == 0o600

    def run(command: str) -> str:
        done = subprocess.run(
            ["sh", "-c", f"set -a; . {kept}; exec {sys.executable} -m ops.cli {command}"],
            cwd=stack.folder,
            env=surroundings(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    # the console of the pooler tells its limits to the role of the engine
    assert "the pooler allows 100 clients" in run("doctor --json")
    assert "checked by restoring it" in run("backup")


def _other_ports_are_refused_while_it_runs(stack: StackCommand, base_port: int) -> None:
    parts = stack.parts()
    settings = (stack.folder / "state" / "engine.env").read_text()
    done = stack("up", "--gateway", f"--base-port={base_port + 100}")
    assert done.returncode == 2, "wrong usage"
    assert "keep running" not in done.stderr, "nothing was started"
    assert f"database {base_port}" in done.stderr
    assert "`tp-capital stack down` first" in done.stderr
    assert stack.parts() == parts
    assert all(is_alive(part["pid"]) for part in parts)
    assert (stack.folder / "state" / "engine.env").read_text() == settings


def _a_part_that_runs_but_hangs_is_named(stack: StackCommand, replica: int) -> None:
    os.kill(replica, signal.SIGSTOP)
    try:
        with pytest.raises(
            ServerStartError, match=r"(?s)^redis-replica runs .*not in sync.*redis-replica\.log"
        ):
            Stack(stack.folder / "state", gateway=True).up()
    finally:
        os.kill(replica, signal.SIGCONT)


def _what_was_started_before_a_failure_is_told(stack: StackCommand, replica: int) -> None:
    impatient = "from ops.local import stack; stack._READY_S = 1.0; from ops.cli import app; app()"
    os.kill(replica, signal.SIGSTOP)
    try:
        done = stack.by(impatient, "up")
    finally:
        os.kill(replica, signal.SIGCONT)
    assert done.returncode == 1
    assert "redis-replica runs" in done.stderr
    assert "parts that were started keep running" in done.stderr


def _both_redis_ask_for_a_password(ports: dict[str, int]) -> None:
    for name in ("redis-master", "redis-replica"):
        with redis.Redis(port=ports[name]) as anybody, pytest.raises(redis.RedisError, match=r"(?i)auth"):
            anybody.ping()


def _pages_are_read_from_the_replica(ports: dict[str, int], password: str) -> None:
    url = f"http://127.0.0.1:{ports['engine']}/api/v1/signals?limit=5"
    eventually(lambda: len(requests.get(url, timeout=30).json()["data"]) == 5, what="the sample's signals")
    with redis.Redis(port=ports["redis-replica"], password=password) as replica:

        def hits() -> int:
            stats = replica.info("stats")
            assert isinstance(stats, dict)
            return int(stats["keyspace_hits"])

        before = hits()
        # one page under many addresses: the process keeps its own answer to an address
        addresses = cycle(permutations(("asset=", "channel=", "type=", "side=", "search=")))

        def read() -> bool:
            assert requests.get("&".join((url, *next(addresses))), timeout=30).status_code == 200
            return hits() >= before + 5

        eventually(read, what="no page came from the replica")
    with redis.Redis(port=ports["redis-master"], password=password) as master:
        limits = master.config_get("maxmemory", "maxmemory-policy")
    assert limits == {"maxmemory": str(256 * 1024 * 1024), "maxmemory-policy": "allkeys-lru"}


@pytest.mark.parametrize("command", ["stop", "start", "restart", "logs"])
def test_a_part_of_no_stack_is_told_in_a_sentence(tmp_path: Path, command: str) -> None:
    done = StackCommand(tmp_path)(command, "engine")
    assert done.returncode == 1
    assert done.stderr == "tp-capital: engine is no part of this stack: none was started.\n"


def test_a_port_in_use_is_named_before_anything_starts(stack: StackCommand, base_port: int) -> None:
    with socket.create_server(("127.0.0.1", base_port + 3)):
        done = stack("up", f"--base-port={base_port}")
    assert done.returncode == 1
    assert f"redis-replica {base_port + 3}" in done.stderr
    assert "--base-port" in done.stderr
    assert "Traceback" not in done.stderr
    assert "keep running" not in done.stderr, "nothing runs"
    assert not (stack.folder / "state" / "postgres").exists()


def test_a_missing_program_is_named_with_its_remedy_before_anything_starts(
    stack: StackCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(name: str, *, package: str) -> str:
        raise ProgramMissingError(f"{name} is not installed: apt install {package}")

    monkeypatch.setattr(stack_module, "find_program", find)
    with pytest.raises(ProgramMissingError, match="apt install"):
        Stack(stack.folder / "state", stack.ports).up()
    assert not (stack.folder / "state" / "postgres").exists()


def test_two_at_once_do_not_mix(stack: StackCommand) -> None:
    folder = stack.folder / "state"
    one = Stack(folder, stack.ports)
    folder.mkdir()
    with one._locked():
        done = stack("down")
    assert done.returncode == 1
    assert "wait for its end" in done.stderr


def test_a_broker_is_added_to_a_stack_that_runs_and_goes_with_it(stack: StackCommand, base_port: int) -> None:
    assert stack("up", "--gateway", f"--base-port={base_port}").returncode == 0
    without = {part["name"]: part["pid"] for part in stack.parts()}
    done = stack("up", "--broker", "--json")
    assert done.returncode == 0, done.stderr
    states = {state["name"]: state for state in json.loads(done.stdout)}
    assert list(states) == [*NAMES[:4], "epmd", "broker", *NAMES[4:]]
    assert all(state["healthy"] for state in states.values())
    anew = {name for name, pid in without.items() if states[name]["pid"] != pid}
    assert anew == {"gateway", "engine"}, "who must know the broker"

    engine, gateway = (f"http://127.0.0.1:{states[name]['port']}" for name in ("engine", "gateway"))

    def broker_works() -> bool:
        checks = (requests.get(f"{url}/health", timeout=10).json()["checks"] for url in (engine, gateway))
        return all(check.get("broker") == "healthy" for check in checks)

    eventually(broker_works, what="the broker's checks")
    # the node has other arguments than its start script had: it is still known
    assert stack("restart", "broker").returncode == 0
    again = {part["name"]: part["pid"] for part in stack.parts()}
    assert {name for name, pid in again.items() if states[name]["pid"] != pid} == {"broker"}
    eventually(broker_works, what="the broker's checks after its restart")

    assert stack("down").stdout.startswith("stopped: engine, gateway, broker, epmd, ")
    assert not [pid for pid in again.values() if is_alive(pid)]
