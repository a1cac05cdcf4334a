"""Acknowledging: one request a batch, split when an id spoils it, repeated when it fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.sources.acknowledgements import MAX_REQUESTS, Acknowledgements
from storage.errors import GatewayStatusError, GatewayUnauthorizedError, GatewayUnreachableError
from tests.support.gateway import FakeGateway
from tests.support.recording import CHANNEL, malformed, message, messages


def refusing(*bad: str, status: int = 500) -> Callable[[Sequence[str]], int]:
    def rule(ids: Sequence[str]) -> int:
        if set(ids) & set(bad):
            raise GatewayStatusError(f"{status}: invalid input", status)
        return len(ids)

    return rule


def owing(gateway: FakeGateway, count: int) -> Acknowledgements:
    acks = Acknowledgements(CHANNEL, gateway.client)
    acks.add(messages(*range(1, count + 1)))
    return acks


def test_fault_6_a_batch_is_acknowledged_in_one_request() -> None:
    gateway = FakeGateway()
    acks = owing(gateway, 1000)
    assert acks.owed == 1000
    done = acks.send()
    assert len(gateway.acks) == 1
    assert done.requested == 1000
    assert acks.owed == 0


def test_fault_28_one_bad_id_costs_no_neighbour_its_acknowledgement() -> None:
    gateway = FakeGateway(ack_rule=refusing("37"))
    acks = owing(gateway, 100)
    done = acks.send()
    assert done.refused == ("37",)
    assert done.requested == done.updated == 99
    assert acks.owed == 0


def test_a_refused_id_is_not_sent_again() -> None:
    gateway = FakeGateway(ack_rule=refusing("2"))
    acks = owing(gateway, 3)
    acks.send()
    gateway.acks.clear()
    acks.add(messages(4))
    acks.send()
    assert gateway.acks == [("4",)]


def test_a_gateway_that_refuses_everything_is_not_blamed_on_the_ids() -> None:
    gateway = FakeGateway(ack_rule=refusing("1", "2", "3"))
    acks = owing(gateway, 3)
    with pytest.raises(GatewayStatusError):
        acks.send()
    assert acks.owed == 3
    gateway.ack_rule = None
    assert acks.send().requested == 3


@pytest.mark.parametrize("count", [1, 100, 10_000])
def test_the_number_of_requests_is_bounded(count: int) -> None:
    gateway = FakeGateway(ack_rule=refusing(*map(str, range(1, count + 1))))
    with pytest.raises(GatewayStatusError):
        owing(gateway, count).send()
    assert len(gateway.acks) <= MAX_REQUESTS


@pytest.mark.parametrize("bad", ["1", "4999", "5000", "10000"])
def test_one_bad_id_of_a_full_page_is_found_within_the_bound(bad: str) -> None:
    gateway = FakeGateway(ack_rule=refusing(bad))
    done = owing(gateway, 10_000).send()
    assert done.refused == (bad,)
    assert done.requested == 9_999
    assert len(gateway.acks) <= MAX_REQUESTS


def test_what_the_bound_left_over_is_sent_in_the_next_round() -> None:
    bad = [str(number) for number in range(1, 1001, 50)]
    gateway = FakeGateway(ack_rule=refusing(*bad))
    acks = owing(gateway, 1000)
    rounds = 0
    while acks.owed:
        acks.send()
        rounds += 1
        assert rounds < 20
    assert len(acks.take_done().rows) == 1000 - len(bad)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_status_that_speaks_of_the_gateway_is_not_split(status: int) -> None:
    gateway = FakeGateway(ack_rule=refusing("1", status=status))
    acks = owing(gateway, 10)
    with pytest.raises(GatewayStatusError):
        acks.send()
    assert len(gateway.acks) == 1
    assert acks.owed == 10


@pytest.mark.parametrize(
    "error", [GatewayUnauthorizedError("401", 401), GatewayUnreachableError("connection refused")]
)
def test_a_refused_key_and_an_outage_are_not_split(error: Exception) -> None:
    def rule(_: Sequence[str]) -> int:
        raise error

    gateway = FakeGateway(ack_rule=rule)
    acks = owing(gateway, 10)
    with pytest.raises(type(error)):
        acks.send()
    assert len(gateway.acks) == 1
    assert acks.owed == 10


def test_an_outage_in_the_middle_keeps_what_was_acknowledged() -> None:
    gateway = FakeGateway()
    acks = owing(gateway, 8)

    def second(ids: Sequence[str]) -> int:
        if len(gateway.acks) == 4:
            raise GatewayUnreachableError("gone")
        return refusing("8")(ids)

    gateway.ack_rule = second
    with pytest.raises(GatewayUnreachableError):
        acks.send()
    assert acks.owed == 4
    assert [row.message_id for row in acks.take_done().rows] == ["1", "2", "3", "4"]


def test_a_message_under_two_rows_is_sent_once_and_counts_as_two() -> None:
    gateway = FakeGateway(ack_rule=lambda _: 2)
    acks = Acknowledgements(CHANNEL, gateway.client)
    twice = [message(1, gateway_id="row a"), message(1, gateway_id="row b")]
    acks.add(twice)
    assert acks.owed == 2
    done = acks.send()
    assert gateway.acks == [("1",)]
    assert done.requested == done.updated == 2, "no overreach"
    assert acks.owed == 0


def test_a_message_without_a_usable_id_is_never_sent() -> None:
    gateway = FakeGateway()
    acks = owing(gateway, 1)
    acks.add([malformed("odd")])
    assert acks.owed == 1
    acks.send()
    assert gateway.acks == [("1",)]
    assert acks.take_done().rows == [message(1)]


@settings(max_examples=150, deadline=None)
@given(count=st.integers(1, 60), data=st.data())
def test_every_good_id_is_acknowledged_at_last_whatever_ids_are_bad(count: int, data: st.DataObject) -> None:
    ids = [str(number) for number in range(1, count + 1)]
    bad = data.draw(st.sets(st.sampled_from(ids), max_size=count - 1))
    gateway = FakeGateway(ack_rule=refusing(*bad))
    acks = owing(gateway, count)
    for _ in range(count + 1):
        if not acks.owed:
            break
        try:
            acks.send()
        except GatewayStatusError:
            # only bad ones are left: it cannot be told from a gateway that refuses everything
            acks.add([message(count + 1)])
    assert acks.owed == 0
    taken = {row.message_id for row in acks.take_done().rows}
    assert {number for number in ids if number not in taken} == bad
