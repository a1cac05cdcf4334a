"""Polling: one batch in flight, when to ask again, and the four ways a poll ends."""

from __future__ import annotations

import structlog

from actors.shown.snapshots import PollState
from engine.messages import PollNow
from engine.model import SourceMessage
from storage.errors import (
    GatewayTimeoutError,
    GatewayUnauthorizedError,
    GatewayUnreachableError,
)
from tests.support.polling import BATCH_SIZE, INTERVAL_S, Polling
from tests.support.recording import message, messages

DOWN = GatewayUnreachableError("connection refused at /api/messages/unprocessed")
RING = PollNow(reason="test")


def one_of_each() -> list[Polling]:
    """A poller whose last poll ended in each way but a rejection."""
    found, empty, failed = Polling(message(1)), Polling(), Polling()
    failed.gateway.down = DOWN
    for polling in (found, empty, failed):
        polling.poll()
    return [found, empty, failed]


def test_fault_89_when_new_messages_were_asked_for_last_is_shown_and_until_when_the_quota_waits() -> None:
    polling = Polling()
    began_s = polling.clock.monotonic_s()
    polling.poll()
    assert (polling.snapshot.asked_s, polling.snapshot.may_ask_s) == (began_s, 0.0)
    polling.pass_s(1)
    polling.gateway.quota_s = 7.0
    polling.poll()
    assert polling.snapshot.asked_s == began_s
    assert polling.snapshot.may_ask_s == polling.clock.monotonic_s() + 7.0
    polling.gateway.quota_s = 0.0
    polling.gateway.reprocess = [message(1)]
    polling.tick("reprocess")
    assert polling.snapshot.in_flight == 1
    assert polling.snapshot.asked_s == began_s, "a poll for what is to be read again brings nothing new"


# ── when ─────────────────────────────────────────────────────────────────────


def test_one_batch_is_in_flight_and_no_more_is_fetched_meanwhile() -> None:
    polling = Polling(*messages(1, 2, 3, 4, 5))
    polling.poll()
    batch = polling.batch()
    assert [m.message_id for m in batch.messages] == ["1", "2", "3"]
    polling.tick("poll")
    polling.poller.on_receive(RING)
    polling.pass_s(30)
    assert polling.gateway.calls == ["unprocessed"]
    assert polling.batches() == []
    assert polling.snapshot.in_flight == 3


def test_after_a_full_page_it_polls_at_once() -> None:
    polling = Polling(*messages(1, 2, 3, 4))
    polling.poll()
    polling.commit(polling.batch())
    assert polling.next_poll_s == 0


def test_after_a_page_that_is_not_full_it_waits_the_rest_of_the_interval() -> None:
    polling = Polling(*messages(1, 2))
    polling.poll()
    polling.pass_s(1.5)
    polling.commit(polling.batch())
    assert polling.next_poll_s == INTERVAL_S - 1.5


def test_a_batch_that_took_longer_than_the_interval_is_followed_at_once() -> None:
    polling = Polling(message(1))
    polling.poll()
    polling.pass_s(20)
    polling.commit(polling.batch())
    assert polling.next_poll_s == 0


def test_an_empty_page_waits_the_interval() -> None:
    polling = Polling()
    polling.poll()
    assert polling.next_poll_s == INTERVAL_S


def test_the_interval_begins_with_the_poll_however_long_an_empty_answer_takes() -> None:
    polling = Polling()
    polling.gateway.meanwhile = lambda: polling.clock.advance(1.5)
    polling.poll()
    assert polling.next_poll_s == INTERVAL_S - 1.5


def test_after_a_failed_poll_it_waits_a_whole_interval() -> None:
    polling = Polling()
    polling.gateway.down = DOWN
    polling.gateway.meanwhile = lambda: polling.clock.advance(INTERVAL_S)
    polling.poll()
    assert polling.next_poll_s == INTERVAL_S, "a gateway that is overloaded gets a rest"


