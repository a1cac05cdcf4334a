"""The breaker's rules, one test each, and all of them at once against a plain model."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.breaker import Breaker, BreakerPolicy, BreakerState, Permit

POLICY = BreakerPolicy(window=10, minimum=5, threshold_percent=50, reset_s=30, horizon_s=100)


def permit(breaker: Breaker, now_s: float) -> Permit:
    given = breaker.ask(now_s)
    assert given is not None
    return given


def call(breaker: Breaker, now_s: float, outcomes: str) -> None:
    """Make calls at once: ``+`` goes well, ``-`` fails."""
    for outcome in outcomes:
        given = permit(breaker, now_s)
        (breaker.succeeded if outcome == "+" else breaker.failed)(given, now_s)


def opened(at_s: float = 0.0) -> Breaker:
    breaker = Breaker(POLICY)
    call(breaker, at_s, "-----")
    assert breaker.state(at_s) is BreakerState.OPEN
    return breaker


def test_a_new_breaker_is_closed_and_lets_calls_through() -> None:
    breaker = Breaker(POLICY)
    assert breaker.state(0) is BreakerState.CLOSED
    assert breaker.ask(0) is not None
    assert breaker.wait_s(0) == 0


def test_minimum_volume_fewer_failures_do_not_open() -> None:
    breaker = Breaker(POLICY)
    call(breaker, 0, "----")
    assert breaker.state(0) is BreakerState.CLOSED
    call(breaker, 0, "-")
    assert breaker.state(0) is BreakerState.OPEN


def test_threshold_exactly_half_opens() -> None:
    breaker = Breaker(POLICY)
    call(breaker, 0, "+++---")
    assert breaker.state(0) is BreakerState.OPEN


def test_threshold_just_below_half_does_not_open() -> None:
    breaker = Breaker(POLICY)
    call(breaker, 0, "+++++----")
    assert breaker.state(0) is BreakerState.CLOSED


def test_a_success_never_opens() -> None:
    # 4 of 4 failed, too few to judge; the fifth call goes well and the sixth failure judges
    breaker = Breaker(POLICY)
    call(breaker, 0, "----+")
    assert breaker.state(0) is BreakerState.CLOSED
    call(breaker, 0, "-")
    assert breaker.state(0) is BreakerState.OPEN


def test_rolling_window_old_successes_do_not_cover_new_failures() -> None:
    breaker = Breaker(POLICY)
    call(breaker, 0, "+" * 100)
    call(breaker, 0, "----")
    assert breaker.state(0) is BreakerState.CLOSED
    call(breaker, 0, "-")
    assert breaker.counts(0) == (0, 0), "opening forgets the window"
    assert breaker.state(0) is BreakerState.OPEN


def test_age_horizon_failures_older_than_it_do_not_count() -> None:
    breaker = Breaker(POLICY)
    call(breaker, 0, "----")
    assert breaker.counts(100) == (4, 4), "at the horizon they still count"
    call(breaker, 100.1, "-")
    assert breaker.state(100.1) is BreakerState.CLOSED
    assert breaker.counts(100.1) == (1, 1)


def test_failures_no_faster_than_the_horizon_allows_do_open() -> None:
    breaker = Breaker(POLICY)
    for number in range(5):
        call(breaker, number * 25, "-")
    assert breaker.state(100) is BreakerState.OPEN


def test_open_rejects_until_the_reset_time() -> None:
    breaker = opened()
    assert breaker.ask(29.9) is None
    assert breaker.wait_s(20) == 10
    assert breaker.state(30) is BreakerState.HALF_OPEN
    assert breaker.ask(30) is not None


def test_half_open_gives_exactly_one_trial() -> None:
    breaker = opened()
    assert [breaker.ask(30) is not None, breaker.ask(30) is not None, breaker.ask(99) is not None] == [
        True,
        False,
        False,
    ]


def test_a_successful_trial_closes_with_an_empty_window() -> None:
    breaker = opened()
    call(breaker, 30, "+")
    assert breaker.state(30) is BreakerState.CLOSED
    assert breaker.counts(30) == (0, 0)
    call(breaker, 30, "----")
    assert breaker.state(30) is BreakerState.CLOSED


def test_a_failed_trial_opens_again_for_the_whole_reset_time() -> None:
    breaker = opened()
    call(breaker, 35, "-")
    assert breaker.state(64.9) is BreakerState.OPEN
    assert breaker.state(65) is BreakerState.HALF_OPEN
    assert breaker.openings == 2
    assert breaker.ask(65) is not None


def test_a_late_failure_from_before_the_opening_changes_nothing() -> None:
    breaker = Breaker(POLICY)
    late = permit(breaker, 0)
    call(breaker, 0, "-----")
    breaker.failed(late, 29)
    assert breaker.wait_s(29) == 1, "the opening is not extended"
    assert breaker.openings == 1


def test_a_late_success_from_before_the_opening_does_not_close() -> None:
    breaker = Breaker(POLICY)
    late = permit(breaker, 0)
    call(breaker, 0, "-----")
    breaker.succeeded(late, 1)
    assert breaker.state(1) is BreakerState.OPEN


def test_a_late_answer_does_not_end_the_trial_of_another() -> None:
    breaker = Breaker(POLICY)
    late = permit(breaker, 0)
    call(breaker, 0, "-----")
    permit(breaker, 30)
    breaker.succeeded(late, 31)
    breaker.dropped(late)
    assert breaker.state(31) is BreakerState.HALF_OPEN
    assert breaker.ask(31) is None


def test_a_late_answer_does_not_count_after_the_closing_either() -> None:
    breaker = Breaker(POLICY)
    late = permit(breaker, 0)
    call(breaker, 0, "-----")
    call(breaker, 30, "+")
    breaker.failed(late, 31)
    assert breaker.counts(31) == (0, 0)


def test_a_dropped_permit_frees_the_trial() -> None:
    breaker = opened()
    breaker.dropped(permit(breaker, 30))
    assert breaker.state(30) is BreakerState.HALF_OPEN
    assert breaker.ask(30) is not None


def test_a_dropped_permit_counts_as_no_call() -> None:
    breaker = Breaker(POLICY)
    breaker.dropped(permit(breaker, 0))
    assert breaker.counts(0) == (0, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"minimum": 0},
        {"minimum": 21},
        {"threshold_percent": 0.0},
        {"threshold_percent": 100.1},
        {"reset_s": 0.0},
        {"horizon_s": 0.0},
    ],
)
def test_a_senseless_policy_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="breaker needs"):
        BreakerPolicy(**wrong)  # type: ignore[arg-type]


@dataclass
class Model:
    """The same rules, written down as slowly and plainly as can be."""

    calls: list[tuple[float, bool]] = field(default_factory=list)
    opened_at_s: float | None = None
    trial: int | None = None
    #: permits whose answer counts
    current: set[int] = field(default_factory=set)

    def state(self, now_s: float) -> BreakerState:
        if self.opened_at_s is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now_s < self.opened_at_s + POLICY.reset_s else BreakerState.HALF_OPEN

    def may_ask(self, now_s: float) -> bool:
        state = self.state(now_s)
        return state is BreakerState.CLOSED or (state is BreakerState.HALF_OPEN and self.trial is None)

    def known(self, now_s: float) -> list[bool]:
        return [ok for at_s, ok in self.calls[-POLICY.window :] if now_s - at_s <= POLICY.horizon_s]

    def answer(self, number: int, now_s: float, *, ok: bool) -> None:
        if number not in self.current:
            return
        self.current.discard(number)
        if self.opened_at_s is not None:
            self.change(None if ok else now_s)
            return
        self.calls.append((now_s, ok))
        known = self.known(now_s)
        bad = known.count(False)
        if not ok and len(known) >= POLICY.minimum and bad / len(known) >= POLICY.threshold_percent / 100:
            self.change(now_s)

    def change(self, opened_at_s: float | None) -> None:
        self.opened_at_s, self.trial, self.calls, self.current = opened_at_s, None, [], set()


class BreakerAgainstModel(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.breaker, self.model = Breaker(POLICY), Model()
        self.now_s = 0.0
        self.permits: dict[int, Permit] = {}
        self.numbers = 0

    @rule(seconds=st.sampled_from([0.0, 0.5, 5.0, 29.5, 30.0, 60.0, 100.0]))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds

    @rule()
    def a_call_is_asked_for(self) -> None:
        given = self.breaker.ask(self.now_s)
        assert (given is not None) == self.model.may_ask(self.now_s)
        if given is not None:
            self.numbers += 1
            self.permits[self.numbers] = given
            self.model.current.add(self.numbers)
            if self.model.opened_at_s is not None:
                self.model.trial = self.numbers

    @precondition(lambda self: self.permits)
    @rule(data=st.data(), ok=st.booleans())
    def an_answer_comes(self, data: st.DataObject, ok: bool) -> None:
        number = data.draw(st.sampled_from(sorted(self.permits)))
        given = self.permits.pop(number)
        (self.breaker.succeeded if ok else self.breaker.failed)(given, self.now_s)
        self.model.answer(number, self.now_s, ok=ok)

    @precondition(lambda self: self.permits)
    @rule(data=st.data())
    def a_permit_is_dropped(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.permits)))
        self.breaker.dropped(self.permits.pop(number))
        self.model.current.discard(number)
        if self.model.trial == number:
            self.model.trial = None

    @invariant()
    def they_agree(self) -> None:
        known = self.model.known(self.now_s)
        assert self.breaker.state(self.now_s) is self.model.state(self.now_s)
        assert self.breaker.counts(self.now_s) == (len(known), known.count(False))


TestBreakerAgainstModel = BreakerAgainstModel.TestCase
TestBreakerAgainstModel.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
