"""The runs of docs/scaling.md, each so small that it shows that the run itself works."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bench.scaling.killing import Killing, kill_all
from tests.bench.scaling.site import Site, rows_of
from tests.bench.scaling.trouble import alarm
from tests.support.rabbitmq import Broker
from tests.support.stack import GatewayProcess


@pytest.fixture
def site(
    request: pytest.FixtureRequest,
    broker: Broker,
    start_gateway: Callable[[str], GatewayProcess],
    folder: Path,
    channel: str,
) -> Iterator[Site]:
    """Put the servers of all tests in place of a run's own."""
    with contextlib.ExitStack() as opened:
        yield Site(
            postgres=request.getfixturevalue("postgres"),
            server=request.getfixturevalue("server"),
            pooler_port=request.getfixturevalue("pooler"),
            broker=broker,
            gateway=start_gateway(broker.url),
            folder=folder,
            opened=opened,
            queue=f"scaling{channel}",
        )


@pytest.mark.timeout(300)
def test_killed_processes_and_a_killed_publisher_leave_what_one_reader_in_order_leaves(site: Site) -> None:
    plan = Killing(
        channels=3,
        messages=96,
        processes=2,
        engine_kills=1,
        gateway_kills=1,
        broker_kills=0,
        postgres_kills=0,
        deadline_s=120,
    )
    found = kill_all(site, plan)
    assert found.well, found
    assert (found.kills, found.posted) == (3, 96)


def test_while_the_broker_takes_no_messages_they_are_polled_and_the_gateway_says_it(site: Site) -> None:
    found = alarm(site, channels=2, each=40, away_s=2)
    assert found.well, found
    assert "memory" in found.gateway_said
    assert rows_of(site.gateway.database_url, "select 1 from telegram_gateway.outbox limit 1") == []
