"""One fresh database for the tests of a module, through the pooler: the engine that serves them is started once."""

from collections.abc import Iterator

import pytest

from tests.support.databases import Server, through


@pytest.fixture(scope="module")
def module_database_url(server: Server, pooler: int) -> Iterator[str]:
    """Give the module an empty database of its own."""
    url = server.create(migrated=False)
    yield through(url, pooler)
    server.drop(url)
