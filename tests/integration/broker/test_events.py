"""What happens is offered to other systems: in the order of commits, at least once, from a position in the database."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import requests

from storage.broker.values import EVENTS
from tests.support.messages import put, raw_message, signal_message
from tests.support.proxy import TcpProxy
from tests.support.rabbitmq import Broker, Tap
from tests.support.stack import (
    EngineProcess,
    GatewayProcess,
    InnerEngine,
    engine_environment,
    eventually,
    running_daemon,
)

KEY = "a-key-of-this-test"
Start = Callable[[str], GatewayProcess]


def environment(database: str, gateway: str, broker_url: str, channel: str) -> dict[str, str]:
    own = {
        "AMQP_URL": broker_url,
        "AMQP_QUEUE": f"engine{channel}",
        "TP_CAPITAL_SOURCE": "both",
        "TP_CAPITAL_EVENTS": "1",
        "TP_CAPITAL_API_KEY": KEY,
        "TP_CAPITAL_SIGNALS_CHANNEL_ID": channel,
    }
    return {**engine_environment(database, gateway), **own}


@contextlib.contextmanager
def engine(*arguments: str) -> Iterator[InnerEngine]:
    """Run an engine until it publishes events."""
    with running_daemon(environment(*arguments)) as running:
        for name in ("events", "broker"):
            eventually(lambda name=name: running.check(name) == "healthy", what=f"{running.detail(name)}")
        yield running


def taken(tap: Tap, count: int) -> list[dict[str, Any]]:
    """Return the next events, whose routing keys agree with them."""
    events = []
    for key, _, event in tap.take(count):
        assert key == f"{event['type']}.{event['partitionkey']}"
        assert (event["specversion"], event["datacontenttype"]) == ("1.0", "application/json")
        events.append(event)
    assert len(events) == count
    return events


def edit(gateway: GatewayProcess, number: int, text: str) -> None:
    with psycopg.connect(gateway.database_url, autocommit=True) as connection:
        connection.execute(
            "update telegram_gateway.messages set text = %s, updated_at = now() where message_id = %s",
            (text, str(number)),
        )


def test_the_life_of_a_signal_and_a_channel_is_told(
    broker: Broker, start_gateway: Start, database_url: str, channel: str
) -> None:
    gateway = start_gateway(broker.url)
    with (
        broker.event_tap(f"signal.*.{channel}") as tap,
        broker.event_tap(f"channel.changed.{channel}") as changes,
        engine(database_url, gateway.url, broker.url, channel) as running,
    ):
        put(gateway.database_url, [signal_message(n, channel=channel) for n in (1, 2)])
        first, second = taken(tap, 2)
        shown = {row["id"]: row for row in running.get("/signals").json()["data"]}
        for event in (first, second):
            assert event["type"] == "signal.created"
            assert event["data"] == shown[int(event["subject"])]
        assert first["id"] != second["id"]

        put(gateway.database_url, [raw_message(3, "PETR4 alvo 1 atingido", channel=channel)])
        updated = taken(tap, 1)[0]
        assert (updated["type"], updated["data"]["current"]["status"]) == ("signal.updated", "target_1")

        edit(gateway, 1, signal_message(9)["text"])
        superseded, created = sorted(taken(tap, 2), key=lambda event: event["type"], reverse=True)
        assert (superseded["type"], created["type"]) == ("signal.superseded", "signal.created")
        assert superseded["data"]["replaced_by"] == created["data"]["id"]

        edit(gateway, 2, "Bom dia")
        (removed,) = taken(tap, 1)
        assert (removed["type"], removed["data"]["replaced_by"]) == ("signal.removed", None)
        assert removed["data"]["message_id"] == "2"

        said = requests.post(
            f"{running.url}/channels",
            json={"id": channel, "label": "Sala"},
            headers={"X-API-Key": KEY},
            timeout=10,
        )
        assert said.ok, said.text
        # the first look may come before the channel of the settings is in the table
        (said_first,) = taken(changes, 1)
        labelled = taken(changes, 1)[0] if said_first["data"]["change"] == "added" else said_first
        assert labelled["data"] == {"channel": channel, "change": "labelled", "label": "Sala"}


def test_a_broker_that_is_away_holds_up_nothing_and_is_told_everything_later(
    broker: Broker, start_gateway: Start, database_url: str, channel: str
) -> None:
    gateway = start_gateway(broker.url)
    with TcpProxy("127.0.0.1", broker.port) as proxy, broker.event_tap(f"signal.created.{channel}") as tap:
        way = broker.url_through(proxy.port)
        with engine(database_url, gateway.url, way, channel) as running:
            proxy.refuse()
            proxy.cut()
            put(gateway.database_url, [signal_message(n, channel=channel) for n in range(1, 31)])
            eventually(lambda: len(running.get("/signals").json()["data"]) == 30, what="not stored")
            eventually(lambda: running.check("events") == "degraded", what=f"{running.detail('events')}")
            proxy.accept()
            numbers = [int(event["data"]["message_id"]) for event in taken(tap, 30)]
            eventually(lambda: running.check("events") == "healthy", what=f"{running.detail('events')}")
    assert sorted(numbers) == list(range(1, 31))


def test_a_daemon_that_is_killed_again_and_again_leaves_out_no_event(
    broker: Broker, start_gateway: Start, database_url: str, channel: str, folder: Path
) -> None:
    gateway = start_gateway(broker.url)
    total = 0
    with broker.event_tap(f"signal.created.{channel}") as tap:
        for _ in range(3):
            with EngineProcess(
                environment(database_url, gateway.url, broker.url, channel), folder
            ) as process:
                eventually(lambda process=process: process.check("events") == "healthy", what="no events")
                put(
                    gateway.database_url,
                    [signal_message(n, channel=channel) for n in range(total + 1, total + 41)],
                )
                total += 40
                eventually(
                    lambda process=process: bool(process.get("/signals").json()["data"]), what="nothing"
                )
                process.kill()
        with EngineProcess(environment(database_url, gateway.url, broker.url, channel), folder):
            identities: dict[str, int] = {}
            while len(set(identities.values())) < total:
                (event,) = taken(tap, 1)
                number = int(event["data"]["message_id"])
                assert identities.setdefault(event["id"], number) == number, "an id that means two events"
    assert len(identities) == total, "a double has another id"


def test_health_is_told_and_binds_by_its_type(
    broker: Broker, start_gateway: Start, database_url: str, channel: str
) -> None:
    gateway = start_gateway(broker.url)
    with broker.event_tap("health.changed") as tap, engine(database_url, gateway.url, broker.url, channel):
        key, _, event = tap.take(1)[0]
    assert (key, event["type"]) == ("health.changed", "health.changed")
    assert event["data"]["status"] in ("healthy", "degraded", "unhealthy")
    assert "partitionkey" not in event
    assert json.loads(json.dumps(event))["source"].startswith("/tp-capital/daemons/")
    assert EVENTS == "tp-capital.events"
