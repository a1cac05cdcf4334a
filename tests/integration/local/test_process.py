"""An owned process: what start, stop, freeze and a failure look like from outside."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ops.local._processes import children_of, command_line_of, is_alive
from ops.local.ports import HOST
from ops.local.process import OwnedProcess, ServerStartError, wait_until

_STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""
_ENDING = """
import ctypes, platform, socket, sys, threading, time
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
threading.Thread(target=time.sleep, args=(60,)).start()
sys.stdin.readline()
ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[platform.machine()], 0)
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def sleeper(log: Path) -> Iterator[OwnedProcess]:
    with OwnedProcess("sleeper", ["/bin/sleep", "60"], log_path=log) as process:
        process.start()
        yield process


def _pid(process: OwnedProcess) -> int:
    assert process.pid is not None
    return process.pid


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_stop_ends_it_by_its_stop_signal_and_may_be_repeated(sleeper: OwnedProcess) -> None:
    pid = _pid(sleeper)
    assert sleeper.running
    sleeper.stop()
    sleeper.stop()
    assert not sleeper.running
    assert not is_alive(pid)


def test_one_that_ignores_the_signal_is_killed_after_the_deadline(log: Path) -> None:
    with OwnedProcess("deaf", [sys.executable, "-c", _STUBBORN], log_path=log) as process:
        process.start()
        process.wait_ready(lambda: "deaf" in process.log_tail(), deadline_s=30)
        process.stop(deadline_s=0.1)
        assert not process.running


def test_one_that_ends_while_starting_is_reported_with_its_last_words(log: Path) -> None:
    log.write_text("words of an earlier run\n")
    process = OwnedProcess("brief", ["/bin/sh", "-c", "echo no such luck; exit 3"], log_path=log)
    process.start()
    with pytest.raises(ServerStartError, match="ended while starting") as caught:
        process.wait_ready(lambda: False, deadline_s=10)
    assert "no such luck" in str(caught.value)
    assert "earlier run" not in str(caught.value)


def test_one_that_is_not_ready_in_time_is_reported_and_still_there(sleeper: OwnedProcess) -> None:
    with pytest.raises(ServerStartError, match=r"not ready after 0\.1 s"):
        sleeper.wait_ready(lambda: False, deadline_s=0.1)
    assert sleeper.running


def test_a_probe_answered_by_another_does_not_make_a_dead_one_ready(log: Path) -> None:
    process = OwnedProcess("dead", ["/bin/true"], log_path=log)
    process.start()
    assert wait_until(lambda: not process.running, deadline_s=30)
    with pytest.raises(ServerStartError, match="ended while starting"):
        process.wait_ready(lambda: True, deadline_s=1)


def test_a_program_that_is_not_there_is_a_start_error(log: Path) -> None:
    with pytest.raises(ServerStartError, match="could not be started"):
        OwnedProcess("nothing", ["/nowhere/server"], log_path=log).start()


def test_freeze_holds_children_too_and_thaw_lets_all_go_on(log: Path) -> None:
    command = ["/bin/sh", "-c", "sleep 60 & echo forked; wait"]
    with OwnedProcess("family", command, log_path=log) as process:
        process.start()
        process.wait_ready(lambda: "forked" in process.log_tail(), deadline_s=30)
        (child,) = children_of(_pid(process))
        family = (_pid(process), child)
        process.freeze()
        assert wait_until(lambda: all(_state(pid) == "T" for pid in family), deadline_s=30)
        process.thaw()
        assert wait_until(lambda: all(_state(pid) == "S" for pid in family), deadline_s=30)
        os.kill(child, signal.SIGTERM)


def test_one_that_ended_uncollected_is_not_alive() -> None:
    child = subprocess.Popen(["/bin/true"])
    assert wait_until(lambda: not is_alive(child.pid), deadline_s=30)
    assert child.wait() == 0


def test_an_adopted_process_is_stopped_and_a_stranger_with_its_number_is_not(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = subprocess.Popen(["/bin/sleep", "60"])
    try:
        adopted = OwnedProcess("sleeper", ["/bin/sleep", "60"], log_path=log)
        adopted.adopt(child.pid)
        assert adopted.running
        with monkeypatch.context() as patch:
            # As if a program that was started later had the number now.
            patch.setattr(psutil.Process, "is_running", lambda _self: False)
            adopted.stop()
        assert child.poll() is None
        adopted.stop()
        assert child.wait(5) == -signal.SIGTERM
    finally:
        child.kill()
        child.wait()


def test_an_adopted_process_that_is_ending_and_still_holds_its_port_has_not_ended(log: Path) -> None:
    # Its first thread ends, as in the moment of a process's end: it has no arguments any more.
    command = [sys.executable, "-c", _ENDING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        port = int(child.stdout.readline())
        adopted = OwnedProcess("ending", command, log_path=log)
        adopted.adopt(child.pid)
        child.stdin.write("end\n")
        child.stdin.flush()
        assert wait_until(lambda: command_line_of(child.pid) == (), deadline_s=30)
        socket.create_connection((HOST, port)).close()
        assert adopted.running
        adopted.stop()
        assert not adopted.running
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((HOST, port))


def test_it_has_a_session_of_its_own_so_ctrl_c_does_not_reach_it(sleeper: OwnedProcess) -> None:
    assert os.getsid(_pid(sleeper)) == sleeper.pid
