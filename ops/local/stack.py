"""The parts of the stack as local processes: started in order, left running, stopped in reverse by pid."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from ops.gateway.database import URL_SETTING
from ops.gateway.importer import import_messages
from ops.local._account import open_for_passing, server_account
from ops.local.keys import SETTINGS_FILE, broker_password, cache_password, role_passwords, write_settings
from ops.local.own_programs import (
    ENGINE_DATABASE,
    GATEWAY_DATABASE,
    engine_settings,
    gateway_process,
    gateway_settings,
    own_program,
)
from ops.local.part_health import part_problem
from ops.local.parts_file import PartsFile, PartState, StartedPart
from ops.local.pgbouncer import pgbouncer_process
from ops.local.ports import HOST, engine_health, free_port, is_taken
from ops.local.postgres import LocalPostgres
from ops.local.process import LocalServerError, OwnedProcess, ServerStartError, wait_until
from ops.local.programs import find_program
from ops.local.rabbitmq import BROKER_READY_S, RabbitPorts, RabbitServer, broker_url
from ops.local.redis import redis_process
from ops.local.roles import ENGINE_ROLE, OWNER_ROLE, make_database
from ops.local.sample import load_sample
from ops.local.stack_ports import StackPorts
from ops.local.state_folder import make_state_folder

__all__ = ["Stack"]

#: the order of the starts; the last part is stopped first
_ORDER = ("database", "pgbouncer", "redis-master", "redis-replica", "epmd", "broker", "gateway", "engine")
_READY_S = 30.0


class Stack:
    """A stack in ``folder``, which holds its data, passwords and logs.

    ``ports`` are the wanted ports. With None the parts use their former ports, or the usual ones at the first start.
    ``gateway`` also runs the reference gateway with the sample history, ``broker`` also a RabbitMQ that brings the
    messages. Once started they stay parts.
    """

    def __init__(
        self, folder: Path, ports: StackPorts | None = None, *, gateway: bool = False, broker: bool = False
    ) -> None:
        self._folder = folder.resolve()
        self._wanted_ports, self._gateway, self._broker = ports, gateway, broker
        self._ports = ports or StackPorts()
        self._file = PartsFile(self._folder)
        self._started: list[StartedPart] = []
        #: whether `up` started a part; that part keeps running even if a later one fails
        self.has_started = False

    def up(self, only: str | None = None) -> None:
        """Start the parts that do not run, and wait until each is ready. After a failure the started parts keep running.

        ``only``: this part alone, and the database, which all parts need.

        Raises:
            OtherPortsError: the stack runs on other ports than the wanted ones.
            LocalServerError: a port is taken, a program is missing, or a part does not become healthy. The text names
                the remedy.
        """
        make_state_folder(self._folder)
        with self._locked():
            known = self._file.read()
            self._started = [part for part in known if part.running]
            self._ports = self._choose_ports(known)
            names = {part.name for part in known}
            self._gateway |= "gateway" in names
            self._broker |= "broker" in names
            self._check_ports()
            for program in ("pgbouncer", "redis-server", *(("rabbitmq-server",) if self._broker else ())):
                find_program(program, package=program)
            if self._broker and "broker" not in names:
                self._stop_those_without_broker()
            postgres = self._start_database()
            write_settings(self.settings_file, self.engine_environment() | self._gateway_database())
            try:
                for name, make in self._others(postgres):
                    if only in (None, name):
                        self._start(name, make)
            finally:
                postgres.leave_running()

    def down(self) -> list[str]:
        """Stop all parts, the last started first, and return their names."""
        if not self._folder.is_dir():
            return []
        with self._locked():
            stopped = self._file.stop_all()
            # otherwise commands in this folder would send its key to the next program on that port
            self.settings_file.unlink(missing_ok=True)
        return stopped

    def stop(self, name: str) -> bool:
        """Stop one part, and return whether it ran. It stays a part, which `up` starts again."""
        with self._locked():
            return self.part(name).stop()

    def part(self, name: str) -> StartedPart:
        """Return a part that was started.

        Raises:
            LocalServerError: there is no such part.
        """
        known = {part.name: part for part in self._file.read()}
        if name not in known:
            raise LocalServerError(
                f"{name} is no part of this stack: {', '.join(known) or 'none was started'}."
            )
        return known[name]

    def states(self) -> list[PartState]:
        """Return the state of each started part."""
        return [self._state(part) for part in self._file.read()]

    @property
    def settings_file(self) -> Path:
        """The engine's settings as a shell file. With them, other commands reach the same parts."""
        return self._folder / SETTINGS_FILE

    def owner_url(self, database: str) -> str:
        """Return the owner's connection URL of a database, straight to the server. It holds the password."""
        return self._url(OWNER_ROLE, role_passwords(self._folder).owner, self._ports.database, database)

    def engine_environment(self) -> dict[str, str]:
        """Return the engine's settings. Other settings of the environment stay in force."""
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
            **(
                {
                    "AMQP_URL": self._broker_url,
                    "TP_CAPITAL_SOURCE": os.environ.get("TP_CAPITAL_SOURCE", "both"),
                }
                if self._broker
                else {}
            ),
        }

    @property
    def _broker_url(self) -> str:
        return broker_url(self._ports.broker, broker_password(self._folder))

    def _gateway_database(self) -> dict[str, str]:
        """Return the setting that commands need to bring messages into the gateway. The engine does not get it."""
        return {URL_SETTING: self.owner_url(GATEWAY_DATABASE)} if self._gateway else {}

    # ── parts ────────────────────────────────────────────────────────────────

    def _start_database(self) -> LocalPostgres:
        settings = {"shared_preload_libraries": "timescaledb"} if _strategy() == "timescale" else {}
        postgres = LocalPostgres(self._folder / "postgres", port=self._ports.database, settings=settings)
        postgres.start()
        try:
            # this comes first, so that `down` finds the parts that keep running after a failure
            self._note("database", postgres)
            make_database(postgres, ENGINE_DATABASE, role_passwords(self._folder))
            if self._gateway:
                postgres.create_database(GATEWAY_DATABASE, owner=OWNER_ROLE)
        except BaseException:
            postgres.leave_running()
            raise
        return postgres

    def _others(self, postgres: LocalPostgres) -> Iterator[tuple[str, Callable[[], OwnedProcess]]]:
        """Yield the name and the maker of the other parts, in the order of their starts."""
        ports, folder = self._ports, self._folder

        def pooler() -> OwnedProcess:
            own = self._folder / "pgbouncer"
            own.mkdir(exist_ok=True)
            # both may read statistics in its console, as in a deployment, because doctor uses the engine's role
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
        if self._broker:
            # nobody else needs to know the port of Erlang's own protocol
            ports_of_node = RabbitPorts(amqp=ports.broker, epmd=ports.epmd, distribution=free_port())
            node = RabbitServer(folder / "broker", ports_of_node, password=broker_password(folder))
            yield "epmd", lambda: node.epmd
            yield "broker", lambda: node.node
        if self._gateway:
            yield "gateway", self._gateway_process
        yield (
            "engine",
            partial(own_program, "engine", ["run"], folder=folder, settings=self.engine_environment()),
        )

    def _gateway_process(self) -> OwnedProcess:
        url = self.owner_url(GATEWAY_DATABASE)
        import_messages(url, load_sample(datetime.now(UTC)))
        broker = self._broker_url if self._broker else None
        return gateway_process(self._folder, port=self._ports.gateway, database_url=url, broker_url=broker)

    def _start(self, name: str, make: Callable[[], OwnedProcess]) -> None:
        port = self._ports.of(name)
        running = next((part for part in self._started if part.name == name), None)
        if running is not None:
            # a replica, for instance, needs a moment after its master was restarted
            if not wait_until(lambda: self._problem(running) is None, deadline_s=_READY_S):
                raise ServerStartError(
                    f"{name} runs (process {running.pid}), but is not healthy after {_READY_S:g} s: "
                    f"{self._state(running).says}. Its log: {running.log}"
                )
            return
        process = make()
        process.start()
        self._note(name, process)
        ready_s = BROKER_READY_S if name == "broker" else _READY_S
        try:
            process.wait_ready(
                lambda: part_problem(self._folder, name, port) is None, deadline_s=ready_s, port=port
            )
        finally:
            if name == "broker" and process.running:
                # Its start script has become the node, which has other arguments.
                assert process.pid is not None  # noqa: S101 - it was started
                process.adopt(process.pid)
                self._note(name, process)

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
        """Return the state of a running part. Another program on its port is not asked and gets no password."""
        if not part.listens:
            return f"does not listen on port {part.port}, or another process does too"
        return part_problem(self._folder, part.name, part.port)

    def _choose_ports(self, known: Sequence[StartedPart]) -> StackPorts:
        """Keep the former ports unless others are wanted. Refuse other ports while parts run."""
        if self._wanted_ports is None:
            return StackPorts.from_parts({part.name: part.port for part in known})
        self._wanted_ports.agree_with({part.name: part.port for part in self._started})
        return self._wanted_ports

    def _check_ports(self) -> None:
        """Refuse to start if another program uses one of the ports, and name all such ports."""
        ours = {part.port for part in self._started}
        extra = {"gateway": self._gateway, "epmd": self._broker, "broker": self._broker}
        wanted = {name: self._ports.of(name) for name in _ORDER if extra.get(name, True)}
        taken = [f"{name} {port}" for name, port in wanted.items() if port not in ours and is_taken(port)]
        if taken:
            raise LocalServerError(
                f"Ports in use: {', '.join(taken)}. Stop what listens there (`ss -ltnp` shows it), "
                "or choose others by --base-port."
            )

    def _stop_those_without_broker(self) -> None:
        """Stop what runs with settings that know no broker, so that it is started with them."""
        for part in [part for part in self._started if part.name in ("engine", "gateway")]:
            part.stop()
            self._started.remove(part)

    # ── the folder ───────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Let only one `up` or `down` run at a time."""
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
