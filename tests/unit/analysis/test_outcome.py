"""What became of a signal: each rule of docs/outcomes.md, one test each."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.analysis.market_outcome import Ending, MarketOutcome
from actors.analysis.outcome import judge
from actors.analysis.plan import Period
from engine.bars import Bar
from engine.model import Side
from tests.support.markets import POSTED, bar, day, minutes, plan, terms


def at(minute: int) -> datetime:
    return POSTED + timedelta(minutes=minute)


def results(outcome: MarketOutcome) -> tuple[Ending, Decimal | None, Decimal | None, Decimal | None]:
    return outcome.state, outcome.first_r, outcome.final_r, outcome.scaled_r


def test_without_bars_nothing_is_known() -> None:
    assert judge(plan(), []) == MarketOutcome(state=Ending.NO_BARS)


def test_bars_from_before_the_posting_do_not_count() -> None:
    outcome = judge(plan(), [bar(at(-1), "10 13 8 10"), *minutes("9.5 9.8 9.4 9.5")])
    assert outcome.state is Ending.WAITING


def test_a_day_that_had_begun_counts_from_its_finer_bars_only() -> None:
    first, second = day(0, "10 13 8 10"), day(1, "9.5 9.9 9.2 9.5")
    assert judge(plan(), [first, second]).state is Ending.WAITING
    assert judge(plan(), [first, *minutes("10 10.1 9.9 10"), second]).state is Ending.RUNNING


def test_an_entry_at_the_open_pays_the_open() -> None:
    outcome = judge(plan(entry="9.8 10.2"), minutes("10.1 10.3 10.05 10.2"))
    assert (outcome.entry, outcome.entered_at) == (Decimal("10.1"), POSTED)


def test_an_entry_from_outside_pays_the_worst_price_of_the_range_that_was_traded() -> None:
    rising = judge(plan(entry="9.8 10.2"), minutes("9.5 10.1 9.4 10"))
    assert rising.entry == Decimal("10.1")
    falling = judge(plan(entry="9.8 10.2"), minutes("10.5 10.6 9.9 10"))
    assert falling.entry == Decimal("10.2")
    sold = judge(plan(side=Side.SELL, entry="9.8 10.2", targets="9", stop="11"), minutes("10.5 10.6 9.9 10"))
    assert sold.entry == Decimal("9.9")


def test_a_gap_over_the_whole_range_enters_nobody() -> None:
    assert judge(plan(), minutes("9.5 9.9 9.4 9.9", "10.2 10.4 10.1 10.3")).state is Ending.WAITING


def test_targets_are_sold_at_their_prices() -> None:
    outcome = judge(plan(), minutes("10 10.4 9.9 10.2", "10.2 11.5 10.1 11.4", "11.4 12.4 11.3 12.2"))
    assert results(outcome) == (Ending.TARGET, Decimal(1), Decimal(2), Decimal("1.5"))
    assert outcome.reached == (at(1), at(2))
    assert (outcome.exit, outcome.ended_at, outcome.known_at) == (Decimal(12), at(2), at(3))


def test_a_short_sale_is_the_mirror_image() -> None:
    outcome = judge(
        plan(side=Side.SELL, targets="9 8", stop="11"), minutes("10 10.1 9.6 9.8", "9.8 9.9 7.9 8")
    )
    assert results(outcome) == (Ending.TARGET, Decimal(1), Decimal(2), Decimal("1.5"))


def test_a_stop_is_sold_at_its_price() -> None:
    outcome = judge(plan(), minutes("10 10.4 9.9 10.2", "10.2 10.5 8.8 9.1"))
    assert results(outcome) == (Ending.STOPPED, Decimal(-1), Decimal(-1), Decimal(-1))
    assert not outcome.same_bar


def test_a_target_that_was_reached_before_the_stop_stays_reached() -> None:
    outcome = judge(plan(), minutes("10 10.4 9.9 10.2", "10.2 11.2 10.1 11", "11 11 8.9 9"))
    assert results(outcome) == (Ending.STOPPED, Decimal(1), Decimal(-1), Decimal(0))


def test_a_bar_with_stop_and_target_is_stopped_and_flagged() -> None:
    outcome = judge(plan(), minutes("10 10.4 9.9 10.2", "10.2 11.2 8.9 10"))
    assert (outcome.state, outcome.first_r, outcome.same_bar) == (Ending.STOPPED, Decimal(-1), True)


def test_finer_bars_decide_what_a_coarser_one_leaves_open() -> None:
    coarse = day(1, "10 11.2 8.9 10")
    finer = minutes("10 10.4 9.9 10.2", "10.2 11.2 10.1 11", "11 11 8.9 9", since=coarse.opened_at)
    assert judge(plan(), [coarse]).same_bar
    outcome = judge(plan(), [coarse, *finer])
    assert (outcome.state, outcome.first_r, outcome.same_bar) == (Ending.STOPPED, Decimal(1), False)


def test_finer_bars_that_lack_the_high_or_the_low_do_not_replace_the_coarser_one() -> None:
    coarse = day(1, "10 11.2 8.9 10")
    some = minutes("10 10.4 9.9 10.2", "10.2 11.2 10.1 11", since=coarse.opened_at)
    assert judge(plan(), [coarse, *some]).same_bar


def test_a_gap_over_the_stop_is_sold_at_the_open() -> None:
    outcome = judge(plan(), minutes("10 10.4 9.9 10.2", "8.5 9.5 8.4 9.2"))
    assert (outcome.state, outcome.exit, outcome.first_r) == (
        Ending.STOPPED,
        Decimal("8.5"),
        Decimal("-1.5"),
    )


def test_a_gap_over_a_target_is_sold_at_the_open() -> None:
    outcome = judge(plan(), minutes("10 10.4 9.9 10.2", "11.5 11.6 8.9 9"))
    assert results(outcome) == (Ending.STOPPED, Decimal("1.5"), Decimal(-1), Decimal("0.25"))
    assert not outcome.same_bar


def test_in_the_bar_of_the_entry_the_stop_counts() -> None:
    falling = judge(plan(), minutes("10.5 10.6 8.9 9"))
    assert (falling.state, falling.same_bar) == (Ending.STOPPED, False)
    rising = judge(plan(), minutes("9.5 10.2 8.9 10"))
    assert (rising.state, rising.same_bar) == (Ending.STOPPED, True)


def test_in_the_bar_of_the_entry_a_target_counts_only_if_it_came_after() -> None:
    assert judge(plan(), minutes("10 11.1 9.9 11")).reached == (POSTED,)
    assert judge(plan(), minutes("9.5 11.1 9.4 11")).reached == (POSTED,)
    falling = judge(plan(), minutes("10.5 11.1 9.9 11"))
    assert (falling.reached, falling.same_bar) == ((), True)


def test_an_entry_that_was_not_touched_in_time_expires() -> None:
    outcome = judge(plan(enter_until=at(1)), minutes("9.5 9.9 9.4 9.5", "10 11 9.9 11"))
    assert (outcome.state, outcome.entered_at, outcome.ended_at) == (Ending.EXPIRED, None, at(1))


def test_a_position_goes_on_after_the_time_to_enter() -> None:
    outcome = judge(plan(enter_until=at(1)), minutes("10 10.1 9.9 10", "10 12.1 9.9 12"))
    assert outcome.state is Ending.TARGET


def test_a_session_ends_at_its_last_price() -> None:
    midnight = datetime.fromisoformat("2026-03-03T00:00-03:00")
    known = [*minutes("10 10.4 9.9 10.2", "10.2 10.6 10.1 10.5"), day(1, "13 13 13 13")]
    outcome = judge(plan(enter_until=midnight, close_at=midnight), known)
    assert results(outcome) == (Ending.EXPIRED, *[Decimal("0.5")] * 3)
    assert outcome.ended_at == midnight


def test_the_time_for_which_signals_are_kept_ends_at_the_last_price() -> None:
    outcome = judge(plan(close_at=at(2)), minutes("10 10.4 9.9 10.2", "10.2 10.6 9.7 9.8"))
    assert (outcome.state, outcome.first_r) == (Ending.EXPIRED, Decimal("-0.2"))


def test_a_session_of_which_no_bar_is_known_is_unclear() -> None:
    midnight = datetime.fromisoformat("2026-03-03T00:00-03:00")
    outcome = judge(plan(enter_until=midnight, close_at=midnight), [day(0, "10 13 8 10"), day(1, "9 9 9 9")])
    assert (outcome.state, outcome.reason) == (Ending.UNCLEAR, "no_bars_in_time")


def test_a_session_that_lacks_its_last_bars_is_unclear() -> None:
    midnight = datetime.fromisoformat("2026-03-03T00:00-03:00")
    known = [day(0, "10 13 8 10.9"), *minutes("10 10.4 9.9 10.2"), day(1, "9 9 9 9")]
    outcome = judge(plan(enter_until=midnight, close_at=midnight), known)
    assert (outcome.state, outcome.reason) == (Ending.UNCLEAR, "bars_missing")


def test_a_moved_stop_holds_from_the_next_bar_on() -> None:
    moved = terms(at(1) + timedelta(seconds=30), stop="9.9")
    early = judge(plan(moved), minutes("10 10.4 9.9 10.2", "10.2 10.5 9.8 10.2", "10.2 10.3 10 10.1"))
    assert early.state is Ending.RUNNING
    later = judge(plan(moved), minutes("10 10.4 9.9 10.2", "10.2 10.5 9.8 10.2", "10.2 10.3 9.8 10"))
    assert (later.state, later.first_r) == (Ending.STOPPED, Decimal("-0.1"))


def test_a_stop_at_the_entry_costs_nothing() -> None:
    moved = terms(at(1), entry="9.8 10.2", stop=None, breakeven=True)
    outcome = judge(plan(moved, entry="9.8 10.2"), minutes("10 10.4 9.9 10.2", "10.2 10.5 9.9 10.2"))
    assert (outcome.state, outcome.first_r) == (Ending.STOPPED, Decimal(0))


def test_other_targets_follow_those_that_were_reached() -> None:
    moved = terms(at(2), targets="13")
    outcome = judge(
        plan(moved), minutes("10 10.4 9.9 10.2", "10.2 11.2 10.1 11", "11 12.5 11 12", "12 13 12 13")
    )
    assert results(outcome) == (Ending.TARGET, Decimal(1), Decimal(3), Decimal(2))


def test_a_part_is_sold_at_the_next_open() -> None:
    part = terms(at(1), held="0.5")
    outcome = judge(plan(part), minutes("10 10.4 9.9 10.2", "10.4 10.5 10.1 10.2", "10.2 12.5 10 12"))
    assert results(outcome) == (Ending.TARGET, Decimal("0.7"), Decimal("1.2"), Decimal("0.7"))


def test_a_cancellation_ends_the_wait_for_an_entry() -> None:
    cancelled = terms(at(1), cancelled=True)
    outcome = judge(plan(cancelled), minutes("9.5 9.9 9.4 9.5", "10 11 9.9 11"))
    assert (outcome.state, outcome.ended_at) == (Ending.CANCELLED, at(1))
    assert judge(plan(cancelled), minutes("9.5 9.9 9.4 9.5")).state is Ending.CANCELLED


def test_a_cancelled_position_is_sold_at_the_next_open() -> None:
    outcome = judge(plan(terms(at(1), cancelled=True)), minutes("10 10.4 9.9 10.2", "10.3 12 8 9"))
    assert results(outcome) == (Ending.CLOSED, *[Decimal("0.3")] * 3)


def test_a_jump_that_other_rights_explain_is_not_judged() -> None:
    known = [day(0, "10 10 10 10", distribution=7), day(1, "10 10.4 9.9 10.2", distribution=7)]
    split = day(2, "5 5.1 4.9 5", distribution=8)
    outcome = judge(plan(), [*known, split])
    assert results(outcome) == (Ending.UNADJUSTED, None, None, None)
    assert judge(plan(), [*known, day(2, "5 5.1 4.9 5", distribution=7)]).state is Ending.STOPPED


def test_small_payments_are_judged() -> None:
    known = [day(1, "10 10.4 9.9 10.2", distribution=7), day(2, "9.9 10 8.9 9", distribution=8)]
    assert judge(plan(), known).state is Ending.STOPPED


def test_what_was_reached_before_a_jump_stands() -> None:
    known = [day(1, "10 11.2 9.9 11", distribution=7), day(2, "5 5.1 4.9 5", distribution=8)]
    assert results(judge(plan(), known)) == (Ending.UNADJUSTED, Decimal(1), None, None)


def test_excursions_are_those_of_prices_surely_traded_while_it_was_held() -> None:
    running = judge(plan(), minutes("10.5 10.8 9.9 10.2", "10.2 10.6 9.6 10.5"))
    assert (running.favourable_r, running.adverse_r) == (Decimal("0.6"), Decimal("0.4"))
    stopped = judge(plan(), minutes("10 10.4 9.9 10.2", "10.2 10.9 8.5 9"))
    assert (stopped.favourable_r, stopped.adverse_r) == (Decimal("0.4"), Decimal(1))
    done = judge(plan(), minutes("10 13 9.9 12.5"))
    assert (done.favourable_r, done.adverse_r) == (Decimal(2), Decimal("0.1"))


def test_without_a_stop_there_is_no_r() -> None:
    outcome = judge(plan(stop=None), minutes("10 11.2 5 11", "11 12.1 11 12"))
    assert results(outcome) == (Ending.TARGET, None, None, None)
    assert (outcome.risk, len(outcome.reached)) == (None, 2)


def test_without_targets_only_stop_and_time_end_it() -> None:
    outcome = judge(plan(targets=""), minutes("10 20 9.9 20", "20 20 8 9"))
    assert results(outcome) == (Ending.STOPPED, None, None, None)


def test_prices_that_make_no_trade_are_unclear() -> None:
    known = minutes("10 10.4 9.9 10.2")
    assert judge(plan(doubtful=True), known).reason == "doubtful"
    assert judge(plan(entry=None), known).reason == "no_entry"
    assert judge(plan(stop="10.5"), known).reason == "stop_side"
    assert judge(plan(targets="9.5 11"), known).reason == "target_side"


def test_results_are_rounded_to_four_places_half_to_even() -> None:
    thirds = plan(entry="10 10", targets="10.1 10.2 10.3", stop="9.7")
    outcome = judge(thirds, minutes("10 10.1 9.9 10", "10 10.2 9.9 10", "10 10.2 9.6 10"))
    assert results(outcome) == (Ending.STOPPED, Decimal("0.3333"), Decimal(-1), Decimal(0))


_PRICE = st.integers(min_value=85, max_value=125)


@st.composite
def _minute(draw: st.DrawFn) -> str:
    opened, close, *others = draw(st.tuples(_PRICE, _PRICE, _PRICE, _PRICE))
    high, low = max(opened, close, *others), min(opened, close, *others)
    return " ".join(str(Decimal(price).scaleb(-1)) for price in (opened, high, low, close))


@given(
    st.lists(_minute(), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 12), st.integers(90, 99), st.booleans()), max_size=3),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60)
def test_the_order_in_which_bars_and_updates_come_changes_nothing(
    prices: list[str], moves: list[tuple[int, int, bool]], order: random.Random
) -> None:
    bars = [*minutes(*prices), day(1, "10 11.5 9.5 11"), day(2, "10 12 8 9")]
    changes = {
        minute: terms(at(minute), stop=str(Decimal(stop).scaleb(-1)), held="0.5" if part else "1")
        for minute, stop, part in moves
        if minute
    }
    expected = judge(plan(*changes.values()), bars)
    later = list(changes.values())
    shuffled: list[Bar] = list(bars)
    order.shuffle(shuffled)
    order.shuffle(later)
    assert judge(plan(*later), shuffled) == expected


@given(st.lists(_minute(), min_size=2, max_size=12), st.integers(1, 12))
@settings(max_examples=60)
def test_what_has_ended_does_not_change_with_later_bars(prices: list[str], known: int) -> None:
    some = judge(plan(), minutes(*prices[:known]))
    if some.ended_at is not None:
        assert judge(plan(), minutes(*prices)) == some


def test_a_time_that_had_passed_when_it_was_changed_stays_passed() -> None:
    waits, longer = Period(at(2), at(60)), Period(None, at(60))
    outcome = judge(
        plan(terms(at(5), period=longer), enter_until=waits.enter_until),
        [
            *minutes("9.5 9.8 9.4 9.5"),
            *minutes("10 12.5 9.9 12", since=at(6)),
        ],
    )
    assert (outcome.state, outcome.ended_at) == (Ending.EXPIRED, at(2))
    shorter = judge(
        plan(terms(at(1), period=Period(at(1), at(1)))), minutes("10 10.1 9.9 10", "10 12.5 10 12")
    )
    assert (shorter.state, shorter.exit) == (Ending.EXPIRED, Decimal(10))


def test_a_target_is_one_of_those_that_there_were_when_it_was_reached() -> None:
    fewer = judge(plan(terms(at(1), targets="11")), minutes("10 11.2 9.9 11", "9.5 9.6 9.4 9.5", "9 9 8 8"))
    assert results(fewer) == (Ending.TARGET, Decimal(1), Decimal("-0.5"), Decimal("0.25"))
