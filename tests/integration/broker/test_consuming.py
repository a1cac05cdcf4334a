"""The engine reads from the broker: once each, in whatever order, with polling as a net under it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from actors.sources import cover
from tests.support.messages import put, raw_message, signal_message, stored_signals
from tests.support.proxy import TcpProxy
from tests.support.rabbitmq import Broker
from tests.support.stack import (
    EngineProcess,
    GatewayProcess,
    InnerEngine,
    engine_environment,
    eventually,
    running_daemon,
)

Start = Callable[[str], GatewayProcess]


def environment(database: str, gateway: str, broker_url: str, channel: str, **more: str) -> dict[str, str]:
    own = {
        "AMQP_URL": broker_url,
        "AMQP_QUEUE": f"engine{channel}",
        "TP_CAPITAL_SOURCE": "both",
        "TP_CAPITAL_SIGNALS_CHANNEL_ID": channel,
    }
    return {**engine_environment(database, gateway), **own, **more}


@contextlib.contextmanager
def engine(*arguments: str, **more: str) -> Iterator[InnerEngine]:
    """Run an engine until it reads from the broker."""
    with running_daemon(environment(*arguments, **more)) as running:
        eventually(lambda: running.check("broker") == "healthy", what=f"{running.detail('broker')}")
        yield running


def numbers(database: str) -> list[int]:
    """Return the numbers of all stored signals; doubles show."""
    return sorted(int(message_id) for _, message_id, _ in stored_signals(database))


def unmarked(gateway: str) -> int:
    with psycopg.connect(gateway, autocommit=True) as connection:
        row = connection.execute(
            "select count(*) from telegram_gateway.messages where processed_by is distinct from 'tp-capital'"
        ).fetchone()
    return int(row[0]) if row else 0


@pytest.fixture
def quick_takeover(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a broker count as away after two seconds."""
    monkeypatch.setattr(cover, "AWAY_S", 3.0)
    monkeypatch.setattr(cover, "LOOK_EVERY_S", 0.1)


def test_messages_come_through_the_broker_and_are_marked_at_the_gateway(
    broker: Broker, start_gateway: Start, database_url: str, channel: str
) -> None:
    gateway = start_gateway(broker.url)
    with engine(database_url, gateway.url, broker.url, channel) as running:
        polls = running.metric("tpcapital_polls_total")
        put(gateway.database_url, [signal_message(n, channel=channel) for n in range(1, 301)])
        eventually(lambda: numbers(database_url) == list(range(1, 301)), what="not stored")
        eventually(lambda: unmarked(gateway.database_url) == 0, what="not marked")
        assert running.metric('tpcapital_messages_total{outcome="signal",source="consumer"}') == 300
        # the gateway notifies each second, and the interval is 0.2 s
        assert running.metric("tpcapital_polls_total") <= polls + 3, "polling went on beside the broker"
        eventually(lambda: running.detail("broker", "messagesWaiting") == 0)
        assert broker.waiting(f"engine{channel}") == 0
        put(gateway.database_url, [raw_message(301, "Bom dia", channel=channel)])
        with psycopg.connect(gateway.database_url, autocommit=True) as connection:
            connection.execute(
                "update telegram_gateway.messages set text = %s, updated_at = now() where message_id = '301'",
                (signal_message(301)["text"],),
            )
        eventually(lambda: numbers(database_url) == list(range(1, 302)), what="the edit is not read")


def test_what_cannot_be_read_becomes_a_dead_letter_and_stops_nothing(
    broker: Broker, start_gateway: Start, database_url: str, channel: str
) -> None:
    gateway = start_gateway(broker.url)
    queue = f"engine{channel}"
    with engine(database_url, gateway.url, broker.url, channel) as running:
        key = f"message.{channel}"
        good = json.dumps({"id": "g1", **signal_message(1, channel=channel)}).encode()
        broker.publish(key, b"\x00\xff no JSON", b"[1, 2]", b'{"id": "g2"', b"{}", good)
        # as somebody does who brings dead letters of the broker back
        broker.publish(queue, good.replace(b"g1", b"g3").replace(b'"1"', b'"2"'), exchange="")
        eventually(lambda: numbers(database_url) == [1, 2], what="not stored")
        letters = running.get("/dead-letters").json()["data"]
        assert len(letters) == 4
        assert {letter["channel"] for letter in letters} == {channel}
        eventually(lambda: broker.waiting(queue) == 0, what="not acknowledged")
        assert running.check("broker") == "healthy"


