"""What every test gets: databases of its own, actors that do not outlive it, marks by folder."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from ops.local.postgres import LocalPostgres
from tests.support.actors import stop_all_actors

_ACTOR_STOP_TIMEOUT_S = 5
_TESTS = Path(__file__).parent
# Nothing here has to survive a power cut.
_FAST_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the folder they lie in."""
    for item in items:
        for name in ("integration", "faults"):
            if item.path.is_relative_to(_TESTS / name):
                item.add_marker(name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[LocalPostgres]:
    """Run one PostgreSQL for all tests; who breaks it must bring it back."""
    # Not pytest's own temporary folder: as root that one is closed to the server's user, on purpose.
    folder = Path(tempfile.mkdtemp(prefix="tp-capital-tests-", dir="/tmp"))
    server = LocalPostgres(folder, settings=_FAST_SETTINGS)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database_url(postgres: LocalPostgres) -> Iterator[str]:
    """Give the test an empty database of its own."""
    name = f"test_{uuid.uuid4().hex}"
    postgres.create_database(name)
    yield postgres.dsn(name)
    postgres.drop_database(name)


@pytest.fixture(autouse=True)
def no_actor_survives() -> Iterator[None]:
    """Stop all actors after each test, last started first, and fail the test if one does not stop."""
    # what a handler called in the test's own thread has bound to the log must not reach the next test
    structlog.contextvars.clear_contextvars()
    yield
    if survivors := stop_all_actors(timeout_s=_ACTOR_STOP_TIMEOUT_S):
        pytest.fail(f"actors survived the test: {', '.join(survivors)}")
