"""What the runs stand on: PostgreSQL behind PgBouncer, RabbitMQ, a gateway that publishes, and processes of the engine."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from ops.local.ports import free_port
from ops.local.postgres import SUPERUSER, LocalPostgres
from ops.local.roles import ENGINE_ROLE
from storage.postgres.schema import Strategy
from tests.support.databases import Server, as_engine, through
from tests.support.rabbitmq import Broker
from tests.support.servers import pgbouncer
from tests.support.stack import EngineProcess, GatewayProcess, engine_environment, eventually

__all__ = ["Site", "rows_of", "site_of_its_own"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The running servers. ``opened`` ends the processes that were started here."""

    postgres: LocalPostgres
    server: Server
    pooler_port: int
    broker: Broker
    gateway: GatewayProcess
    folder: Path
    opened: ExitStack
    queue: str = "tp-capital.messages"

    def database(self) -> str:
        """Return a new database with the engine's schema, for its owner, straight to the server."""
        return self.server.create(migrated=True)

    def engine(self, database: str, channels: Sequence[str], **settings: str) -> EngineProcess:
        """Start a process of the engine."""
        environment = engine_environment(
            as_engine(through(database, self.pooler_port)),
            self.gateway.url,
            **{
                "TP_CAPITAL_SIGNALS_CHANNEL_ID": ",".join(channels),
                "AMQP_URL": self.broker.url,
                "AMQP_QUEUE": self.queue,
                "TP_CAPITAL_SOURCE": "broker",
                "RATE_LIMIT_MAX_REQUESTS": "1000000",
                **settings,
            },
        )
        return self.opened.enter_context(EngineProcess(environment, self.folder))

    def wait_reading(self, *engines: EngineProcess) -> None:
        """Wait until processes read from the broker."""
        for engine in engines:
            eventually(lambda engine=engine: engine.check("broker") == "healthy", deadline_s=120)

    def broker_again(self) -> None:
        """Kill the broker's node, and start it anew."""
        self.broker.server.node.kill()
        self.broker.server.start()

    def postgres_again(self) -> None:
        """Kill PostgreSQL, and start it anew."""
        self.postgres.kill()
        self.postgres.start()

    def gateway_again(self) -> None:
        """Kill the gateway with its publisher, and start it anew."""
        self.gateway.kill()
        while not self.gateway.is_up():
            # Somebody's connection may have taken its port meanwhile: then it ends at once.
            with contextlib.suppress(AssertionError):
                self.gateway.start()


@contextmanager
def site_of_its_own() -> Iterator[Site]:
    """Run servers for one run, as durable as outside of tests."""
    with tempfile.TemporaryDirectory(prefix="tp-capital-scaling-", dir="/tmp") as made, ExitStack() as opened:
        folder = Path(made)
        folder.chmod(0o755)  # the server's own user must pass
        parts = {name: folder / name for name in ("postgres", "pgbouncer", "broker", "others")}
        for part in parts.values():
            part.mkdir()
        postgres = opened.enter_context(LocalPostgres(parts["postgres"], settings={"max_connections": "200"}))
        server = Server(postgres.dsn(), strategy=Strategy.NEON)
        server.make_engine_role()
        port = free_port()
        users, more = [SUPERUSER, ENGINE_ROLE], {"listen_port": str(port), "max_client_conn": "500"}
        opened.enter_context(pgbouncer(parts["pgbouncer"], postgres, users, **more))
        broker = Broker(parts["broker"])
        opened.callback(broker.server.stop)
        broker.server.start()
        gateway = opened.enter_context(
            GatewayProcess(server.create(migrated=False), parts["others"], broker_url=broker.url)
        )
        yield Site(
            postgres=postgres,
            server=server,
            pooler_port=port,
            broker=broker,
            gateway=gateway,
            folder=parts["others"],
            opened=opened,
        )


def rows_of(database: str, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with psycopg.connect(database, autocommit=True, options="-c search_path=signals") as connection:
        return list(connection.execute(query))
