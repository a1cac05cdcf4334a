"""What every test gets: databases of its own, actors that do not outlive it, marks by folder."""

import contextlib
import functools
import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pykka
import pytest
import structlog
from hypothesis import HealthCheck, settings
from psycopg.conninfo import conninfo_to_dict

from engine.safe_text import keep_hidden
from ops.http import app as app_module
from ops.http.kit.operations import routes_of
from ops.local.ports import free_port
from ops.local.postgres import SUPERUSER, LocalPostgres
from ops.local.roles import ENGINE_ROLE, OWNER_ROLE
from storage.postgres.connect_failures import name_settings
from storage.postgres.schema import Strategy
from tests.support.actors import stop_all_actors
from tests.support.answer_models import held_to_their_models
from tests.support.databases import Server, through
from tests.support.servers import copied_cluster, pgbouncer, server_folder
from tests.support.timescale import TIMESCALE_URL

_ACTOR_STOP_TIMEOUT_S = 5
_TESTS = Path(__file__).parent
# Nothing here has to survive a power cut.
_FAST_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "max_wal_size": "192MB",
    # each connection computes its key anew
    "scram_iterations": "1",
}

# how long an example takes says something of the machine, not of the code
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the folder they lie in."""
    for item in items:
        if (room := _room_of(item.path)) in ("integration", "faults", "browser"):
            item.add_marker(room)


def pytest_collection_finish() -> None:
    """Have the garbage collector leave the tests themselves alone: to look through them all took it a fifth of the time."""
    gc.collect()
    gc.freeze()


@functools.cache
def _room_of(path: Path) -> str:
    return path.relative_to(_TESTS).parts[0]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the storage subset every way a database may be reached."""
    if "way" in metafunc.fixturenames and metafunc.definition.get_closest_marker("every_way"):
        given = (
            [pytest.param("timescale", marks=pytest.mark.timescale)] if TIMESCALE_URL in os.environ else []
        )
        metafunc.parametrize("way", ["pooled", "direct", "hostile", *given], indirect=True)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Path]:
    """Make a cluster that every server of the tests begins with a copy of."""
    with server_folder() as folder:
        with LocalPostgres(folder, settings=_FAST_SETTINGS):
            pass
        yield folder


@pytest.fixture(scope="session")
def postgres(cluster: Path) -> Iterator[LocalPostgres]:
    """Run one PostgreSQL for all tests; who breaks it must bring it back."""
    with (
        server_folder() as folder,
        LocalPostgres(copied_cluster(cluster, folder), settings=_FAST_SETTINGS) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def server(postgres: LocalPostgres) -> Server:
    """Give the place where tests make their databases."""
    server = Server(postgres.dsn(), strategy=Strategy.NEON)
    server.make_engine_role()
    # the superuser's password was made with the cluster: it is made anew, at the price of the others
    server.make_role(SUPERUSER, str(conninfo_to_dict(postgres.dsn())["password"]))
    return server


@pytest.fixture
def no_role_stays(server: Server) -> Iterator[None]:
    """Remove the roles a test has made, after its own fixtures: the next one may make the same (fault 73).

    Those that were there before belong to a fixture of the module or of all, as the two of every deployment.
    """
    before = {ENGINE_ROLE, OWNER_ROLE, *server.roles()}
    yield
    made = {name for name in server.roles() - before if name != SUPERUSER and not name.startswith("pg_")}
    if made:
        server.forget_roles(made)


@pytest.fixture(scope="session")
def pooler(postgres: LocalPostgres, server: Server) -> Iterator[int]:
    """Run one PgBouncer before it, as deployments have it, and give its port."""
    # as many databases as tests, each with its engine
    with _pooler(postgres, server, max_client_conn="1000") as port:
        yield port


@pytest.fixture(scope="session")
def hostile_pooler(postgres: LocalPostgres, server: Server) -> Iterator[int]:
    """Run a PgBouncer that gives each transaction a server connection of its own, and two at a time."""
    with _pooler(
        postgres, server, default_pool_size="2", max_db_connections="2", server_lifetime="0"
    ) as port:
        yield port


@contextlib.contextmanager
def _pooler(postgres: LocalPostgres, server: Server, **settings: str) -> Iterator[int]:
    assert server, "made first: the roles that may connect are read off it"
    port = free_port()
    with (
        server_folder() as folder,
        pgbouncer(folder, postgres, [SUPERUSER, ENGINE_ROLE], listen_port=str(port), **settings),
    ):
        yield port


@pytest.fixture(scope="session")
def timescale_server() -> Iterator[Server]:
    """Give the server with TimescaleDB that somebody has named."""
    server = Server(os.environ[TIMESCALE_URL], strategy=Strategy.TIMESCALE)
    server.make_engine_role()
    yield server
    server.tidy()


@pytest.fixture
def way(request: pytest.FixtureRequest) -> str:
    """Tell how the test reaches its database: pooled, unless it is one that goes every way."""
    return str(getattr(request, "param", "pooled"))


@pytest.fixture
def site(request: pytest.FixtureRequest, way: str) -> Server:
    """Give the server of the test's way."""
    name = "timescale_server" if way == "timescale" else "server"
    server = request.getfixturevalue(name)
    assert isinstance(server, Server)
    return server


@pytest.fixture
def strategy(site: Server) -> Strategy:
    """Give the strategy of the test's way."""
    return site.strategy


@pytest.fixture
def direct_url(request: pytest.FixtureRequest, site: Server) -> Iterator[str]:
    """Give the test a database of its own, its superuser's URL straight to the server."""
    url = site.create(migrated="migrated_url" in request.fixturenames)
    yield url
    site.drop(url)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, direct_url: str, way: str) -> str:
    """Give the test an empty database of its own, through the pooler of its way."""
    if way in ("direct", "timescale"):
        return direct_url
    return through(direct_url, request.getfixturevalue("hostile_pooler" if way == "hostile" else "pooler"))


@pytest.fixture
def migrated_url(database_url: str) -> str:
    """Give the test a database with the engine's schema."""
    return database_url


@pytest.fixture(scope="session", autouse=True)
def answers_are_held_to_their_models() -> Iterator[None]:
    """Hold every JSON answer of a service that runs in this process to its model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app_module, "routes_of", lambda operations: routes_of(held_to_their_models(operations)))
        yield


@pytest.fixture(autouse=True)
def no_actor_survives() -> Iterator[None]:
    """Stop the actors a test has started, last first, and fail the test if one does not stop.

    Those that were there before belong to a fixture of the module.
    """
    others = pykka.ActorRegistry.get_all()
    # what a handler called in the test's own thread has bound to the log must not reach the next test
    structlog.contextvars.clear_contextvars()
    # nor what an earlier one had for a secret
    keep_hidden(())
    name_settings({})
    yield
    if survivors := stop_all_actors(timeout_s=_ACTOR_STOP_TIMEOUT_S, but=others):
        pytest.fail(f"actors survived the test: {', '.join(survivors)}")


@pytest.fixture(scope="module")
def module_database_url(server: Server, pooler: int) -> Iterator[str]:
    """Give the module a database of its own with the engine's schema."""
    url = server.create(migrated=True)
    yield through(url, pooler)
    server.drop(url)
