"""When a poller holds back: the gateway's rate limit, and the breaker."""

from __future__ import annotations

import pytest
import structlog

from actors.shown.snapshots import PollState
from engine.breaker import BreakerPolicy, BreakerState
from engine.messages import PollNow
from storage.errors import (
    GatewayAnswerError,
    GatewayError,
    GatewayRateLimitedError,
    GatewayTimeoutError,
    GatewayUnauthorizedError,
    GatewayUnreachableError,
)
from tests.support.polling import Polling
from tests.support.recording import message, messages

DOWN = GatewayUnreachableError("connection refused at /api/messages/unprocessed")
RING = PollNow(reason="test")

# ── too fast ─────────────────────────────────────────────────────────────────


def limited(polling: Polling, retry_after_s: float = 42.0) -> None:
    polling.gateway.down = GatewayRateLimitedError("429 at /api", retry_after_s)


def test_fault_6_a_rate_limit_is_obeyed() -> None:
    polling = Polling()
    limited(polling)
    polling.poll()
    assert polling.next_poll_s == 42
    assert polling.snapshot.state is PollState.FAILED


def test_fault_6_a_ring_does_not_break_the_rate_limit() -> None:
    polling = Polling()
    limited(polling)
    polling.poll()
    polling.pass_s(2)
    for _ in range(3):
        polling.poller.on_receive(RING)
    assert polling.gateway.calls == ["unprocessed"]
    assert polling.next_poll_s == 40
    polling.gateway.down = None
    polling.poll()
    assert polling.snapshot.state is PollState.EMPTY


def test_fault_6_a_rate_limit_on_an_acknowledgement_is_obeyed_by_polls_too() -> None:
    polling = Polling(*messages(1, 2, 3, 4))
    polling.poll()
    limited(polling)
    polling.commit(polling.batch())
    polling.gateway.down = None
    polling.pass_s(41)
    assert polling.gateway.calls == ["unprocessed", "mark_processed"]
    polling.pass_s(1)
    assert polling.gateway.calls[2:4] == ["mark_processed", "reprocess"]


def test_a_rate_limit_is_no_failure_for_the_breaker() -> None:
    polling = Polling()
    limited(polling, retry_after_s=1)
    polling.pass_s(60)
    assert polling.polls("failed") > 20
    assert polling.snapshot.breaker is BreakerState.CLOSED
    assert polling.snapshot.breaker_calls == 0


# ── the breaker ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "error",
    [DOWN, GatewayTimeoutError("slow"), GatewayAnswerError("not JSON"), GatewayUnauthorizedError("401", 401)],
)
def test_fault_15_five_failures_open_the_breaker_and_polls_are_rejected(error: GatewayError) -> None:
    polling = Polling()
    polling.gateway.down = error
    for _ in range(5):
        polling.poll()
    assert polling.snapshot.breaker is BreakerState.OPEN
    assert polling.snapshot.breaker_openings == 1
    polling.poll()
    assert polling.snapshot.state is PollState.REJECTED
    assert len(polling.gateway.calls) == 5, "nothing was asked"


def test_fault_15_a_single_trial_comes_no_later_than_the_reset_time() -> None:
    polling = Polling(message(1), breaker=BreakerPolicy(reset_s=12))
    polling.gateway.down = DOWN
    for _ in range(5):
        polling.poll()
    polling.pass_s(11.9)
    assert len(polling.gateway.calls) == 5
    polling.pass_s(0.2)
    assert len(polling.gateway.calls) == 6
    assert polling.snapshot.breaker is BreakerState.OPEN, "the trial failed"
    polling.gateway.down = None
    polling.pass_s(12.1)
    assert len(polling.gateway.calls) == 7
    assert polling.snapshot.breaker_openings == 2
    assert polling.snapshot.state is PollState.MESSAGES
    assert len(polling.batches()) == 1


def test_rings_while_the_breaker_is_open_ask_nothing() -> None:
    polling = Polling()
    polling.gateway.down = DOWN
    for _ in range(5):
        polling.poll()
    for _ in range(10):
        polling.poller.on_receive(RING)
    assert len(polling.gateway.calls) == 5
    assert polling.next_poll_s is not None


def test_the_breakers_changes_are_logged_in_the_fixed_words_and_counted() -> None:
    polling = Polling()
    with structlog.testing.capture_logs() as logs:
        polling.gateway.down = DOWN
        for _ in range(5):
            polling.poll()
        polling.gateway.down = None
        polling.pass_s(35)
    words = [log["message"] for log in logs if log["event"] == "breaker.changed"]
    assert words == ["Circuit breaker opened", "Circuit breaker half-open", "Circuit breaker closed"]
    labels = {"channel": "-1001", "state": "open"}
    assert polling.count("tpcapital_breaker_transitions_total", **labels) == 1
