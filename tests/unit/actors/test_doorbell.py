"""The doorbell: it hands over what the long poll brings, and waits for the poller's answer to a ring."""

from __future__ import annotations

from random import Random

from actors.doorbell import AFTER_RING_S, BACKOFF, MOST, UNKNOWN_S, Doorbell
from engine.messages import Answered, PollNow
from storage.errors import GatewayUnreachableError
from tests.support.gateway import FakeGateway
from tests.support.recording import CHANNEL, World, message, messages


class Ringing(World):
    def __init__(self) -> None:
        super().__init__()
        self.gateway = FakeGateway()
        self.poller = self.recorder("poller")
        self.doorbell = Doorbell(
            self.context("doorbell"),
            channel=CHANNEL,
            poller="poller",
            gateway=self.gateway.client,
            random=Random(1),
        )
        self.doorbell.on_start()

    def listen(self) -> None:
        """Let the next long poll come."""
        wait_s = self.next_s
        assert wait_s is not None
        self.advance(wait_s, self.doorbell)

    @property
    def next_s(self) -> float | None:
        return self.due_in_s(self.doorbell, "listen")


def test_a_ring_hands_over_what_the_gateway_answered_and_says_who_rang() -> None:
    ringing = Ringing()
    ringing.gateway.unread = [message(1)]
    ringing.listen()
    (ring,) = ringing.poller.taken()
    assert ring == PollNow(reason="doorbell", doorbell="doorbell", messages=messages(1), full=False)


def test_a_ring_says_when_there_may_be_more_than_it_brings() -> None:
    ringing = Ringing()
    ringing.gateway.unread = list(messages(*range(MOST + 1)))
    ringing.listen()
    (ring,) = ringing.poller.taken()
    assert isinstance(ring, PollNow)
    assert (len(ring.messages), ring.full) == (MOST, True)


def test_after_a_ring_it_waits_for_the_answer_and_then_listens_at_once() -> None:
    ringing = Ringing()
    ringing.gateway.unread = [message(1)]
    ringing.listen()
    assert ringing.next_s == AFTER_RING_S
    ringing.doorbell.on_receive(Answered())
    assert ringing.next_s == 0


def test_without_an_answer_it_listens_again_by_itself() -> None:
    ringing = Ringing()
    ringing.gateway.unread = [message(1)]
    for _ in range(3):
        ringing.listen()
    assert len(ringing.poller.taken()) == 3


def test_a_late_answer_shortens_neither_a_back_off_nor_the_rest_of_a_gateway_without_long_polls() -> None:
    ringing = Ringing()
    ringing.listen()  # answered at once with nothing
    ringing.doorbell.on_receive(Answered())
    assert ringing.next_s == UNKNOWN_S
    ringing.gateway.down = GatewayUnreachableError("refused")
    ringing.listen()
    ringing.doorbell.on_receive(Answered())
    assert ringing.next_s is not None
    assert ringing.next_s >= BACKOFF.first_s / 2
