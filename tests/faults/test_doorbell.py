"""From the gateway to the stream: with the doorbell nothing waits for the polling interval."""

from __future__ import annotations

import pytest

from tests.support.messages import processed_count, put, signal_message
from tests.support.serving import EventStream
from tests.support.stack import GatewayProcess, engine_environment, eventually, running_daemon

#: no poll by the interval falls into a test
INTERVAL_MS = 3_600_000


def test_each_new_message_is_on_the_stream_long_before_the_next_poll(
    gateway: GatewayProcess, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = engine_environment(
        database_url, gateway.url, TP_CAPITAL_DOORBELL="1", GATEWAY_POLLING_INTERVAL_MS=str(INTERVAL_MS)
    )
    with running_daemon(environment) as engine:
        engine.wait_healthy()
        with EventStream(engine.port, "/signals/stream", {}, timeout_s=60.0) as stream:
            put(gateway.database_url, [signal_message(1, ago_s=5)])
            assert stream.take(1)[0].data["message_id"] == "1"
            # from now on it waits for the poller's answer alone, and for no look of the cache
            monkeypatch.setattr("actors.doorbell.AFTER_RING_S", INTERVAL_MS / 1000)
            monkeypatch.setattr("actors.cache.LOOK_EVERY_S", INTERVAL_MS / 1000)
            put(gateway.database_url, [signal_message(2, ago_s=5)])
            assert stream.take(1)[0].data["message_id"] == "2"
            for number in range(3, 9):
                put(gateway.database_url, [signal_message(number, ago_s=5)])
                assert stream.take(1)[0].data["message_id"] == str(number)
        eventually(lambda: processed_count(gateway.database_url) == 8)


def test_signals_of_many_weeks_in_one_commit_are_all_on_the_stream(
    gateway: GatewayProcess, database_url: str
) -> None:
    environment = engine_environment(database_url, gateway.url, TP_CAPITAL_DOORBELL="1")
    with running_daemon(environment) as engine:
        engine.wait_healthy()
        with EventStream(engine.port, "/signals/stream", {}, timeout_s=60.0) as stream:
            week_s = 7 * 86_400.0
            put(gateway.database_url, [signal_message(n, ago_s=n * week_s) for n in range(1, 12)])
            assert {event.data["message_id"] for event in stream.take(11)} == {str(n) for n in range(1, 12)}
