"""Acknowledgements that fail hold up nothing: no poll, no breaker; the cause is named (fault 87)."""

from __future__ import annotations

import statistics
import threading
import time

import pytest

from tests.support.between import Between
from tests.support.httpstub import Answer, json_answer
from tests.support.messages import CHANNEL, expected_price, put, signal_message, stored_signals
from tests.support.stack import GatewayProcess, engine_environment, eventually, running_daemon

INTERVAL_S = 0.2
#: reading, storing and this test's own looking, on a busy machine
SLACK_S = 1.0
NEVER = threading.Event()
FAILING = {
    "refused": (json_answer({"success": False}, status=500), "500 at /api/messages/mark-processed"),
    "cut": (Answer(body=b"x" * 1000, cut_after=10), "mark-processed"),
    "dropped": (Answer(hang_up=True), "mark-processed"),
    "hanging": (Answer(hold=NEVER), "no complete answer within 1 s"),
}


@pytest.mark.parametrize("how", FAILING)
@pytest.mark.timeout(240)
def test_fault_87_failing_acknowledgements_delay_no_signal_and_open_no_breaker(
    gateway: GatewayProcess, database_url: str, how: str
) -> None:
    answer, cause = FAILING[how]
    with Between(gateway, plain=False) as between:
        environment = engine_environment(
            database_url,
            between.url,
            GATEWAY_POLLING_INTERVAL_MS=str(round(INTERVAL_S * 1000)),
            CIRCUIT_BREAKER_TIMEOUT="1000",
        )
        with running_daemon(environment) as engine:
            engine.wait_healthy()
            between.failing["mark-processed"] = answer
            expected, delays_s = [], []
            for number in range(1, 7):
                put(gateway.database_url, [signal_message(number, ago_s=0)])
                put_s = time.monotonic()
                expected.append((CHANNEL, str(number), expected_price(number)))
                eventually(lambda: stored_signals(database_url) == expected)
                delays_s.append(time.monotonic() - put_s)
            # the middle one: a busy machine may hold up one or two
            assert statistics.median(delays_s) < INTERVAL_S + SLACK_S, delays_s
            eventually(lambda: "acknowledgements fail" in str(engine.detail("gatewayApi", "error")))
            assert cause in engine.detail("gatewayApi", "error")
            assert engine.check("pollingWorker") == "healthy"
            assert engine.metric('tpcapital_breaker_state{channel="-1001649127710",state="closed"}') == 1
            # health reports once a second
            eventually(lambda: engine.detail("pollingWorker", "channels", 0, "unacknowledged") == 6)
            del between.failing["mark-processed"]
            eventually(
                lambda: engine.detail("pollingWorker", "channels", 0, "unacknowledged") == 0, deadline_s=40
            )
            engine.wait_healthy()
            assert stored_signals(database_url) == expected
