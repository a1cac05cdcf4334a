"""Commits told over the broker: at once while it is there."""

from __future__ import annotations

import pytest

from tests.support.rabbitmq import Broker
from tests.support.ringing import deaf_to_time, seconds_to_stream, two_roles, wait_heard


def test_a_commit_of_another_process_is_streamed_at_once_also_after_the_broker_came_back(
    broker: Broker, database_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf_to_time(monkeypatch)
    settings = {"TP_CAPITAL_SOURCE": "both", "AMQP_URL": broker.url, "AMQP_QUEUE": f"bell{channel}"}
    with two_roles(database_url, **settings) as (writing, answering):
        assert min(seconds_to_stream(writing, answering, times=10)) < 0.5
        assert answering.engine.metric("tpcapital_bell_connected ") == 1
        broker.server.stop()
        answering.engine.wait_metric("tpcapital_bell_connected ", 0)
        broker.server.start()
        wait_heard(writing, answering)
        assert min(seconds_to_stream(writing, answering, times=3)) < 0.5