@pytest.mark.usefixtures("quick_takeover")
def test_polling_takes_over_while_the_broker_is_away_and_gives_back(
    broker: Broker, start_gateway: Start, database_url: str, channel: str
) -> None:
    with TcpProxy("127.0.0.1", broker.port) as proxy:
        gateway = start_gateway(broker.url)
        through = broker.url_through(proxy.port)
        with engine(database_url, gateway.url, through, channel) as running:
            proxy.refuse()
            proxy.cut()
            put(gateway.database_url, [signal_message(n, channel=channel) for n in range(1, 21)])
            eventually(lambda: numbers(database_url) == list(range(1, 21)), what="nobody took over")
            eventually(lambda: "polled meanwhile" in str(running.detail("broker", "error")))
            assert running.metric('tpcapital_messages_total{outcome="signal",source="poller"}') == 20
            proxy.accept()
            eventually(lambda: running.check("broker") == "healthy", what="not given back")
            put(gateway.database_url, [signal_message(21, channel=channel)])
            eventually(lambda: numbers(database_url) == list(range(1, 22)), what="not stored")
            assert running.metric('tpcapital_messages_total{outcome="signal",source="consumer"}') == 1


@pytest.mark.usefixtures("quick_takeover")
def test_a_broker_that_hangs_is_noticed(
    broker: Broker, start_gateway: Start, database_url: str, channel: str
) -> None:
    with TcpProxy("127.0.0.1", broker.port) as proxy:
        gateway = start_gateway(broker.url)
        through = broker.url_through(proxy.port)
        with engine(database_url, gateway.url, through, channel) as running:
            proxy.freeze()
            put(gateway.database_url, [signal_message(1, channel=channel)])
            eventually(lambda: numbers(database_url) == [1], what="nobody took over")
            eventually(lambda: running.check("broker") == "degraded", what="health says nothing")
            proxy.thaw()
            eventually(lambda: running.check("broker") == "healthy", what="it does not connect again")


@pytest.mark.usefixtures("quick_takeover")
def test_what_the_broker_does_not_bring_is_polled_and_health_says_it(
    broker: Broker, start_gateway: Start, database_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cover, "NET_EVERY_S", 1.0)
    # a gateway that publishes nothing
    gateway = start_gateway("")
    with engine(database_url, gateway.url, broker.url, channel) as running:
        said: list[str] = []

        def missed() -> bool:
            put(gateway.database_url, [signal_message(len(said) + 1, channel=channel)])
            said.append(str(running.detail("broker", "error")))
            return "did not bring" in said[-1]

        eventually(missed, what="health says nothing")
        eventually(lambda: numbers(database_url) == list(range(1, len(said) + 1)), what="not polled")
        eventually(lambda: running.check("broker") == "healthy", what="still degraded")


def test_with_the_broker_alone_nothing_is_polled(
    broker: Broker, start_gateway: Start, database_url: str, channel: str
) -> None:
    gateway = start_gateway(broker.url)
    with engine(database_url, gateway.url, broker.url, channel, TP_CAPITAL_SOURCE="broker") as running:
        put(gateway.database_url, [signal_message(1, channel=channel)])
        eventually(lambda: numbers(database_url) == [1], what="not stored")
        eventually(lambda: unmarked(gateway.database_url) == 0, what="not marked")
        assert running.is_healthy(), running.health()
        assert running.metric("tpcapital_polls_total") == 0
        (shown,) = running.get("/channels").json()["data"]
        assert shown["state"] == "polling"


def test_consumers_that_are_killed_lose_and_double_nothing(
    broker: Broker, start_gateway: Start, database_url: str, channel: str, folder: Path
) -> None:
    gateway = start_gateway(broker.url)
    more = {"TP_CAPITAL_SOURCE": "broker", "GATEWAY_BATCH_SIZE": "20"}
    one, other = (
        EngineProcess(environment(database_url, gateway.url, broker.url, channel, **more), folder)
        for _ in range(2)
    )
    total = 0

    def bring(count: int) -> None:
        nonlocal total
        new = range(total + 1, total + count + 1)
        total += count
        put(gateway.database_url, [signal_message(n, channel=channel) for n in new])

    with one, other:
        for process in (one, other):
            eventually(lambda process=process: process.check("broker") == "healthy", what=process.log_text())
        for killed in (one, other):
            bring(300)
            eventually(lambda: len(numbers(database_url)) > total - 250, what="nothing is stored")
            killed.kill()
            killed.start()
        bring(100)
        eventually(lambda: len(numbers(database_url)) >= total, what="some are missing")
    assert numbers(database_url) == list(range(1, total + 1))
