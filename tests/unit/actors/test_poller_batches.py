"""The life of a poller's batch: acknowledged after commit, lost with an actor, drained before the stop."""

from __future__ import annotations

from datetime import timedelta

import pytest
import structlog

from actors.sources.source import CREDIT_S
from engine.breaker import BreakerState
from engine.messages import BatchDelayed, CheckHistory, Drain, Drained, GenerationRaised
from engine.model import SourceMessage
from storage.errors import (
    GatewayError,
    GatewayStatusError,
    GatewayTimeoutError,
    GatewayUnreachableError,
)
from tests.support.clock import START
from tests.support.polling import BATCH_SIZE, INTERVAL_S, Polling
from tests.support.recording import CHANNEL, malformed, message, messages

RESET = GatewayUnreachableError("connection reset at /api/messages/mark-processed")


def in_flight(*new: SourceMessage) -> Polling:
    polling = Polling(*(new or messages(1, 2, 3)))
    polling.poll()
    return polling


# ── acknowledging ────────────────────────────────────────────────────────────


def test_fault_6_a_batch_is_acknowledged_in_one_request_after_its_commit() -> None:
    polling = in_flight()
    batch = polling.batch()
    assert polling.gateway.acks == []
    polling.commit(batch)
    assert polling.gateway.acks == [("1", "2", "3")]
    assert polling.snapshot.unacknowledged == 0


def test_the_lag_is_that_of_the_newest_message_from_its_receipt_to_its_commit() -> None:
    polling = in_flight()
    assert polling.snapshot.lag_s is None
    polling.add_channel(START)
    polling.pass_s(10)
    polling.commit(polling.batch())
    assert polling.snapshot.lag_s == 7, "message 3 was received three seconds after the start"


def test_a_poller_that_ends_leaves_no_connection_behind() -> None:
    polling = in_flight()
    polling.poller.on_stop()
    assert polling.gateway.closed == 1


def test_duplicates_are_acknowledged_too() -> None:
    polling = in_flight()
    polling.commit(polling.batch(), new=0)
    assert polling.gateway.acks == [("1", "2", "3")]


def test_a_failed_acknowledgement_is_repeated_at_the_next_poll_and_the_messages_are_not() -> None:
    polling = in_flight(*messages(1, 2))
    polling.gateway.ack_errors.append(RESET)
    polling.commit(polling.batch())
    assert polling.snapshot.unacknowledged == 2
    polling.poll()
    assert polling.gateway.acks == [("1", "2")] * 2
    assert polling.batches() == []
    assert polling.snapshot.unacknowledged == 0


def test_the_page_grows_with_what_is_not_acknowledged_and_brings_only_what_is_new() -> None:
    polling = in_flight()
    polling.gateway.ack_errors.extend([RESET] * 4)
    polling.commit(polling.batch())
    polling.gateway.unread.extend(messages(4, 5, 6, 7))
    polling.poll()
    assert polling.gateway.limits == [BATCH_SIZE, BATCH_SIZE + 3]
    assert polling.batch().messages == messages(4, 5, 6)


def test_fault_1_messages_that_can_not_be_acknowledged_block_nothing() -> None:
    stuck = [malformed(f"odd {number}") for number in range(BATCH_SIZE)]
    polling = in_flight(*stuck)
    polling.commit(polling.batch())
    assert polling.gateway.acks == []
    polling.poll()
    # the page holds nothing new: it is not a full page
    assert polling.next_poll_s == INTERVAL_S
    polling.gateway.unread.append(message(1))
    polling.poll()
    assert polling.batch().messages == (message(1),)
    assert polling.snapshot.unacknowledged == BATCH_SIZE


def test_the_page_never_grows_past_what_a_gateway_gives() -> None:
    polling = in_flight()
    polling.commit(polling.batch())
    polling.poller._held.add(malformed(f"odd {number}") for number in range(20_000))
    polling.poll()
    assert polling.gateway.limits[-1] == 10_000


