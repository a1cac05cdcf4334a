"""One RabbitMQ for the folder, and for each test a gateway that publishes to it."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.local.postgres import LocalPostgres
from tests.support.rabbitmq import Broker
from tests.support.stack import GatewayProcess


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """Run one node; who breaks it must bring it back."""
    folder = Path(tempfile.mkdtemp(prefix="tp-capital-tests-", dir="/tmp"))
    broker = Broker(folder)
    try:
        broker.server.start()
        yield broker
    finally:
        broker.server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def channel() -> str:
    """Give a channel that no other test uses."""
    return f"-100{uuid.uuid4().int % 10**9 + 10**9}"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that is no working copy, so that no .env is found."""
    path = Path(tempfile.mkdtemp(prefix="tp-capital-broker-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def gateway_url(postgres: LocalPostgres) -> Iterator[str]:
    """Give a database for a gateway."""
    name = f"gateway_{uuid.uuid4().hex}"
    postgres.create_database(name)
    yield postgres.dsn(name)
    postgres.drop_database(name)


@pytest.fixture
def start_gateway(folder: Path, gateway_url: str) -> Iterator[Callable[[str], GatewayProcess]]:
    """Start gateways that publish to an address; they are killed at the end."""
    started: list[GatewayProcess] = []

    def start(broker_url: str) -> GatewayProcess:
        started.append(GatewayProcess(gateway_url, folder, broker_url=broker_url))
        started[-1].start()
        return started[-1]

    yield start
    for gateway in started:
        gateway.kill()
