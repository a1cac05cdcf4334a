"""The system as it runs: a gateway process, and the engine as a process or inside the test."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self
from unittest import mock

import requests

from config import Settings, load_settings
from ops.daemon.main import Daemon
from ops.http.server.listening import Listening
from ops.local.ports import free_port
from ops.local.process import wait_until
from tests.support.forked import ForkedCommand, run_forked
from tests.support.messages import CHANNEL

__all__ = [
    "EngineProcess",
    "GatewayProcess",
    "InnerEngine",
    "engine_environment",
    "eventually",
    "running_daemon",
    "surroundings",
]

_LONGEST_PAUSE_S = 0.2
_CLEAN = (
    *("TP_CAPITAL_", "TELEGRAM_", "SIGNALS_", "GATEWAY_", "CIRCUIT_", "REDIS_", "TIMESCALEDB_", "NEON_"),
    *("LOG_", "AMQP_", "CORS_", "QUOTES_"),
)


def eventually(condition: Any, *, deadline_s: float = 45.0, what: str = "") -> None:
    """Wait until ``condition()`` holds; fail the test when it does not in time.

    Looking takes a quarter of the time at most: what is waited for, and other tests, need the processor too.
    """
    pause = threading.Event()

    def holds() -> bool:
        began_s = time.monotonic()
        if condition():
            return True
        pause.wait(min(3 * (time.monotonic() - began_s), _LONGEST_PAUSE_S))
        return False

    assert wait_until(holds, deadline_s=deadline_s, every_s=0.02), what or "not in time"


def engine_environment(database_url: str, gateway_url: str, **more: str) -> dict[str, str]:
    """Return the engine's settings for a test: fast, and with nothing of the surrounding environment."""
    return {
        "TP_CAPITAL_DB_STRATEGY": "neon",
        "TP_CAPITAL_DATABASE_URL": database_url,
        "TELEGRAM_GATEWAY_URL": gateway_url,
        "TP_CAPITAL_SIGNALS_CHANNEL_ID": CHANNEL,
        "GATEWAY_POLLING_INTERVAL_MS": "200",
        "CIRCUIT_BREAKER_TIMEOUT": "2000",
        "CIRCUIT_BREAKER_RESET_TIMEOUT": "1000",
        "TP_CAPITAL_BACKFILL_DELAY_S": "3600",
        "TP_CAPITAL_DOORBELL": "0",
        "PORT": str(free_port()),
        **more,
    }


def surroundings() -> dict[str, str]:
    """Return the environment without any setting of ours."""
    return {k: v for k, v in os.environ.items() if not k.startswith(_CLEAN) and k not in ("HOST", "PORT")}


class _Served:
    """What both forms of the engine offer: its HTTP side."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, timeout=10)

    def health(self) -> dict[str, Any]:
        """Return the body of /health; an empty one while nobody answers."""
        try:
            body = self.get("/health").json()
        except requests.RequestException:
            return {}
        assert isinstance(body, dict)
        return body

    def detail(self, *path: str | int) -> Any:
        """Return what /health says at a place below its details; None while it says nothing of it."""
        place: Any = self.health().get("details")
        for step in path:
            try:
                place = place[step]
            except (KeyError, IndexError, TypeError):
                return None
        return place

    def check(self, name: str) -> str | None:
        """Return the status of one check."""
        status = self.health().get("checks", {}).get(name)
        return str(status) if status else None

    def is_healthy(self) -> bool:
        return self.health().get("status") == "healthy"

    def wait_healthy(self, deadline_s: float = 60.0) -> None:
        eventually(self.is_healthy, deadline_s=deadline_s, what=f"not healthy: {self.health().get('checks')}")

    def metric(self, name: str) -> float:
        """Return the value of a series, given as in the exposition, summed over those it is a prefix of."""
        lines = self.get("/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    def wait_metric(self, name: str, value: float) -> None:
        """Wait until a series has a value."""
        eventually(lambda: self.metric(name) == value, what=f"{name} is {self.metric(name)}")


class EngineProcess(_Served):
    """The daemon as a process of its own, to be killed and terminated."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._environment = {**surroundings(), **environment}
        self.port = int(environment["PORT"])
        self._folder = folder
        self._log = Path(tempfile.mkstemp(dir=folder, suffix=".engine.log")[1])
        self.process: ForkedCommand | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def start(self) -> None:
        self.process = ForkedCommand("run", environment=self._environment, folder=self._folder, log=self._log)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def terminate(self, timeout_s: float = 15.0) -> int:
        """Ask it to end and return its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``tp-capital`` with the daemon's settings."""
        return run_forked(*arguments, environment=self._environment, folder=self._folder)

    def log_text(self) -> str:
        return self._log.read_text()

    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log_text().splitlines() if line.startswith("{")]


class GatewayProcess:
    """The reference gateway as a process, on a port it keeps over restarts."""

    def __init__(self, database_url: str, folder: Path, *, api_key: str = "", broker_url: str = "") -> None:
        self.port = free_port()
        self.database_url = database_url
        self._folder = folder
        self._api_key = api_key
        self.process: ForkedCommand | None = None
        self._broker_url = broker_url

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill()  # one that did not get up in time would run on
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = ForkedCommand(
            *("gateway", "--port", str(self.port)),
            environment={
                **surroundings(),
                "TELEGRAM_GATEWAY_DATABASE_URL": self.database_url,
                "TELEGRAM_GATEWAY_API_KEY": self._api_key,
                "AMQP_URL": self._broker_url,
            },
            folder=self._folder,
            log=self._folder / "gateway.log",
        )
        eventually(self.is_up, deadline_s=60.0, what="the gateway did not start")

    def is_up(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=2).ok
        except requests.RequestException:
            return False

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)


class InnerEngine(_Served):
    """The daemon inside the test's process, so that a test can reach its actors."""

    def __init__(self, settings: Settings) -> None:
        self.port = settings.http.port
        self.daemon = Daemon(settings, Listening("127.0.0.1", self.port))

    def child(self, name: str) -> dict[str, Any]:
        """Return what /health says of one actor; nothing while nobody answers."""
        children = self.detail("actors", "children") or []
        return next((child for child in children if child["name"] == name), {})


@contextlib.contextmanager
def running_daemon(environment: Mapping[str, str]) -> Iterator[InnerEngine]:
    """Run the daemon inside this process; it is drained and stopped at the end."""
    with mock.patch.dict(os.environ, {**surroundings(), **environment}, clear=True):
        settings = load_settings(env_file=None)
    engine = InnerEngine(settings)
    engine.daemon.start()
    try:
        yield engine
    finally:
        engine.daemon.stop("end of the test")