def test_a_ring_polls_at_once() -> None:
    polling = Polling()
    polling.poll()
    polling.gateway.unread = [message(1)]
    polling.poller.on_receive(RING)
    assert len(polling.batches()) == 1


def test_a_ring_while_a_batch_is_in_flight_polls_again_after_it() -> None:
    polling = Polling(message(1))
    polling.poll()
    polling.poller.on_receive(RING)
    polling.commit(polling.batch())
    assert polling.next_poll_s == 0
    polling.poll()
    assert polling.next_poll_s == INTERVAL_S, "one ring, one poll"


# ── four ways to end ─────────────────────────────────────────────────────────


def test_fault_15_the_four_ends_of_a_poll_are_four_states() -> None:
    rejected = Polling()
    rejected.gateway.down = DOWN
    while rejected.polls("rejected") == 0:
        rejected.poll()
    states = [polling.snapshot.state for polling in (*one_of_each(), rejected)]
    assert states == [PollState.MESSAGES, PollState.EMPTY, PollState.FAILED, PollState.REJECTED]
    for polling, result in zip(one_of_each(), ("messages", "empty", "failed"), strict=True):
        assert polling.polls(result) == 1


def test_only_messages_and_empty_move_the_last_success() -> None:
    polling = Polling()
    polling.poll()
    success = polling.snapshot.last_success_at
    assert success == polling.clock.now()
    polling.gateway.down = DOWN
    while polling.polls("rejected") < 3:
        polling.poll()
        assert polling.snapshot.last_success_at == success
    assert polling.snapshot.last_poll_at is not None
    assert polling.snapshot.last_poll_at > success


def test_fault_15_the_cause_is_shown_and_since_when_and_goes_with_the_outage() -> None:
    polling = Polling()
    polling.gateway.down = DOWN
    polling.poll()
    since = polling.clock.now()
    polling.poll()
    assert polling.snapshot.error == str(DOWN)
    assert polling.snapshot.failing_since == since
    polling.gateway.down = None
    polling.poll()
    assert polling.snapshot.error is None
    assert polling.snapshot.failing_since is None


def test_the_same_failure_is_logged_once_and_another_one_again() -> None:
    polling = Polling()
    with structlog.testing.capture_logs() as logs:
        for error in (DOWN, DOWN, GatewayTimeoutError("no complete answer within 5 s")):
            polling.gateway.down = error
            polling.poll()
    failed = [log["kind"] for log in logs if log["event"] == "poll.failed"]
    assert failed == ["GatewayUnreachableError", "GatewayTimeoutError"]


def test_fault_16_a_gateway_that_is_down_at_the_start_is_polled_until_it_comes() -> None:
    polling = Polling(message(1))
    polling.gateway.down = DOWN
    polling.pass_s(300)
    assert polling.snapshot.last_success_at is None
    polling.gateway.down = None
    polling.pass_s(30)
    assert len(polling.batches()) == 1
    assert polling.snapshot.state is PollState.MESSAGES


def test_fault_17_a_refused_key_is_named() -> None:
    polling = Polling()
    polling.gateway.down = GatewayUnauthorizedError("401: the gateway does not accept the key", 401)
    polling.poll()
    assert polling.snapshot.key_refused
    assert polling.next_poll_s == INTERVAL_S, "not retried hotly"
    polling.gateway.down = None
    polling.poll()
    assert not polling.snapshot.key_refused


def test_the_newest_message_seen_is_shown_and_never_gets_older() -> None:
    polling = Polling(message(50), message(7))
    polling.poll()
    assert polling.snapshot.newest_message_at == message(50).received_at
    polling.commit(polling.batch())
    polling.gateway.unread = [message(20)]
    polling.poll()
    assert polling.snapshot.newest_message_at == message(50).received_at


# ── reading again ────────────────────────────────────────────────────────────


