"""Families of checks run against real servers, one family at a time."""

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import psycopg
import pytest

from config import load_settings
from engine.timers import TimerThread
from ops.doctor.context import CheckContext
from ops.doctor.findings import CheckResult
from ops.doctor.runner import Family
from ops.local.postgres import LocalPostgres
from ops.local.roles import ENGINE_ROLE, OWNER_ROLE, RolePasswords, make_database
from storage.postgres.schema import Strategy, migrate
from tests.support.databases import ENGINE_PASSWORD, Server, as_engine, name_of

OWNER_PASSWORD = "owner's own"
Look = Callable[..., dict[str, CheckResult]]
Around = Callable[..., CheckContext]


@pytest.fixture
def timers() -> Iterator[TimerThread]:
    """Run a timer thread for the test."""
    thread = TimerThread()
    yield thread
    thread.close()


@pytest.fixture
def around(timers: TimerThread, tmp_path: Path) -> Around:
    """Make surroundings of settings given as variables; other arguments in lower case are theirs."""

    def make(**given: object) -> CheckContext:
        variables = {name: str(value) for name, value in given.items() if name.isupper()}
        more = {name: value for name, value in given.items() if not name.isupper()}
        with mock.patch.dict(os.environ, variables, clear=True):
            settings = load_settings(env_file=None)
        return CheckContext(settings=settings, timers=timers, **{"folder": tmp_path, **more})  # type: ignore[arg-type]

    return make


@pytest.fixture
def look(around: Around) -> Look:
    """Run one family and return its findings by name."""

    def run(family: Family, **given: object) -> dict[str, CheckResult]:
        findings = list(family(around(**given)))
        found = {finding.name: finding for finding in findings}
        assert len(found) == len(findings), "a name stands there twice"
        return found

    return run


@pytest.fixture(scope="session")
def deployment(postgres: LocalPostgres, server: Server) -> Iterator[str]:
    """Make a database as a deployment has it, owner and engine apart, to be copied; give its name."""
    assert server, "the engine's role is made there"
    name = f"test_{uuid.uuid4().hex}"
    passwords = RolePasswords(owner=OWNER_PASSWORD, engine=ENGINE_PASSWORD)
    make_database(postgres, name, passwords)
    timers = TimerThread()
    migrate(
        postgres.dsn(name, OWNER_ROLE, OWNER_PASSWORD),
        schema="signals",
        strategy=Strategy.NEON,
        timers=timers,
        engine_role=ENGINE_ROLE,
    )
    timers.close()
    yield name
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def shared_url(postgres: LocalPostgres, deployment: str) -> Iterator[str]:
    """Give a deployment's database that no test changes, by the superuser's URL."""
    with _copy(postgres, deployment) as url:
        yield url


@pytest.fixture
def admin_url(postgres: LocalPostgres, deployment: str) -> Iterator[str]:
    """Give the test a deployment's database of its own, to change it, by the superuser's URL."""
    with _copy(postgres, deployment) as url:
        yield url


@contextlib.contextmanager
def _copy(postgres: LocalPostgres, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(f"create database {name} template {template} owner {OWNER_ROLE}".encode())
    yield postgres.dsn(name)
    postgres.drop_database(name)


@pytest.fixture
def database_name(request: pytest.FixtureRequest) -> str:
    """Give the name of the test's own database, or else of the shared one."""
    own = "admin_url" in request.fixturenames
    return name_of(request.getfixturevalue("admin_url" if own else "shared_url"))


@pytest.fixture
def owned_url(postgres: LocalPostgres, database_name: str) -> str:
    """Give the database by its owner's URL."""
    return postgres.dsn(database_name, OWNER_ROLE, OWNER_PASSWORD)


@pytest.fixture
def engine_url(postgres: LocalPostgres, database_name: str) -> str:
    """Give the database for the engine's role."""
    return as_engine(postgres.dsn(database_name))
