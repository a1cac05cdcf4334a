"""The demo as a person meets it: other commands in its folder work, from the first second to the last."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from ops.local.ports import free_port
from tests.support.stack import eventually, surroundings

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "ops.cli"]
SETTINGS = ".tp-capital/demo/engine.env"


class Position:
    """A folder with a demo in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = surroundings() | {"PYTHONPATH": str(ROOT), "TP_CAPITAL_QQQ": "1"}
        # of another daemon: the demo does not read it, and the commands beside it do not send it there
        (folder / ".env").write_text("TP_CAPITAL_API_KEY=of-some-other-daemon\n")
        self.demo = subprocess.Popen(
            [*COMMAND, "demo", f"--port={self.port}"],
            cwd=folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def shell(self, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", line.replace("tp-capital ", f"{' '.join(COMMAND)} ")],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Position]:
    place = Position(tmp_path_factory.mktemp("demo"))
    try:
        yield place
    finally:
        if place.demo.poll() is None:
            # not killed: it has a database and a gateway to stop
            place.demo.terminate()
        place.demo.communicate(timeout=60)


def test_commands_work_in_the_folder_of_a_demo_from_its_first_second_on(place: Position) -> None:
    settings = place.folder / SETTINGS
    eventually(settings.exists, what="no settings before the parts are there")
    assert not (place.folder / ".tp-capital/demo/parts.json").exists(), "the parts were started first"
    assert "TP_CAPITAL_API_KEY=" in settings.read_text()
    assert settings.stat().st_mode & 0o777 == 0o600

    second = place.shell(f"tp-capital demo --port {free_port()}")
    unknown, problem = second.stderr.splitlines()
    assert second.returncode == 1
    assert unknown == "tp-capital: TP_CAPITAL_QQQ in the environment: there is no such setting"
    assert "another demo runs" in problem
    assert settings.exists(), "the second took the settings of the first"

    def healthy() -> bool:
        try:
            return bool(requests.get(f"{place.url}/health", timeout=30).json()["status"] == "healthy")
        except requests.RequestException:
            return False

    eventually(healthy, deadline_s=60, what="the demo is not healthy")
    at = f"--url {place.url}"
    for line in (
        f"tp-capital status {at}",
        f"PORT={place.port} tp-capital dead-letters retry",
        f"tp-capital dead-letters retry {at}",
        f"tp-capital backfill --since 2026-11-01 {at}",
        f"set -a; . {SETTINGS}; tp-capital doctor --json",
        f"set -a; . {SETTINGS}; tp-capital dead-letters list",
    ):
        done = place.shell(line)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
    synced = requests.post(f"{place.url}/sync-messages", json={}, timeout=60)
    assert (synced.status_code, synced.json()["success"]) == (200, True)
    assert json.loads(place.shell(f"tp-capital status --json {at}").stdout)["status"] == "healthy"

    place.demo.send_signal(signal.SIGINT)
    output, _ = place.demo.communicate(timeout=60)
    assert place.demo.returncode == 0, output
    assert not settings.exists()
