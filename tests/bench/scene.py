"""What measures stand on: a stack that is started once, engines beside its own, and a bare server."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import psutil
import requests

from ops.local.own_programs import ENGINE_DATABASE, GATEWAY_DATABASE
from ops.local.ports import free_port
from ops.local.process import OwnedProcess
from ops.local.sample import SAMPLE_CHANNEL
from ops.local.stack import Stack
from ops.local.stack_ports import StackPorts
from tests.bench.load import Load, Plan, put_load
from tests.bench.messages import wait_read
from tests.bench.signal_rows import add_signals

__all__ = ["Place", "Scale", "Scene", "Server", "answers", "size_of"]

READY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much is measured. ``large`` also has what takes longer than the whole other run."""

    quick: bool = False
    large: bool = False

    def of(self, full: int, quick: int) -> int:
        """Return a number of rounds, rows or seconds."""
        return quick if self.quick else full


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A process that answers HTTP on a port of this machine."""

    port: int
    pid: int

    def put(self, *paths: str, **plan: float) -> Load:
        """Ask for the paths in turn, ``plan`` being fields of :class:`Plan`."""
        return put_load(Plan(port=self.port, paths=paths, **plan), server_pid=self.pid)  # type: ignore[arg-type]  # numbers all

    @property
    def rss_mb(self) -> float:
        """The memory it holds now."""
        return float(psutil.Process(self.pid).memory_info().rss) / 1e6

    @property
    def cpu_s(self) -> float:
        """The processor time it has taken."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A schema and a channel for one engine: it shares the servers with others, and nothing else."""

    schema: str
    channel: str
    environment: Mapping[str, str]


class Scene:
    """Starts what is asked for, once; the end of ``with`` stops all of it."""

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self._open = ExitStack()
        self._numbers = itertools.count(1)
        self._signals = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @cached_property
    def folder(self) -> Path:
        """A folder that goes away with the scene."""
        # the server's own user must pass
        return Path(
            self._open.enter_context(tempfile.TemporaryDirectory(prefix="tp-capital-bench-", dir="/tmp"))
        )

    @cached_property
    def _stack(self) -> tuple[Stack, StackPorts]:
        ports = StackPorts(**{name: free_port() for name in StackPorts.__dataclass_fields__})
        stack = Stack(self.folder / "stack", ports, gateway=True)
        self._open.callback(stack.down)
        stack.up()
        return stack, ports

    @cached_property
    def engine(self) -> Server:
        """The stack's own engine, once it has read the sample history."""
        stack, ports = self._stack
        wait_read(self.gateway_url, channel=SAMPLE_CHANNEL)
        pid = next(state.part.pid for state in stack.states() if state.part.name == "engine")
        return Server(port=ports.engine, pid=pid)

    @property
    def engine_url(self) -> str:
        """The engine's database, for its owner, straight to the server."""
        return self._stack[0].owner_url(ENGINE_DATABASE)

    @property
    def gateway_url(self) -> str:
        """The gateway's database, for its owner."""
        return self._stack[0].owner_url(GATEWAY_DATABASE)

    @property
    def started(self) -> bool:
        """Whether a measure needed the stack."""
        return "_stack" in self.__dict__

    def with_signals(self, count: int) -> Server:
        """Return the stack's engine with so many signals at least, beside the sample's."""
        engine = self.engine
        if self._signals < count:
            schema = self._settings["TP_CAPITAL_DB_SCHEMA"]
            add_signals(self.engine_url, schema=schema, count=count, first=self._signals + 1)
            self._signals = count
        return engine

    @property
    def _settings(self) -> dict[str, str]:
        return {"TP_CAPITAL_DB_SCHEMA": "signals", **self._stack[0].engine_environment()}

    def place(self, **settings: str) -> Place:
        """Return a schema and a channel that nobody else uses. The first engine that runs there makes the schema."""
        number = next(self._numbers)
        schema, channel = f"bench_{number}", f"-100900{number}"
        environment = {
            **os.environ,
            **self._settings,
            "TP_CAPITAL_DB_SCHEMA": schema,
            "TP_CAPITAL_SIGNALS_CHANNEL_ID": channel,
            "GATEWAY_BATCH_SIZE": "1000",
            # what is measured is the way of new messages, not that of the history
            "TP_CAPITAL_BACKFILL_DELAY_S": "3600",
            **settings,
        }
        return Place(schema=schema, channel=channel, environment=environment)

    def migrate(self, place: Place) -> None:
        """Make the schema of a place where no engine has run."""
        command = [sys.executable, "-m", "ops.cli", "migrate"]
        subprocess.run(command, env=place.environment, check=True, stdout=subprocess.DEVNULL)

    @contextmanager
    def running(self, place: Place, **settings: str) -> Iterator[Server]:
        """Run an engine there until the end of ``with``."""
        port = free_port()
        environment = {**place.environment, **settings, "PORT": str(port)}
        with self._process("engine", ["-m", "ops.cli", "run"], environment) as process:
            process.wait_ready(lambda: answers(port, "/readyz"), deadline_s=READY_S, port=port)
            assert process.pid is not None
            yield Server(port=port, pid=process.pid)

    @cached_property
    def bare(self) -> Server:
        """A server of the engine's kind with nothing behind it: ``GET /BYTES`` is answered with so many."""
        port = free_port()
        process = self._open.enter_context(
            self._process("bare", ["-m", "tests.bench.bare", str(port)], os.environ)
        )
        process.wait_ready(lambda: answers(port, "/1"), deadline_s=READY_S, port=port)
        assert process.pid is not None
        return Server(port=port, pid=process.pid)

    @contextmanager
    def _process(
        self, name: str, arguments: list[str], environment: Mapping[str, str]
    ) -> Iterator[OwnedProcess]:
        log = self.folder / f"{name}-{next(self._numbers)}.log"
        with OwnedProcess(name, [sys.executable, *arguments], log_path=log, env=environment) as process:
            process.start()
            yield process


def answers(port: int, path: str) -> bool:
    """Tell whether a server of this machine answers well."""
    try:
        return requests.get(f"http://127.0.0.1:{port}{path}", timeout=3).ok
    except requests.RequestException:
        return False


def size_of(server: Server, path: str) -> int:
    """Return how many bytes an answer has."""
    url = f"http://127.0.0.1:{server.port}{path}"
    answer = requests.get(url, headers={"Accept-Encoding": "identity"}, timeout=10)
    answer.raise_for_status()
    return len(answer.content)
