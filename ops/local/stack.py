"""The five parts of the stack as local processes: started in order, left running, stopped in reverse by pid."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from ops.gateway.importer import import_messages
from ops.local._account import open_for_passing, server_account
from ops.local.keys import SETTINGS_FILE, cache_password, role_passwords, write_settings
from ops.local.own_programs import (
    ENGINE_DATABASE,
    GATEWAY_DATABASE,
    engine_settings,
    gateway_process,
    gateway_settings,
    own_program,
)
from ops.local.parts_file import PartsFile, PartState, StartedPart
from ops.local.pgbouncer import pgbouncer_answers, pgbouncer_process
from ops.local.ports import HOST, engine_health, http_problem, is_taken
from ops.local.postgres import LocalPostgres
from ops.local.process import LocalServerError, OwnedProcess, ServerStartError, wait_until
from ops.local.programs import find_program
from ops.local.redis import redis_answers, redis_process
from ops.local.roles import ENGINE_ROLE, OWNER_ROLE, make_database
from ops.local.sample import load_sample
from ops.local.stack_ports import StackPorts

__all__ = ["Stack"]

#: of the starts; what is stopped first stands last
_ORDER = ("database", "pgbouncer", "redis-master", "redis-replica", "gateway", "engine")
_READY_S = 30.0


class Stack:
    """A stack in ``folder``, which holds its data, passwords and logs.

    ``ports``: where its parts shall listen; None: where they did, or else on the usual ports.
    ``gateway``: also run the reference gateway with the sample history, as a sixth part; once started it stays one.
    """

    def __init__(self, folder: Path, ports: StackPorts | None = None, *, gateway: bool = False) -> None:
        self._folder = folder.resolve()
        self._wanted_ports, self._gateway = ports, gateway
        self._ports = ports or StackPorts()
        self._file = PartsFile(self._folder)
        self._started: list[StartedPart] = []
        #: whether `up` started a part: it goes on running also when a later one failed
        self.has_started = False

    def up(self) -> None:
        """Start what does not run yet and wait until each part is ready; what was started here stays on failure.

        Raises:
            OtherPortsError: it runs, and elsewhere than wanted.
            LocalServerError: a port is taken, a program is missing, a part does not get well: the text names
                the remedy.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._locked():
            known = self._file.read()
            self._started = [part for part in known if part.running]
            self._ports = self._choose_ports(known)
            self._gateway |= any(part.name == "gateway" for part in known)
            self._check_ports()
            for program in ("pgbouncer", "redis-server"):
                find_program(program, package=program)
            postgres = self._start_database()
            write_settings(self.settings_file, self.engine_environment())
            try:
                for name, make in self._others(postgres):
                    self._start(name, make)
            finally:
                postgres.leave_running()

    def down(self) -> list[str]:
        """Stop all parts, last started first, and return their names."""
        if not self._folder.is_dir():
            return []
        with self._locked():
            stopped = self._file.stop_all()
            # commands in this folder would send its key to whatever listens there next
            self.settings_file.unlink(missing_ok=True)
        return stopped

    def states(self) -> list[PartState]:
        """Return how each started part is."""
        return [self._state(part) for part in self._file.read()]

    @property
    def settings_file(self) -> Path:
        """The engine's settings in the form of a shell: with them other commands reach the same parts."""
        return self._folder / SETTINGS_FILE

    def owner_url(self, database: str) -> str:
        """Return the owner's connection to a database, straight to the server; it holds the password."""
        return self._url(OWNER_ROLE, role_passwords(self._folder).owner, self._ports.database, database)

    def engine_environment(self) -> dict[str, str]:
        """Return the settings of the engine; what else the environment sets goes on to hold."""
        ports = self._ports
        own = engine_settings(self._folder, port=ports.engine, strategy=_strategy())
        if self._gateway:
            own |= gateway_settings(self._folder, port=ports.gateway)
        return own | {
            "TP_CAPITAL_DATABASE_URL": self._url(
                ENGINE_ROLE, role_passwords(self._folder).engine, ports.pgbouncer, ENGINE_DATABASE
            ),
            "TP_CAPITAL_MIGRATION_DATABASE_URL": self.owner_url(ENGINE_DATABASE),
            "REDIS_ENABLED": "1",
            "REDIS_MASTER_HOST": HOST,
            "REDIS_MASTER_PORT": str(ports.redis_master),
            "REDIS_REPLICA_HOST": HOST,
            "REDIS_REPLICA_PORT": str(ports.redis_replica),
            "REDIS_PASSWORD": cache_password(self._folder),
        }

    # ── parts ────────────────────────────────────────────────────────────────

    def _start_database(self) -> LocalPostgres:
        settings = {"shared_preload_libraries": "timescaledb"} if _strategy() == "timescale" else {}
        postgres = LocalPostgres(self._folder / "postgres", port=self._ports.database, settings=settings)
        postgres.start()
        try:
            # before all else: what goes on running after a failure is there for `down` to find
            self._note("database", postgres)
            make_database(postgres, ENGINE_DATABASE, role_passwords(self._folder))
            if self._gateway:
                postgres.create_database(GATEWAY_DATABASE, owner=OWNER_ROLE)
        except BaseException:
            postgres.leave_running()
            raise
        return postgres

    def _others(self, postgres: LocalPostgres) -> Iterator[tuple[str, Callable[[], OwnedProcess]]]:
        """Yield the other parts in the order of their starts: name and maker."""
        ports, folder = self._ports, self._folder

        def pooler() -> OwnedProcess:
            own = self._folder / "pgbouncer"
            own.mkdir(exist_ok=True)
            # both may ask its console for figures, as in a deployment: doctor looks with the role of the engine
            users = (ENGINE_ROLE, OWNER_ROLE)
            return pgbouncer_process(
                own, port=ports.pgbouncer, server=postgres, users=users, stats_users=users
            )

        yield "pgbouncer", pooler
        cache = partial(redis_process, folder, password=cache_password(self._folder))
        yield "redis-master", partial(cache, name="redis-master", port=ports.redis_master)
        yield (
            "redis-replica",
            partial(cache, name="redis-replica", port=ports.redis_replica, replica_of=ports.redis_master),
        )
        if self._gateway:
            yield "gateway", self._gateway_process
        yield (
            "engine",
            partial(own_program, "engine", ["run"], folder=folder, settings=self.engine_environment()),
        )

    def _gateway_process(self) -> OwnedProcess:
        url = self.owner_url(GATEWAY_DATABASE)
        import_messages(url, load_sample(datetime.now(UTC)))
        return gateway_process(self._folder, port=self._ports.gateway, database_url=url)

    def _start(self, name: str, make: Callable[[], OwnedProcess]) -> None:
        port = self._ports.of(name)
        running = next((part for part in self._started if part.name == name), None)
        if running is not None:
            # a replica, for instance, needs a moment when its master was started anew
            if not wait_until(lambda: self._problem(running) is None, deadline_s=_READY_S):
                raise ServerStartError(
                    f"{name} runs (process {running.pid}), but is not healthy after {_READY_S:g} s: "
                    f"{self._state(running).says}. Its log: {running.log}"
                )
            return
        process = make()
        process.start()
        self._note(name, process)
        process.wait_ready(lambda: self._probe(name, port) is None, deadline_s=_READY_S, port=port)

    # ── looking ──────────────────────────────────────────────────────────────

    def _state(self, part: StartedPart) -> PartState:
        if not part.running:
            return PartState(part=part, healthy=False, says=f"does not run; its log: {part.log}")
        problem = self._problem(part)
        return PartState(
            part=part,
            healthy=problem is None,
            says=problem or (engine_health(part.port) if part.name == "engine" else ""),
        )

    def _problem(self, part: StartedPart) -> str | None:
        """Ask a part that runs; no stranger on its port is asked, nor sent a password."""
        if not part.listens:
            return f"does not listen on port {part.port}, or another process does too"
        return self._probe(part.name, part.port)

    def _probe(self, name: str, port: int) -> str | None:
        """Ask a part; return what is wrong, None when all is well."""
        if name in ("database", "pgbouncer"):
            password = role_passwords(self._folder).engine
            if pgbouncer_answers(port, database=ENGINE_DATABASE, user=ENGINE_ROLE, password=password):
                return None
            return f"lets nobody into {ENGINE_DATABASE}"
        if name == "redis-master":
            return None if redis_answers(port, password=cache_password(self._folder)) else "does not answer"
        if name == "redis-replica":
            in_sync = redis_answers(port, in_sync=True, password=cache_password(self._folder))
            return None if in_sync else "is not in sync with its master"
        return http_problem(port, "/readyz" if name == "engine" else "/health")

    def _choose_ports(self, known: Sequence[StartedPart]) -> StackPorts:
        """Go on with the ports of before unless others are wanted, and refuse those while parts run."""
        if self._wanted_ports is None:
            return StackPorts.from_parts({part.name: part.port for part in known})
        self._wanted_ports.agree_with({part.name: part.port for part in self._started})
        return self._wanted_ports

    def _check_ports(self) -> None:
        """Name every port that somebody else holds, before anything is started."""
        ours = {part.port for part in self._started}
        wanted = {name: self._ports.of(name) for name in _ORDER if self._gateway or name != "gateway"}
        taken = [f"{name} {port}" for name, port in wanted.items() if port not in ours and is_taken(port)]
        if taken:
            raise LocalServerError(
                f"Ports in use: {', '.join(taken)}. Stop what listens there (`ss -ltnp` shows it), "
                "or choose others by --base-port."
            )

    # ── the folder ───────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one `up` or `down` work at a time."""
        busy = f"Another `stack up` or `stack down` works on {self._folder}: wait for its end."
        with self._file.locked(busy=busy):
            if server_account():
                open_for_passing(self._folder)
            yield

    def _url(self, user: str, password: str, port: int, database: str) -> str:
        return f"postgresql://{user}:{password}@{HOST}:{port}/{database}"

    def _note(self, name: str, process: OwnedProcess | LocalPostgres) -> None:
        part = StartedPart.of(name, process, port=self._ports.of(name))
        self.has_started |= part.pid not in [known.pid for known in self._started]
        others = [known for known in self._started if known.name != name]
        self._started = sorted([*others, part], key=lambda known: _ORDER.index(known.name))
        self._file.write(self._started)


def _strategy() -> str:
    return "timescale" if os.environ.get("TP_CAPITAL_DB_STRATEGY") == "timescale" else "neon"