@pytest.mark.parametrize(
    "error", [RESET, GatewayTimeoutError("no complete answer within 5 s"), GatewayStatusError("500", 500)]
)
def test_fault_87_failing_acknowledgements_neither_open_the_breaker_nor_stop_polling(
    error: GatewayError,
) -> None:
    polling = in_flight()
    polling.gateway.ack_errors.extend([error] * 5000)
    polling.commit(polling.batch())
    for number in range(4, 40):
        polling.gateway.unread.append(message(number))
        polling.pass_s(INTERVAL_S)
        batch = polling.batch()
        assert batch.messages == (message(number),), "found within one interval"
        polling.commit(batch)
    assert polling.snapshot.breaker is BreakerState.CLOSED
    assert polling.snapshot.breaker_failures == 0
    assert polling.snapshot.error is None
    assert polling.acks_snapshot.error == f"acknowledgements fail: {error}"
    polling.gateway.ack_errors.clear()
    polling.pass_s(30)
    assert polling.snapshot.unacknowledged == 0
    assert polling.acks_snapshot.error is None


def test_fault_87_one_success_and_one_failure_a_round_open_no_breaker() -> None:
    polling = Polling()
    for number in range(1, 30):
        polling.gateway.unread.append(message(number))
        polling.gateway.ack_errors.append(RESET)
        polling.pass_s(INTERVAL_S)
        polling.commit(polling.batch())
    assert polling.snapshot.breaker_openings == 0


def test_fault_87_acknowledgements_back_off_by_themselves() -> None:
    polling = in_flight()
    polling.gateway.ack_errors.extend([RESET] * 5000)
    polling.commit(polling.batch())
    for number in range(4, 124):
        polling.gateway.unread.append(message(number))
        polling.pass_s(INTERVAL_S)
        polling.commit(polling.batch())
    assert 20 < len(polling.gateway.acks) < 45, "in 600 s, whatever is added"


def test_fault_87_a_poll_does_not_wait_for_an_acknowledgement_that_hangs() -> None:
    polling = in_flight()
    batch = polling.batch()
    # the acknowledger has been told, and does not answer
    polling.pump = lambda: None  # type: ignore[method-assign]
    polling.commit(batch)
    assert polling.next_poll_s == INTERVAL_S, "what is being acknowledged would only be listed again"
    polling.gateway.unread.append(message(4))
    polling.advance(INTERVAL_S, polling.poller)
    assert polling.batch().messages == (message(4),)


def test_fault_4_an_acknowledgement_that_marked_more_rows_asks_for_a_history_check() -> None:
    polling = in_flight()
    polling.gateway.ack_rule = lambda ids: len(ids) + 1
    polling.commit(polling.batch())
    (check,) = polling.backfill.taken()
    assert isinstance(check, CheckHistory)
    assert check.channel == CHANNEL


def test_a_message_under_two_rows_is_no_overreach() -> None:
    polling = in_flight(message(1, gateway_id="row a"), message(1, gateway_id="row b"))
    polling.commit(polling.batch())
    assert polling.gateway.acks == [("1",)]
    assert polling.backfill.taken() == []


def test_fault_28_a_refused_id_is_logged_and_its_neighbours_are_acknowledged() -> None:
    def rule(ids: object) -> int:
        if "2" in list(ids):  # type: ignore[call-overload]
            raise GatewayStatusError("500: invalid input", 500)
        return 0

    polling = in_flight()
    polling.gateway.ack_rule = rule
    with structlog.testing.capture_logs() as logs:
        polling.commit(polling.batch())
    refused = next(log for log in logs if log["event"] == "acknowledgement.refused")
    assert refused["ids"] == ["2"]
    assert [m.message_id for m in polling.gateway.unread] == ["2"]
    assert polling.snapshot.breaker_failures == 0


# ── losing a batch ───────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["parser", "writer"])
def test_after_an_actor_died_with_a_batch_its_messages_go_one_by_one(name: str) -> None:
    polling = in_flight()
    polling.batch()
    polling.lose(name)
    sent: list[SourceMessage] = []
    for _ in range(3):
        batch = polling.batch()
        assert not batch.unread
        sent += batch.messages
        polling.commit(batch)
    assert sent == list(messages(1, 2, 3))
    assert polling.batches() == []
    assert polling.gateway.acks == [("1",), ("2",), ("3",)]
    assert polling.next_poll_s is not None


