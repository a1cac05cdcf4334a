"""What a service manager hears from a real daemon, over a real socket."""

import os
import secrets
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from ops.daemon import watch
from ops.daemon.notify import ServiceManager
from tests.support.stack import EngineProcess, engine_environment, eventually, running_daemon

NOWHERE = "http://127.0.0.1:1"
#: a database that is away, refused at once
AWAY = "postgresql://tp_capital@127.0.0.1:1/none"


class Listener:
    """A manager's end of the socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.words: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)

    def hear(self) -> list[str]:
        """Return all that was said up to now."""
        while True:
            try:
                self.words.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return self.words

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    listener = Listener(str(tmp_path / "notify"))
    yield listener
    listener.close()


def test_a_daemon_says_ready_alive_and_stopping_though_its_database_is_away(
    listener: Listener, tmp_path: Path
) -> None:
    watched = {"NOTIFY_SOCKET": listener.address, "WATCHDOG_USEC": "400000"}
    with EngineProcess(engine_environment(AWAY, NOWHERE, **watched), tmp_path) as engine:
        eventually(lambda: "READY=1" in listener.hear(), what="READY=1 was not told")
        assert engine.get("/livez").status_code == 200, "ready means that it serves"
        before = listener.hear().count("WATCHDOG=1")
        eventually(lambda: listener.hear().count("WATCHDOG=1") >= before + 2)
        eventually(lambda: any("STATUS=unhealthy; timescaledb: " in word for word in listener.hear()))

        assert engine.process is not None
        engine.process.send_signal(signal.SIGSTOP)
        heard = len(listener.hear())
        # two periods in which it would have spoken
        threading.Event().wait(0.6)
        assert len(listener.hear()) <= heard + 1, "held still, and still said to be alive"
        engine.process.send_signal(signal.SIGCONT)
        eventually(lambda: listener.hear().count("WATCHDOG=1") >= before + 4)

        assert "STOPPING=1" not in listener.hear()
        assert engine.terminate() == 0
        said = listener.hear()
    assert said.index("READY=1") < said.index("STOPPING=1")
    assert said.count("READY=1") == said.count("STOPPING=1") == 1


def test_main_gives_up_a_supervisor_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a manager that watches nobody else would notice; the process ends and is started again."""
    monkeypatch.setattr(watch, "is_live", lambda _: False)
    monkeypatch.setattr(watch, "GIVE_UP_S", 1.5)
    with running_daemon(engine_environment(AWAY, NOWHERE)) as engine:
        assert engine.daemon.wait(threading.Event()) is False
        assert not engine.daemon.finished.is_set(), "the actors had not ended by themselves"


def test_an_abstract_socket_is_reached() -> None:
    listener = Listener(f"@tp-capital-{secrets.token_hex(8)}")
    try:
        ServiceManager.of({"NOTIFY_SOCKET": listener.address}).ready()
        assert listener.hear() == ["READY=1"]
    finally:
        listener.close()


def test_a_socket_nobody_listens_on_is_logged_and_no_more(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logged:
        ServiceManager(str(tmp_path / "gone")).ready()
    assert [(line["event"], line["word"]) for line in logged] == [("manager.not_told", "READY")]


@pytest.mark.parametrize(
    ("environment", "watchdog_s"),
    [
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000"}, 30.0),
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "0"}, None),
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "soon"}, None),
        ({"NOTIFY_SOCKET": "vsock:2:1", "WATCHDOG_USEC": "30000000"}, None),
        ({"WATCHDOG_USEC": "30000000"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_ours_only_when_it_is_said_to_be(
    environment: dict[str, str], watchdog_s: float | None
) -> None:
    environment["PATH"] = "/bin"
    assert ServiceManager.of(environment).watchdog_s == watchdog_s
    assert environment == {"PATH": "/bin"}, "children of ours are not watched"


def test_a_status_is_one_line_of_bounded_length(tmp_path: Path) -> None:
    listener = Listener(str(tmp_path / "notify"))
    try:
        ServiceManager(listener.address).status("two\nlines " + "x" * 5000)
        (word,) = listener.hear()
    finally:
        listener.close()
    assert word.startswith("STATUS=two lines x")
    assert len(word) < 250
