"""Whole systems to be broken: each test gets a gateway and two databases."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.local.postgres import LocalPostgres
from tests.support.databases import Server
from tests.support.servers import copied_cluster, server_folder
from tests.support.stack import GatewayProcess


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that is no working copy, so that no .env is found."""
    path = Path(tempfile.mkdtemp(prefix="tp-capital-fault-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def gateway(server: Server, folder: Path) -> Iterator[GatewayProcess]:
    """Run the reference gateway on a database of its own."""
    url = server.create(migrated=False)
    with GatewayProcess(url, folder) as process:
        yield process
    server.drop(url)


@pytest.fixture
def direct_url(server: Server) -> Iterator[str]:
    """Give the test a database of its own that has the engine's schema already."""
    url = server.create(migrated=True)
    yield url
    server.drop(url)


@pytest.fixture
def own_postgres(cluster: Path) -> Iterator[LocalPostgres]:
    """Give a server that the test may break."""
    with (
        server_folder() as folder,
        LocalPostgres(copied_cluster(cluster, folder), settings={"fsync": "off"}) as server,
    ):
        yield server
