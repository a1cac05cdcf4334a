"""Whole systems to be broken: each test gets a gateway and two empty databases."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.local.postgres import LocalPostgres
from tests.support.stack import GatewayProcess


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that is no working copy, so that no .env is found."""
    path = Path(tempfile.mkdtemp(prefix="tp-capital-fault-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def gateway(postgres: LocalPostgres, folder: Path) -> Iterator[GatewayProcess]:
    """Run the reference gateway on a database of its own."""
    name = f"gateway_{uuid.uuid4().hex}"
    postgres.create_database(name)
    with GatewayProcess(postgres.dsn(name), folder) as process:
        yield process
    postgres.drop_database(name)


@pytest.fixture
def own_postgres() -> Iterator[LocalPostgres]:
    """Give a server that the test may break."""
    folder = Path(tempfile.mkdtemp(prefix="tp-capital-own-", dir="/tmp"))
    server = LocalPostgres(folder)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)
