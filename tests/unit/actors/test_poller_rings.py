"""Rings: an idle poller takes the messages of a ring as its poll, and answers when the gateway lists them no more."""

from __future__ import annotations

from actors.shown.snapshots import PollState
from engine.breaker import BreakerPolicy
from engine.messages import Answered, PollNow
from engine.model import SourceMessage
from storage.errors import GatewayRateLimitedError, GatewayUnreachableError
from tests.support.polling import INTERVAL_S, Polling
from tests.support.recording import malformed, message, messages


class Rung(Polling):
    """A poller that a doorbell rings. It has polled once and found nothing."""

    def __init__(self, *, breaker: BreakerPolicy | None = None) -> None:
        super().__init__(breaker=breaker)
        self.doorbell = self.recorder("doorbell")
        self.poll()
        self.gateway.calls.clear()

    def ring(self, *rung: SourceMessage, full: bool = False) -> None:
        """Ring with messages, which the gateway lists."""
        self.gateway.unread = list(rung)
        self.poller.on_receive(PollNow(reason="doorbell", doorbell="doorbell", messages=rung, full=full))
        self.pump()

    def answers(self) -> int:
        """Return how often the doorbell was answered since the last call."""
        taken = self.doorbell.taken()
        assert all(isinstance(told, Answered) for told in taken)
        return len(taken)


def test_the_messages_of_a_ring_are_delivered_without_another_call() -> None:
    polling = Rung()
    polling.ring(*messages(1, 2))
    assert [m.message_id for m in polling.batch().messages] == ["1", "2"]
    assert polling.gateway.calls == []
    assert polling.snapshot.state is PollState.MESSAGES


def test_the_doorbell_is_answered_once_the_messages_are_acknowledged() -> None:
    polling = Rung()
    polling.ring(message(1))
    assert polling.answers() == 0
    polling.commit(polling.batch())
    assert polling.gateway.acks == [("1",)]
    assert polling.answers() == 1
    polling.pass_s(INTERVAL_S)
    assert polling.answers() == 0, "one ring, one answer"


def test_a_ring_without_anything_new_is_answered_by_an_empty_poll() -> None:
    polling = Rung()
    polling.ring()
    assert polling.gateway.calls == ["unprocessed"]
    assert polling.answers() == 1


def test_messages_that_come_while_a_batch_is_in_flight_are_fetched_after_it() -> None:
    polling = Rung()
    polling.ring(message(1))
    batch = polling.batch()
    polling.ring(*messages(1, 2))
    assert polling.batches() == []
    polling.commit(batch)
    polling.poll()
    assert [m.message_id for m in polling.batch().messages] == ["2"]


def test_a_full_ring_is_followed_by_a_poll_at_once() -> None:
    polling = Rung()
    polling.ring(message(1), full=True)
    polling.commit(polling.batch())
    assert polling.next_poll_s == 0


def test_the_interval_polls_go_on_while_it_is_rung() -> None:
    polling = Rung()
    for number in range(1, 5):
        polling.pass_s(1)
        polling.ring(message(number))
        polling.commit(polling.batch())
    assert polling.next_poll_s == INTERVAL_S - 4


def test_a_batch_that_the_gateway_lists_though_it_is_marked_does_not_make_the_doorbell_ring_at_once() -> None:
    polling = Rung()
    polling.ring(message(1))
    polling.commit(polling.batch(), new=0)
    assert polling.answers() == 0


def test_while_an_acknowledgement_is_owed_the_doorbell_is_not_answered() -> None:
    polling = Rung()
    polling.gateway.ack_errors.append(GatewayUnreachableError("refused"))
    polling.ring(message(1))
    polling.commit(polling.batch())
    assert polling.answers() == 0
    polling.pass_s(INTERVAL_S)
    assert polling.answers() == 1


def test_messages_that_cannot_be_acknowledged_hide_no_others() -> None:
    """The gateway lists them first for ever, and a ring brings only the first few."""
    polling = Rung()
    stuck = malformed("g1")
    polling.ring(stuck)
    polling.commit(polling.batch())
    polling.gateway.unread = [stuck, message(2)]
    polling.poller.on_receive(PollNow(reason="doorbell", doorbell="doorbell", messages=(stuck,), full=True))
    assert [m.message_id for m in polling.batch().messages] == ["2"]


def test_a_ring_brings_nothing_in_while_the_gateway_wants_no_request() -> None:
    polling = Rung()
    polling.gateway.down = GatewayRateLimitedError("429", 42.0)
    polling.poll()
    polling.gateway.down = None
    polling.ring(message(1))
    assert polling.batches() == []
    polling.poll()
    assert [m.message_id for m in polling.batch().messages] == ["1"]


def test_a_ring_brings_nothing_in_while_the_breaker_is_open() -> None:
    polling = Rung(breaker=BreakerPolicy(window=2, minimum=2))
    polling.gateway.down = GatewayUnreachableError("refused")
    for _ in range(3):
        polling.poll()
    polling.gateway.down = None
    polling.ring(message(1))
    assert polling.batches() == []
