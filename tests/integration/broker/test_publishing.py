"""The gateway publishes: every new or edited message reaches the broker, whatever dies in between."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from engine.timers import TimerThread
from ops.gateway.database import apply_schema, open_database
from ops.gateway.outbox import Outbox
from ops.gateway.publisher import OutboxPublisher
from ops.gateway.relay import Relay
from storage.broker.publisher import ConfirmedPublisher
from storage.gateway.client import GatewayClient
from tests.support.databases import through
from tests.support.messages import put, raw_message
from tests.support.proxy import TcpProxy
from tests.support.rabbitmq import Broker
from tests.support.stack import GatewayProcess, eventually, surroundings

Start = Callable[[str], GatewayProcess]

#: what stands for a crash at one point of `OutboxPublisher._publish_some`
CRASHES = {
    "before it is published": "publisher.ConfirmedPublisher.publish = crash",
    "after it is published, before the confirm": ("publisher._ConfirmedLine._on_confirm = crash"),
    "after the confirm, before the outbox row is removed": "outbox.Outbox.remove = crash",
}
_PROGRAM = """
import os, signal, sys, threading
import ops.gateway.outbox as outbox, storage.broker.publisher as publisher
from ops.gateway.database import open_database
from ops.gateway.publisher import OutboxPublisher
def crash(*_): os.kill(os.getpid(), signal.SIGKILL)
{where}
with open_database(sys.argv[1]) as database:
    OutboxPublisher(outbox.Outbox(database), sys.argv[2]).start()
    threading.Event().wait(120)