def test_a_message_alone_at_a_second_death_becomes_unread_and_the_others_go_on() -> None:
    polling = in_flight()
    polling.batch()
    polling.lose(generation=2)
    polling.commit(polling.batch())
    second = polling.batch()
    polling.lose(generation=3)
    letter = polling.batch()
    assert letter.unread
    assert letter.messages == second.messages == messages(2)
    polling.commit(letter)
    third = polling.batch()
    assert (third.messages, third.unread) == (messages(3), False)


def test_a_commit_of_a_batch_given_up_is_stale() -> None:
    polling = in_flight()
    first = polling.batch()
    polling.lose()
    polling.batch()
    polling.commit(first)
    assert polling.gateway.acks == []
    assert polling.count("tpcapital_stale_messages_total") == 1


def test_the_death_of_others_and_a_death_without_a_batch_are_no_news() -> None:
    polling = in_flight()
    polling.poller.on_receive(GenerationRaised(name="cache", generation=2))
    assert len(polling.batches()) == 1
    idle = Polling()
    idle.poll()
    idle.lose()
    assert idle.batches() == []


def test_a_batch_without_news_is_given_up_at_its_deadline_and_fetched_again() -> None:
    polling = in_flight()
    first = polling.batch()
    polling.pass_s(CREDIT_S - 0.1)
    assert polling.batches() == []
    polling.pass_s(0.2)
    again = polling.batch()
    assert again.messages == first.messages
    assert again.batch_id != first.batch_id


def test_a_single_message_without_news_is_not_passed_over() -> None:
    polling = in_flight()
    polling.batch()
    polling.lose()
    polling.batch()
    polling.pass_s(CREDIT_S + 0.1)
    assert polling.batch().messages == messages(1, 2, 3)


def test_a_delayed_batch_keeps_its_credit() -> None:
    polling = in_flight()
    batch = polling.batch()
    for _ in range(10):
        polling.pass_s(50)
        polling.poller.on_receive(
            BatchDelayed(batch_id=batch.batch_id, channel=CHANNEL, retry_in_s=5, cause="database down")
        )
    assert polling.batches() == []
    polling.poller.on_receive(BatchDelayed(batch_id="other", channel=CHANNEL, retry_in_s=500, cause="x"))
    polling.pass_s(65.1)
    assert len(polling.batches()) == 1, "another batch's delay is not ours"


# ── draining ─────────────────────────────────────────────────────────────────


def drained(polling: Polling) -> list[int]:
    return [told.unacknowledged for told in polling.supervisor.taken() if isinstance(told, Drained)]


def test_drain_without_a_batch_is_answered_at_once_and_nothing_is_fetched_any_more() -> None:
    polling = Polling(message(1))
    polling.poller.on_receive(Drain())
    assert drained(polling) == [0]
    polling.pass_s(100)
    assert polling.gateway.calls == []


def test_drain_waits_for_the_batch_and_acknowledges_it() -> None:
    polling = in_flight()
    polling.poller.on_receive(Drain())
    assert drained(polling) == []
    polling.commit(polling.batch())
    assert polling.gateway.acks == [("1", "2", "3")]
    assert drained(polling) == [0]


def test_drain_tries_an_acknowledgement_owed_once_more_and_tells_what_is_left() -> None:
    polling = in_flight()
    polling.gateway.ack_errors.extend([RESET] * 5)
    polling.commit(polling.batch())
    polling.poller.on_receive(Drain())
    polling.pump()
    assert len(polling.gateway.acks) == 2
    assert drained(polling) == [3]


def test_drain_ends_when_the_batch_is_lost() -> None:
    polling = in_flight()
    polling.batch()
    polling.poller.on_receive(Drain())
    polling.lose()
    assert drained(polling) == [0]
    assert polling.batches() == []


def test_drain_leaves_the_rest_of_a_batch_that_goes_one_by_one() -> None:
    polling = in_flight()
    polling.batch()
    polling.lose()
    polling.poller.on_receive(Drain())
    polling.commit(polling.batch())
    assert drained(polling) == [0]
    assert polling.batches() == []
    assert [m.message_id for m in polling.gateway.unread] == ["2", "3"]


def test_fault_49_what_was_received_before_the_channel_was_read_has_no_lag() -> None:
    polling = Polling(*messages(1, 2))
    polling.add_channel(START + timedelta(seconds=5))
    polling.poll()
    polling.pass_s(10)
    polling.commit(polling.batch())
    assert polling.snapshot.lag_s is None
