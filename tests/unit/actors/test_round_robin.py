"""Taking turns: everybody comes up, who fails sits out, and nobody else does."""

from __future__ import annotations

from random import Random

from actors.sources.round_robin import RoundRobin
from engine.backoff import Backoff
from tests.support.clock import START


def turns(*channels: str) -> RoundRobin:
    return RoundRobin(channels, backoff=Backoff(first_s=1, cap_s=60, jitter=0), random=Random(1))


def test_everybody_comes_up_in_turn() -> None:
    order = turns("a", "b", "c")
    everybody = {"a", "b", "c"}
    assert [order.next(everybody, 0) for _ in range(6)] == ["a", "b", "c", "a", "b", "c"]
    assert [order.next({"b", "c"}, 0) for _ in range(3)] == ["b", "c", "b"]
    assert order.next(set(), 0) is None
    assert order.next({"unknown"}, 0) is None


def test_who_fails_sits_out_longer_each_time_and_the_others_go_on() -> None:
    order = turns("a", "b")
    waits = []
    now_s = 100.0
    for _ in range(8):
        order.failed("a", "500", at=START, now_s=now_s)
        assert order.next({"a", "b"}, now_s) == "b"
        wait_s = order.wait_s(["a"], now_s)
        assert wait_s is not None
        assert order.next({"a"}, now_s + wait_s - 0.001) is None
        waits.append(wait_s)
        now_s += wait_s
        assert order.next({"a"}, now_s) == "a"
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_the_wait_is_that_of_who_is_first_to_go() -> None:
    order = turns("a", "b")
    assert order.wait_s([], 0) is None
    assert order.wait_s(["unknown"], 0) is None, "else its turn would be waited for without end"
    order.failed("a", "500", at=START, now_s=0)
    order.failed("b", "500", at=START, now_s=0.5)
    assert order.wait_s(["a", "b"], 0.5) == 0.5
    assert order.wait_s(["a", "b"], 1.0) == 0


def test_success_ends_the_trouble() -> None:
    order = turns("a")
    order.failed("a", "500", at=START, now_s=0)
    order.failed("a", "500", at=START, now_s=1)
    order.succeeded("a")
    order.succeeded("a")
    assert order.failure("a") is None
    order.failed("a", "500", at=START, now_s=10)
    assert order.wait_s(["a"], 10) == 1


def test_the_same_error_again_is_no_news_and_keeps_its_since() -> None:
    order = turns("a")
    assert order.failed("a", "500", at=START, now_s=0)
    assert not order.failed("a", "500", at=START.replace(hour=13), now_s=10)
    assert order.failed("a", "502", at=START.replace(hour=14), now_s=20)
    failure = order.failure("a")
    assert failure is not None
    assert (failure.since, failure.error, failure.failures) == (START, "502", 3)


def test_who_is_new_comes_first_and_who_is_gone_not_at_all() -> None:
    order = turns("a", "b")
    order.failed("b", "500", at=START, now_s=0)
    order.next({"a"}, 0)
    order.follow(["a", "c"])
    assert [order.next({"a", "b", "c"}, 0) for _ in range(3)] == ["c", "a", "c"]
    order.follow(["a", "b", "c"])
    assert order.failure("b") is None
    assert order.next({"a", "b", "c"}, 0) == "b"