"""


def numbers(taken: list[tuple[str, dict[str, object], dict[str, object]]]) -> list[str]:
    return [str(body["messageId"]) for _, _, body in taken]


def health(gateway: GatewayProcess) -> dict[str, object]:
    body: dict[str, object] = requests.get(f"{gateway.url}/health", timeout=10).json()
    return body


def outbox_rows(gateway_url: str) -> int:
    with psycopg.connect(gateway_url, autocommit=True) as connection:
        row = connection.execute("select count(*) from telegram_gateway.outbox").fetchone()
    return int(row[0]) if row else 0


def test_a_message_is_published_as_the_api_shows_it_in_order_and_once(
    broker: Broker, start_gateway: Start, channel: str
) -> None:
    gateway = start_gateway(broker.url)
    with broker.tap(channel) as tap:
        put(gateway.database_url, [raw_message(n, f"text {n}", channel=channel) for n in range(1, 1201)])
        taken = tap.take(1200)
        assert numbers(taken) == [str(n) for n in range(1, 1201)]
        key, headers, body = taken[0]
        assert key == f"message.{channel}"
        assert headers == {"schemaVersion": 1, "messageKey": f"{channel}:1"}
        assert body == requests.get(f"{gateway.url}/api/messages/{body['id']}", timeout=10).json()["data"]
        eventually(lambda: outbox_rows(gateway.database_url) == 0)
        assert tap.take(1, deadline_s=0.5) == []


def test_edits_and_requests_to_reread_are_published_marks_are_not(
    broker: Broker, start_gateway: Start, channel: str
) -> None:
    gateway = start_gateway(broker.url)
    with broker.tap(channel) as tap:
        put(gateway.database_url, [raw_message(1, "first", channel=channel)])
        ((_, _, first),) = tap.take(1)
        marks = {"messageIds": ["1"], "processedBy": "tp-capital", "channelId": channel}
        assert requests.post(f"{gateway.url}/api/messages/mark-processed", json=marks, timeout=10).ok
        with psycopg.connect(gateway.database_url, autocommit=True) as connection:
            connection.execute(
                "update telegram_gateway.messages set text = 'edited', updated_at = now() where id = %s",
                (first["id"],),
            )
        ((_, _, edited),) = tap.take(1)
        assert edited["text"] == "edited"
        assert edited["updatedAt"] > first["updatedAt"]
        again = requests.post(f"{gateway.url}/api/messages/{first['id']}/reprocess", json={}, timeout=10)
        assert again.ok
        ((_, _, reread),) = tap.take(1)
        assert reread["status"] == "reprocess_pending"


def test_a_transaction_that_is_rolled_back_publishes_nothing_and_a_late_one_is_not_passed_over(
    gateway_url: str,
) -> None:
    with open_database(gateway_url) as database:
        apply_schema(database, outbox=True)
        outbox = Outbox(database)
        insert = "insert into telegram_gateway.messages (channel_id, message_id) values ('-1001', %s)"
        with psycopg.connect(gateway_url) as late, psycopg.connect(gateway_url) as other:
            late.execute(insert, ("1",))
            other.execute(insert, ("2",))
            other.rollback()
            other.execute(insert, ("3",))
            other.commit()
            pending = outbox.pending(10)
            assert [message.headers["messageKey"] for message in pending.messages] == ["-1001:3"]
            late.commit()
            outbox.remove(pending.positions)
        assert [message.headers["messageKey"] for message in outbox.pending(10).messages] == ["-1001:1"]


def test_a_gateway_whose_pooler_passes_on_no_notification_publishes_all_the_same(
    broker: Broker, folder: Path, gateway_url: str, pooler: int, channel: str
) -> None:
    """PgBouncer lends a connection for one transaction, so a listener hears nothing."""
    with (
        broker.tap(channel) as tap,
        GatewayProcess(through(gateway_url, pooler), folder, broker_url=broker.url) as gateway,
    ):
        for number in (1, 2, 3):
            put(gateway_url, [raw_message(number, "text", channel=channel)])
            assert numbers(tap.take(1)) == [str(number)]
        assert health(gateway)["status"] == "healthy"


def test_a_gateway_without_a_broker_leaves_no_outbox_to_grow(gateway_url: str) -> None:
    with open_database(gateway_url) as database:
        apply_schema(database, outbox=True)
        apply_schema(database)  # an import changes nothing of it
        put(gateway_url, [raw_message(1, "text")])
        assert outbox_rows(gateway_url) == 1
        apply_schema(database, outbox=False)
        put(gateway_url, [raw_message(2, "text")])
        with pytest.raises(psycopg.errors.UndefinedTable):
            outbox_rows(gateway_url)
        apply_schema(database, outbox=True)
        put(gateway_url, [raw_message(3, "text")])
        assert outbox_rows(gateway_url) == 1


def test_while_the_broker_is_away_messages_wait_and_health_says_it(
    broker: Broker, start_gateway: Start, channel: str
) -> None:
    with TcpProxy("127.0.0.1", broker.port) as proxy, broker.tap(channel) as tap:
        gateway = start_gateway(broker.url_through(proxy.port))
        put(gateway.database_url, [raw_message(1, "text", channel=channel)])
        assert numbers(tap.take(1)) == ["1"]
        well = {"database": "healthy", "broker": "healthy"}
        eventually(lambda: health(gateway)["checks"] == well, what="degraded")
        proxy.refuse()
        proxy.cut()
        put(gateway.database_url, [raw_message(n, "text", channel=channel) for n in range(2, 12)])
        eventually(lambda: health(gateway)["status"] == "degraded", what="health says nothing")
        shown = health(gateway)["outbox"]
        assert isinstance(shown, dict)
        assert shown["waiting"] == 10
        eventually(lambda: "refused" in str(health(gateway)["outbox"]), what="no cause")
        scraped = requests.get(f"{gateway.url}/metrics", timeout=10).text.splitlines()
        assert {"tpgateway_outbox_waiting 10.0", "tpgateway_outbox_publishing 0.0"} <= set(scraped)
        assert "tp_capital:" not in str(health(gateway)), "the address holds the password"
        proxy.accept()
        assert numbers(tap.take(10)) == [str(n) for n in range(2, 12)]
        eventually(lambda: health(gateway)["status"] == "healthy", what="still degraded")


def test_while_the_broker_has_an_alarm_nothing_is_lost_and_health_says_it(
    broker: Broker, start_gateway: Start, channel: str
) -> None:
    gateway = start_gateway(broker.url)
    with broker.tap(channel) as tap:
        broker.control("set_vm_memory_high_watermark", "0")
        try:
            put(gateway.database_url, [raw_message(n, "text", channel=channel) for n in (1, 2, 3)])
            eventually(lambda: "takes no messages" in str(health(gateway)), what="health says nothing")
        finally:
            broker.control("set_vm_memory_high_watermark", "0.4")
        assert set(numbers(tap.take(3))) == {"1", "2", "3"}
        eventually(lambda: health(gateway)["status"] == "healthy", what="still degraded")


@pytest.mark.parametrize("point", CRASHES)
def test_a_publisher_that_dies_loses_nothing(
    broker: Broker, gateway_url: str, channel: str, point: str
) -> None:
    sent = [str(n) for n in range(1, 8)]
    with broker.tap(channel) as tap, open_database(gateway_url) as database:
        apply_schema(database, outbox=True)
        put(gateway_url, [raw_message(int(n), "text", channel=channel) for n in sent])
        crashed = subprocess.run(
            [sys.executable, "-c", _PROGRAM.format(where=CRASHES[point]), gateway_url, broker.url],
            env=surroundings(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert crashed.returncode == -signal.SIGKILL, crashed.stderr
        assert outbox_rows(gateway_url) == 7, "it forgot what was not confirmed"
        following = OutboxPublisher(Outbox(database), broker.url)
        following.start()
        eventually(lambda: outbox_rows(gateway_url) == 0, what="the next one does not go on")
        following.stop()
        taken = numbers(tap.take(14, deadline_s=1.0))
    assert taken[-7:] == sent, "the last time in order"
    assert taken[:-7] in ([], sent)


def test_a_relay_publishes_for_a_gateway_that_does_not_and_again_after_a_restart_what_is_not_marked(
    broker: Broker, start_gateway: Start, channel: str
) -> None:
    gateway = start_gateway("")
    put(gateway.database_url, [raw_message(n, f"text {n}", channel=channel) for n in range(1, 251)])
    with broker.tap(channel) as tap:
        with relaying(broker, gateway, channel):
            taken = tap.take(250)
            assert numbers(taken) == [str(n) for n in range(1, 251)]
            own = requests.get(f"{gateway.url}/api/messages/{taken[0][2]['id']}", timeout=10).json()["data"]
            assert taken[0][2] == own
            put(gateway.database_url, [raw_message(251, "text", channel=channel)])
            assert numbers(tap.take(1)) == ["251"]
            with psycopg.connect(gateway.database_url, autocommit=True) as connection:
                connection.execute(
                    "update telegram_gateway.messages set text = 'edited', updated_at = now() where message_id = '7'"
                )
            ((_, _, edited),) = tap.take(1)
            assert (edited["messageId"], edited["text"]) == ("7", "edited")
            marks = {"messageIds": [str(n) for n in range(1, 251)], "processedBy": "tp-capital"}
            assert requests.post(f"{gateway.url}/api/messages/mark-processed", json=marks, timeout=10).ok
        with relaying(broker, gateway, channel):
            assert numbers(tap.take(1)) == ["251"]


@contextlib.contextmanager
def relaying(broker: Broker, gateway: GatewayProcess, channel: str) -> Iterator[None]:
    timers, stop = TimerThread(), threading.Event()
    relay = Relay(
        GatewayClient(gateway.url, api_key=None, timeout_s=20.0, timers=timers),
        ConfirmedPublisher(broker.url, stop=stop),
        channels=[channel],
        interval_s=0.05,
        batch_size=100,
    )
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        timers.close()