def test_messages_to_be_read_again_are_asked_for_each_minute_and_delivered_as_such() -> None:
    polling = Polling()
    polling.pass_s(INTERVAL_S)
    assert polling.gateway.calls.count("reprocess") == 1, (
        "soon after the start: an earlier life may have missed one"
    )
    polling.gateway.reprocess = [message(9)]
    polling.pass_s(59)
    assert polling.gateway.calls.count("reprocess") == 1
    polling.pass_s(1)
    batch = polling.batch()
    assert batch.reread
    assert batch.messages == (message(9),)
    polling.commit(batch)
    assert polling.gateway.acks == [("9",)]
    assert polling.next_poll_s == 0, "and what is new is asked for right after"


def test_fault_91_messages_to_be_read_again_are_drained_at_batch_speed_and_hold_up_nothing_new() -> None:
    polling = Polling()
    left: list[SourceMessage] = [message(number) for number in range(1, 3 * BATCH_SIZE + 2)]
    polling.gateway.reprocess = left[:BATCH_SIZE]
    polling.pass_s(60)
    rereads, began_s = 0, polling.clock.monotonic_s()
    while left:
        for batch in polling.batches():
            if batch.reread:
                rereads += 1
                left = left[len(batch.messages) :]
                polling.gateway.reprocess = left[:BATCH_SIZE]
            polling.commit(batch)
        polling.gateway.unread = [message(5000 + rereads)]
        polling.poll()
    assert rereads == 4
    assert polling.clock.monotonic_s() - began_s < 1, "no page waits a minute"
    calls = polling.gateway.calls
    turns = [call for call in calls[calls.index("reprocess") :] if call in ("reprocess", "unprocessed")]
    assert turns[:6] == ["reprocess", "unprocessed"] * 3


def test_fault_91_a_page_that_the_gateway_does_not_let_go_of_is_asked_for_once_a_minute() -> None:
    polling = Polling()
    polling.pass_s(INTERVAL_S)
    polling.gateway.calls.clear()
    stuck: list[SourceMessage] = [message(number) for number in range(1, BATCH_SIZE + 1)]
    polling.gateway.reprocess = list(stuck)
    polling.pass_s(60)
    for _ in range(5):
        for batch in polling.batches():
            polling.gateway.reprocess = list(stuck)
            polling.commit(batch)
        polling.gateway.reprocess = list(stuck)
        polling.poll()
    assert polling.gateway.calls.count("reprocess") == 2


def test_nothing_to_be_read_again_polls_what_is_new_in_the_same_step() -> None:
    polling = Polling()
    polling.pass_s(59.9)
    polling.gateway.calls.clear()
    new: list[SourceMessage] = [message(1)]
    polling.gateway.unread = new
    polling.tick("reprocess")
    assert polling.gateway.calls == ["reprocess", "unprocessed"]
    assert not polling.batch().reread


def test_a_reprocess_request_is_delivered_although_the_message_is_held_unacknowledged() -> None:
    polling = Polling(message(1))
    polling.poll()
    polling.gateway.ack_errors.append(GatewayUnreachableError("reset"))
    polling.commit(polling.batch())
    polling.gateway.unread, polling.gateway.reprocess = [], [message(1)]
    polling.tick("reprocess")
    # the acknowledgement owed goes first and would take it off the list, were it not asked for again
    polling.gateway.reprocess = [message(1)]
    polling.tick("reprocess")
    assert polling.batch().reread


def test_the_first_poll_and_the_fixed_words_of_the_start() -> None:
    with structlog.testing.capture_logs() as logs:
        polling = Polling()
    assert polling.next_poll_s == 0
    assert polling.snapshot.state is PollState.STARTING
    started = next(log for log in logs if log["event"] == "poller.started")
    assert started["message"] == "HTTP Mode: Gateway polling worker started"
    polling.poll()
    assert polling.gateway.limits == [BATCH_SIZE]
