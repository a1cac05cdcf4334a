"""PgBouncer as deployed, in front of the database: under many readers, and taken away."""

import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import requests

from ops.local.ports import free_port
from ops.local.postgres import SUPERUSER, LocalPostgres
from ops.local.process import OwnedProcess
from ops.local.roles import ENGINE_ROLE
from tests.support.databases import Server, as_engine, through
from tests.support.messages import put, signal_message, stored_signals
from tests.support.servers import pgbouncer
from tests.support.stack import GatewayProcess, InnerEngine, engine_environment, eventually, running_daemon


class Pooler:
    """A PgBouncer with the settings of a deployment: 100 clients, 25 server connections."""

    def __init__(self, postgres: LocalPostgres, folder: Path) -> None:
        self.port = free_port()
        self._postgres = postgres
        self._folder = folder
        self.process: OwnedProcess
        self.start()

    def start(self) -> None:
        self.process = pgbouncer(
            self._folder,
            self._postgres,
            [SUPERUSER, ENGINE_ROLE],
            listen_port=str(self.port),
            stats_users=SUPERUSER,
        )

    def most_connections(self, stop: threading.Event) -> Counter[str]:
        """Look at the pools until told; return the most connections seen, of clients and to the server."""
        most: Counter[str] = Counter()
        url = through(self._postgres.dsn("pgbouncer"), self.port)
        with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as console:
            while not stop.wait(0.01):
                cursor = console.execute("show pools")
                assert cursor.description is not None
                names = [column.name for column in cursor.description]
                rows = [dict(zip(names, row, strict=True)) for row in cursor if row[1] == ENGINE_ROLE]
                for kind in ("cl_", "sv_"):
                    counts = [int(v) for row in rows for k, v in row.items() if k.startswith(kind)]
                    most[kind] = max(most[kind], sum(counts))
        return most


@pytest.fixture
def pooled(postgres: LocalPostgres, server: Server) -> Iterator[Pooler]:
    assert server, "it makes the role that connects"
    folder = Path(tempfile.mkdtemp(prefix="tp-capital-pooler-", dir="/tmp"))
    pooler = Pooler(postgres, folder)
    yield pooler
    pooler.process.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def engine(pooled: Pooler, direct_url: str, gateway: GatewayProcess) -> Iterator[InnerEngine]:
    """Run an engine through that pooler, as its own role, with 200 signals to serve."""
    put(gateway.database_url, [signal_message(number) for number in range(1, 201)])
    url = as_engine(through(direct_url, pooled.port))
    with running_daemon(engine_environment(url, gateway.url)) as running:
        running.wait_healthy()
        eventually(lambda: len(running.get("/signals?limit=1000").json()["data"]) == 200)
        yield running


@pytest.mark.parametrize("readers", [100, 300])
def test_many_readers_at_once_are_all_answered_over_25_server_connections_at_most(
    pooled: Pooler, engine: InnerEngine, readers: int
) -> None:
    stop, begin = threading.Event(), threading.Barrier(readers)

    def read(number: int) -> tuple[int, int]:
        begin.wait(30)
        # a question nobody else asks: no cache answers it
        answer = requests.get(f"{engine.url}/signals?limit=1000&to={2_000_000_000 + number}", timeout=30)
        return answer.status_code, len(answer.json()["data"])

    with ThreadPoolExecutor(readers + 1) as threads:
        looking = threads.submit(pooled.most_connections, stop)
        try:
            answers = list(threads.map(read, range(readers)))
        finally:
            stop.set()
    assert answers == [(200, 200)] * readers
    most = looking.result()
    assert 3 <= most["sv_"] <= 25
    assert most["cl_"] <= 25, "the engine's own pool is the bound"


def test_a_pooler_that_is_restarted_loses_and_doubles_nothing(
    pooled: Pooler, engine: InnerEngine, gateway: GatewayProcess, direct_url: str
) -> None:
    pooled.process.kill()
    put(gateway.database_url, [signal_message(number) for number in range(201, 301)])
    eventually(lambda: engine.check("timescaledb") == "unhealthy")
    pooled.start()
    eventually(lambda: len(stored_signals(direct_url)) == 300)
    engine.wait_healthy()
    assert len(engine.get("/signals?limit=1000").json()["data"]) == 300
