"""The demo: embedded PostgreSQL, reference gateway and engine. It needs nothing installed."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import structlog

from config import load_settings
from ops.daemon.main import Daemon
from ops.exit_codes import EXIT_OK
from ops.gateway.database import URL_SETTING
from ops.http.server.listening import Listening
from ops.local.keys import API_KEY_FILE, SETTINGS_FILE, take_settings, with_settings, write_settings
from ops.local.own_programs import (
    ENGINE_DATABASE,
    GATEWAY_DATABASE,
    engine_settings,
    gateway_process,
    gateway_settings,
)
from ops.local.parts_file import PartsFile, StartedPart
from ops.local.ports import engine_health, http_problem, is_taken
from ops.local.postgres import LocalPostgres
from ops.local.process import LocalServerError, OwnedProcess, wait_until
from ops.local.sample import SAMPLE_CHANNEL
from ops.local.state_folder import make_state_folder
from ops.logging import configure_logging
from ops.process_signals import stop_on_signals
from ops.terminal import say
from storage.errors import StorageError

__all__ = ["Demo", "DemoError"]

_log = structlog.get_logger("demo")

#: the gateway's port is the engine's port plus this number, as with 4008 and 4010
GATEWAY_PORT_STEP = 2
GATEWAY_START_S = 30.0
#: the addresses are told after this time in any case
_HEALTHY_S = 20.0
#: how often it looks whether the prices are stored
_LOOK_S = 0.1


class DemoError(Exception):
    """The demo cannot run here. The text tells the reason and the remedy."""


class Demo:
    """Starts the parts, runs the engine in this process, and stops everything in reverse order."""

    def __init__(self, listening: Listening, *, messages: Path | None, state: Path) -> None:
        self._listening = listening
        self._messages = messages
        self._state = state.absolute()
        self._settings_file = self._state / SETTINGS_FILE
        self._parts = PartsFile(self._state)
        self._gateway_port = listening.port + GATEWAY_PORT_STEP

    def run(self, *, seconds: float | None) -> int:
        """Run until a signal, or for ``seconds``; return the exit code.

        Raises:
            DemoError: a part does not start.
        """
        # this comes first: if the output cannot be written, nothing has been started
        say(f"tp-capital demo starts PostgreSQL, a gateway and the engine; their logs: {self._state}")
        configure_logging(level="INFO", form=_log_format())
        with stop_on_signals() as stop:
            try:
                make_state_folder(self._state)
                with self._own_folder():
                    self._free_gateway_port()
                    # commands in this folder find the key there; a command may run before the engine is ready
                    write_settings(self._settings_file, self._settings())
                    return self._run_parts(stop, seconds)
            except (LocalServerError, StorageError, OSError) as error:
                raise DemoError(str(error)) from error

    def _run_parts(self, stop: threading.Event, seconds: float | None) -> int:
        with LocalPostgres(self._state / "postgres") as postgres:
            postgres.create_database(ENGINE_DATABASE)
            postgres.create_database(GATEWAY_DATABASE)
            with self._gateway(postgres.dsn(GATEWAY_DATABASE)) as gateway:
                files = (self._messages,) if self._messages else ()
                history = {URL_SETTING: postgres.dsn(GATEWAY_DATABASE)}
                self._fill("messages", *files, settings=history, stop=stop)
                return self._run_engine(postgres, gateway, stop, seconds)

    @contextmanager
    def _own_folder(self) -> Iterator[None]:
        """Lock the folder for this demo, and remove the settings file at the end."""
        busy = f"another demo runs in {self._state}: stop it, or choose another --state"
        with self._parts.locked(busy=busy):
            try:
                yield
            finally:
                self._settings_file.unlink(missing_ok=True)

    def _free_gateway_port(self) -> None:
        """Stop the parts that a killed demo of this folder left. Refuse a port that another program uses."""
        self._parts.stop_all()
        if is_taken(self._gateway_port):
            port = self._gateway_port
            raise DemoError(
                f"port {port}, which the demo's gateway needs, is taken (ss -ltnp 'sport = :{port}' shows by whom): "
                f"stop that, or choose another --port; the gateway's is {GATEWAY_PORT_STEP} above it"
            )

    def _gateway(self, dsn: str) -> OwnedProcess:
        """Start the reference gateway as its own process, so that it can be stopped separately."""
        port = self._gateway_port
        process = gateway_process(self._state, port=port, database_url=dsn)
        process.start()
        self._parts.write([StartedPart.of("gateway", process, port=port)])
        try:
            process.wait_ready(
                lambda: http_problem(port, "/health") is None, deadline_s=GATEWAY_START_S, port=port
            )
        except BaseException:
            process.stop()
            raise
        return process

    def _fill(self, what: str, *files: Path, settings: Mapping[str, str], stop: threading.Event) -> None:
        """Have the history or the prices stored by a process of its own, unless the demo is to stop."""
        command = [sys.executable, "-m", "ops.local.filling", what, *map(str, files)]
        env = with_settings(settings)
        with OwnedProcess(what, command, log_path=self._state / f"{what}.log", env=env) as process:
            process.start()
            while process.running and not stop.wait(_LOOK_S):
                pass
            if process.exit_code:
                raise DemoError(f"{what} could not be stored: {process.log_tail()}")
            _log.info(f"{what}.imported", report=process.log_tail())

    def _run_engine(
        self, postgres: LocalPostgres, gateway: OwnedProcess, stop: threading.Event, seconds: float | None
    ) -> int:
        own = self._settings() | {"TP_CAPITAL_DATABASE_URL": postgres.dsn(ENGINE_DATABASE)}
        take_settings(own)
        settings = load_settings(env_file=None)
        logs = configure_logging(
            level=settings.log.level, form=settings.log.format, secrets=settings.secrets()
        )
        _log.info("configuration.loaded", message="Configuration loaded", **settings.describe())
        timer = threading.Timer(seconds, stop.set) if seconds is not None else None
        daemon = Daemon(settings, self._listening, logs=logs)
        clean = False
        try:
            write_settings(self._settings_file, own | {URL_SETTING: postgres.dsn(GATEWAY_DATABASE)})
            daemon.start()
            # last of all that the start writes, so that it stays in sight
            port = self._listening.port
            wait_until(lambda: stop.is_set() or engine_health(port) == "healthy", deadline_s=_HEALTHY_S)
            self._announce(postgres, gateway)
            if self._messages is None:
                self._fill("prices", settings=own, stop=stop)
            if timer is not None:
                timer.daemon = True
                timer.start()
            clean = daemon.wait(stop)
        finally:
            if timer is not None:
                timer.cancel()
            # this comes first, because a second signal ends the process
            self._settings_file.unlink(missing_ok=True)
            orderly = daemon.stop("end of the demo")
        if daemon.escalation or not clean or not orderly:
            raise DemoError(
                daemon.escalation or "the engine ended by itself, or did not stop in time: see its log"
            )
        return EXIT_OK

    def _settings(self) -> dict[str, str]:
        """Return the engine's settings without the database. Other settings of the environment stay in force."""
        return {
            **engine_settings(self._state, port=self._listening.port, strategy="neon"),
            **gateway_settings(self._state, port=self._gateway_port),
            # with messages of their own, people have channels of their own
            **({} if self._messages else {"TP_CAPITAL_SIGNALS_CHANNEL_ID": SAMPLE_CHANNEL}),
            "TP_CAPITAL_BACKFILL_DELAY_S": os.environ.get("TP_CAPITAL_BACKFILL_DELAY_S", "0"),
            "LOG_FORMAT": _log_format(),
        }

    def _announce(self, postgres: LocalPostgres, gateway: OwnedProcess) -> None:
        engine = f"http://127.0.0.1:{self._listening.port}"
        lines = (
            ("dashboard", f"{engine}/"),
            ("signals", f"{engine}/signals?limit=5"),
            ("health", f"{engine}/health"),
            ("metrics", f"{engine}/metrics"),
            ("gateway", f"http://127.0.0.1:{self._gateway_port}  (process {gateway.pid})"),
            ("database", f"127.0.0.1:{postgres.port}, password in {postgres.password_path}"),
            (
                "API key",
                f"in {self._state / API_KEY_FILE}: writes at the engine want it, commands in this folder find it",
            ),
            (
                "settings",
                f"in {self._settings_file}: with `set -a; . FILE` doctor and others reach these parts",
            ),
            ("logs", str(self._state)),
            ("stop", "Ctrl-C"),
        )
        shown = [f"  {name:<9} {value}" for name, value in lines]
        say("\n".join(["", "tp-capital demo", *shown, ""]))


def _log_format() -> Literal["json", "console"]:
    return "json" if os.environ.get("LOG_FORMAT") == "json" else "console"
