"""A gateway that answers late: what it holds back is told while it waits (fault 89)."""

from __future__ import annotations

import time

import pytest

from tests.support.between import Between
from tests.support.messages import CHANNEL, expected_price, put, signal_message, stored_signals
from tests.support.stack import GatewayProcess, engine_environment, eventually, running_daemon

INTERVAL_S, CALL_LIMIT_S, LATE_S = 0.2, 2.0, 1.7
#: health looks once a second; the rest is this machine's
LOOK_S = 1.5


@pytest.mark.timeout(240)
def test_fault_89_no_look_says_healthy_while_a_message_waits_longer_than_interval_and_call_limit(
    gateway: GatewayProcess, database_url: str
) -> None:
    """Each answer is in time by the limit of a call; a message that just missed one waits for two of them."""
    with Between(gateway, plain=False) as between:
        environment = engine_environment(
            database_url,
            between.url,
            GATEWAY_POLLING_INTERVAL_MS=str(round(INTERVAL_S * 1000)),
            CIRCUIT_BREAKER_TIMEOUT=str(round(CALL_LIMIT_S * 1000)),
        )
        with running_daemon(environment) as engine:
            engine.wait_healthy()
            between.late_s["unprocessed"] = LATE_S
            eventually(lambda: engine.check("pollingWorker") == "degraded", deadline_s=10)
            assert "may not be read yet" in engine.detail("pollingWorker", "error")
            put(gateway.database_url, [signal_message(1, ago_s=0)])
            put_s = time.monotonic()
            while stored_signals(database_url) != [(CHANNEL, "1", expected_price(1))]:
                # what the alert judges counts from when the poll began, too: its answer says nothing of later
                assert engine.metric("tpcapital_last_successful_poll_age_seconds") >= LATE_S
                waited_s = time.monotonic() - put_s
                if waited_s > INTERVAL_S + CALL_LIMIT_S + LOOK_S:
                    assert not engine.is_healthy(), waited_s
                assert waited_s < 15
            assert engine.metric('tpcapital_breaker_state{channel="-1001649127710",state="closed"}') == 1
            del between.late_s["unprocessed"]
            engine.wait_healthy()
