"""One database for the tests of a module: the engine that serves them is started once."""

import uuid
from collections.abc import Iterator

import pytest

from ops.local.postgres import LocalPostgres


@pytest.fixture(scope="module")
def module_database_url(postgres: LocalPostgres) -> Iterator[str]:
    """Give the module an empty database of its own."""
    name = f"test_{uuid.uuid4().hex}"
    postgres.create_database(name)
    yield postgres.dsn(name)
    postgres.drop_database(name)
