"""Whose process is it: a stranger on a port of ours is never asked, never believed, and never acknowledged at."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import ConfigurationError
from ops.http.server.listening import Listening
from ops.local import demo as demo_module
from ops.local._listeners import may_listen
from ops.local._processes import command_line_of
from ops.local.demo import Demo, DemoError
from ops.local.parts_file import PartsFile, StartedPart
from ops.local.ports import free_port
from ops.local.process import OwnedProcess, ServerStartError
from ops.local.stack import Stack
from tests.support.httpstub import HttpStub, json_answer
from tests.support.stack import eventually, surroundings

#: what any gateway would answer, another one's messages among it
BELIEVABLE = json_answer({"success": True, "status": "healthy", "data": [], "count": 0})


@pytest.fixture
def stranger() -> Iterator[HttpStub]:
    with HttpStub(BELIEVABLE) as stub:
        yield stub


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[OwnedProcess]:
    """Give a child of ours that runs and listens nowhere."""
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with OwnedProcess("sleeper", command, log_path=tmp_path / "log") as process:
        process.start()
        # the kernel shows the arguments of a program a moment after it has begun it
        eventually(lambda: command_line_of(process.pid or 0) == tuple(command))
        yield process


def test_fault_29_a_demo_whose_gateways_port_is_taken_ends_before_anything_starts(
    stranger: HttpStub, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ops.cli",
            "demo",
            f"--port={stranger.port - 2}",
            f"--state={state}",
            "--for=1",
        ],
        env=surroundings(),
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"port {stranger.port}" in done.stderr
    assert "taken" in done.stderr
    assert list(state.iterdir()) == []
    assert stranger.requests == ()


def test_a_demo_stops_what_a_killed_one_left_in_its_folder(
    sleeper: OwnedProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the demo goes no further than to its look at the gateway's port
    monkeypatch.setattr(demo_module, "is_taken", lambda _port: True)
    PartsFile(tmp_path).write([StartedPart.of("gateway", sleeper, port=free_port())])
    listening = Listening("127.0.0.1", 0)
    try:
        with pytest.raises(DemoError, match="taken"):
            Demo(listening, messages=None, state=tmp_path).run(seconds=1)
    finally:
        listening.close()
    assert not sleeper.running
    assert PartsFile(tmp_path).read() == ()


def test_fault_29_a_port_taken_between_the_look_and_the_start_ends_the_child(
    stranger: HttpStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_module, "is_taken", lambda _port: False)
    listening = Listening("127.0.0.1", stranger.port - 2)
    try:
        with pytest.raises((DemoError, ConfigurationError), match="cannot listen"):
            Demo(listening, messages=None, state=tmp_path).run(seconds=1)
    finally:
        listening.close()
    assert stranger.requests == ()


def test_fault_29_an_answer_on_the_port_of_a_child_that_does_not_listen_is_not_its_own(
    stranger: HttpStub, sleeper: OwnedProcess
) -> None:
    def ask() -> bool:
        pytest.fail("the stranger was asked")

    assert not sleeper.listens_on(stranger.port)
    with pytest.raises(ServerStartError, match="not ready"):
        sleeper.wait_ready(ask, deadline_s=0.2, port=stranger.port)


def test_the_listener_is_known_also_beside_a_stranger_on_every_address(tmp_path: Path) -> None:
    port = free_port()
    program = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(60)"
    with OwnedProcess("ours", [sys.executable, "-c", program], log_path=tmp_path / "log") as process:
        process.start()
        eventually(lambda: process.listens_on(port))
        assert not may_listen(os.getpid(), port)


def test_fault_29_a_part_of_the_stack_is_not_healthy_by_the_answer_of_a_stranger(
    stranger: HttpStub, sleeper: OwnedProcess, tmp_path: Path
) -> None:
    assert sleeper.pid is not None
    folder = tmp_path / "stack"
    folder.mkdir()
    part = StartedPart(
        name="gateway",
        host="127.0.0.1",
        port=stranger.port,
        pid=sleeper.pid,
        command=sleeper.command,
        log=str(sleeper.log_path),
    )
    PartsFile(folder).write([part])
    # its arguments are seen a moment after it was started
    eventually(lambda: part.running)
    (state,) = Stack(folder).states()
    assert not state.healthy
    assert "another process" in state.says
    assert stranger.requests == ()
