"""The scripts of docs/examples, which were written from the documentation alone, against the running service."""

import contextlib
import csv
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.support.servers import need_client_tools, need_program
from tests.support.serving import Served, serving
from tests.support.stack import eventually

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
KEY = "key-of-the-examples"


@pytest.fixture(scope="module")
def served(module_database_url: str) -> Iterator[Served]:
    settings = {"TP_CAPITAL_API_KEY": KEY, "TP_CAPITAL_READ_KEY_REQUIRED": "1"}
    with serving(module_database_url, **settings) as running:
        # more than a page
        running.commit(*range(1, 121))
        yield running


def get(served: Served, path: str) -> requests.Response:
    return requests.get(served.url + path, headers={"X-API-Key": KEY}, timeout=30)


def stored(served: Served) -> list[int]:
    """Return the ids of all signals, newest first."""
    return [row["id"] for row in get(served, "/signals?limit=1000").json()["data"]]


@pytest.fixture(params=["signals.py", "signals.mjs", "signals.sh"])
def command(request: pytest.FixtureRequest) -> list[str]:
    runs: dict[str, Callable[[], str]] = {
        ".py": lambda: sys.executable,
        ".mjs": lambda: str(need_client_tools() / "bin" / "node"),
        ".sh": lambda: need_program("curl") and "/bin/sh",
    }
    return [runs[Path(request.param).suffix](), str(EXAMPLES / request.param)]


@contextlib.contextmanager
def running(served: Served, command: list[str], *arguments: str) -> Iterator[subprocess.Popen[str]]:
    environment = {"PATH": os.environ["PATH"], "TP_CAPITAL_URL": served.url, "TP_CAPITAL_API_KEY": KEY}
    # in a group of its own, so that what a shell has started ends with it
    process = subprocess.Popen(
        [*command, *arguments], env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=30)


def test_an_example_prints_the_newest_signals(served: Served, command: list[str]) -> None:
    with running(served, command, "newest") as process:
        printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert len(printed.splitlines()) == 5


def test_an_example_saves_all_signals(served: Served, command: list[str], tmp_path: Path) -> None:
    with running(served, command, "csv", str(tmp_path / "signals.csv")) as process:
        process.communicate(timeout=60)
    assert process.returncode == 0
    with (tmp_path / "signals.csv").open(newline="", encoding="utf-8") as file:
        assert [int(row["id"]) for row in csv.DictReader(file)] == stored(served)


def test_an_example_follows_the_stream(served: Served, command: list[str]) -> None:
    with running(served, command, "follow") as process:
        eventually(lambda: "\ntpcapital_streams 1.0\n" in get(served, "/metrics").text)
        served.commit(1000 + len(stored(served)))
        assert process.stdout is not None
        assert process.stdout.readline().startswith("signal ")
