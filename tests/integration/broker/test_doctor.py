"""What ``doctor`` says of a real broker: nothing there, all well, a foreign queue, nobody reads, an alarm."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from unittest import mock

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from config import load_settings
from engine.timers import TimerThread
from ops.doctor.broker import examine_broker
from ops.doctor.context import CheckContext
from ops.doctor.findings import CheckResult, CheckStatus
from ops.local.ports import free_port
from storage.broker.topology import DEAD, declare_queue
from tests.support.httpstub import HttpStub, json_answer
from tests.support.rabbitmq import Broker

OK, WARN, FAIL, SKIPPED = CheckStatus.OK, CheckStatus.WARN, CheckStatus.FAIL, CheckStatus.SKIPPED


def examined(**variables: str) -> dict[str, CheckResult]:
    """Return the findings by name, without the family's."""
    timers = TimerThread()
    try:
        with mock.patch.dict(os.environ, variables, clear=True):
            settings = load_settings(env_file=None)
        found = examine_broker(CheckContext(settings=settings, timers=timers, folder=Path("/")))
        return {result.name.removeprefix("broker."): result for result in found}
    finally:
        timers.close()


@pytest.fixture
def queue() -> str:
    """Give a queue's name of the test's own."""
    return f"doctor-{uuid.uuid4().hex}"


def reading(broker: Broker, queue: str) -> dict[str, CheckResult]:
    """Examine as an engine that reads this queue is set up."""
    return examined(AMQP_URL=broker.url, TP_CAPITAL_SOURCE="both", AMQP_QUEUE=queue)


def test_without_a_broker_nothing_is_checked() -> None:
    assert {result.status for result in examined().values()} == {SKIPPED}


def test_a_broker_that_is_away_fails_and_the_rest_is_skipped() -> None:
    found = examined(AMQP_URL=f"amqp://someone:so-secret@127.0.0.1:{free_port()}/")
    assert {result.status for name, result in found.items() if name != "connection"} == {SKIPPED}
    assert found["connection"].status is FAIL
    assert "refused" in found["connection"].found
    assert "so-secret" not in str(found)


def test_a_wrong_password_is_told(broker: Broker) -> None:
    found = examined(AMQP_URL=broker.url.replace("tp_capital:", "tp_capital:wrong"))
    assert found["connection"].status is FAIL
    assert "ACCESS_REFUSED" in found["connection"].found


def test_a_gateway_alone_has_no_queue(broker: Broker) -> None:
    found = examined(AMQP_URL=broker.url)
    assert (found["connection"].status, found["alarm"].status) == (OK, OK)
    assert found["queue"].status is found["consumers"].status is SKIPPED


def test_a_queue_before_and_after_the_engine_has_declared_it(broker: Broker, queue: str) -> None:
    assert (reading(broker, queue)["queue"].status, reading(broker, queue)["consumers"].status) == (
        WARN,
        SKIPPED,
    )
    with broker.channel() as channel:
        declare_queue(channel, queue)
        assert {name: result.status for name, result in reading(broker, queue).items()} == {
            "connection": OK,
            "exchange": OK,
            "queue": OK,
            "consumers": WARN,
            "dead_letters": OK,
            "policy": SKIPPED,
            "alarm": OK,
        }
        channel.basic_consume(queue, lambda *_: None)
        assert reading(broker, queue)["consumers"].status is OK
        channel.confirm_delivery()
        channel.basic_publish("", queue + DEAD, b"{}")
        dead = reading(broker, queue)["dead_letters"]
        assert dead.status is WARN
        assert dead.found.startswith("1 message")


def test_a_queue_of_another_kind_fails(broker: Broker, queue: str) -> None:
    with broker.channel() as channel:
        channel.queue_declare(queue, durable=True)
        found = reading(broker, queue)["queue"]
    assert found.status is FAIL
    assert "PRECONDITION_FAILED" in found.found


def test_a_connection_that_breaks_while_it_is_asked_is_a_finding(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise pika.exceptions.ConnectionClosedByBroker(320, "CONNECTION_FORCED - the node shuts down")

    monkeypatch.setattr(BlockingChannel, "exchange_declare", breaks)
    found = examined(AMQP_URL=broker.url)
    assert found["exchange"].status is FAIL
    assert "CONNECTION_FORCED" in found["exchange"].found
    assert {found[name].status for name in found.keys() - {"connection", "exchange"}} == {SKIPPED}


@pytest.mark.parametrize(
    ("definition", "status", "words"),
    [
        ({"max-length-bytes": 1000}, OK, "the policy of-somebody takes no message away"),
        ({"message-ttl": 1000}, FAIL, "lose messages that were not read: message-ttl"),
        ({"delivery-limit": 20}, WARN, "after 20 redeliveries"),
    ],
)
def test_a_policy_that_takes_messages_away_is_told(
    broker: Broker, queue: str, definition: dict[str, int], status: CheckStatus, words: str
) -> None:
    shown = {"name": queue, "policy": "of-somebody", "effective_policy_definition": definition}
    with HttpStub(json_answer(shown)) as management, broker.channel() as channel:
        declare_queue(channel, queue)
        found = examined(
            AMQP_URL=broker.url,
            AMQP_MANAGEMENT_URL=management.url,
            TP_CAPITAL_SOURCE="both",
            AMQP_QUEUE=queue,
        )["policy"]
        (asked,) = management.requests
    assert (found.status, words in found.found) == (status, True), found
    assert asked.path == f"/api/queues/%2F/{queue}"
    assert asked.headers["authorization"].startswith("Basic ")


def test_a_management_plugin_that_does_not_answer_is_a_warning(broker: Broker) -> None:
    found = examined(AMQP_URL=broker.url, AMQP_MANAGEMENT_URL=f"http://127.0.0.1:{free_port()}")["policy"]
    assert (found.status, "refused" in found.found) == (WARN, True), found


def test_an_alarm_fails(broker: Broker) -> None:
    broker.control("set_vm_memory_high_watermark", "0.0000001")
    try:
        found = examined(AMQP_URL=broker.url)["alarm"]
    finally:
        broker.control("set_vm_memory_high_watermark", "0.4")
    assert found.status is FAIL
    assert "memory" in found.found
    assert examined(AMQP_URL=broker.url)["alarm"].status is OK
