"""What became of a signal in the prices of its market. ``docs/outcomes.md`` has each rule with its test.

Pure: an outcome follows from the plan and the bars alone, in whatever order they came. What bars leave open is decided
against the signal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum, auto
from fractions import Fraction
from itertools import pairwise

from actors.analysis.market_outcome import Ending, MarketOutcome
from actors.analysis.plan import Plan, Terms
from actors.analysis.timeline import breaks, covers_until, timeline
from engine.bars import Bar, Interval
from engine.sessions import day_of

__all__ = ["RULES_VERSION", "judge"]

#: raise it with each change of a rule, so that outcomes are computed anew
RULES_VERSION = 3

_PLACES = Decimal("0.0001")
#: a session that prices leave earlier than this, at another price than the day closed, lacks bars
_LATE_ENOUGH = timedelta(hours=1)


def judge(plan: Plan, bars: Iterable[Bar]) -> MarketOutcome:
    """Return what became of a signal.

    The bars may begin before it could be read: the last day before tells whether prices can be compared with it.
    """
    if plan.doubtful:
        return MarketOutcome(state=Ending.UNCLEAR, reason="doubtful")
    known = list(bars)
    line = timeline(known, since=plan.starts_at)
    return _Position(plan, known).follow(line) if line else MarketOutcome(state=Ending.NO_BARS)


@dataclass(frozen=True, slots=True)
class _Fill:
    """A sale: of everything that is left, of a ``part`` of the whole, or at a numbered target of so many ``targets``."""

    price: Decimal
    target: int | None = None
    targets: int = 0
    part: Fraction | None = None


class _Opened(Enum):
    """Where a bar opened: with the position held, or in the entry range, ahead of it, or behind on the stop's side."""

    HOLDING = auto()
    INSIDE = auto()
    AHEAD = auto()
    BEHIND = auto()


class _Position:
    """A signal on its way through the bars."""

    def __init__(self, plan: Plan, bars: Sequence[Bar]) -> None:
        self._plan = plan
        self._way = plan.way
        self._terms = sorted(plan.terms, key=lambda terms: terms.since)
        self._now = self._terms[0]
        self._unadjusted_from = next((day for day in breaks(bars) if day > plan.starts_at), None)
        self._days = {day_of(bar.opened_at): bar for bar in bars if bar.interval is Interval.DAY}
        self._entry: Decimal | None = None
        self._entered_at: datetime | None = None
        self._stop: Decimal | None = None
        self._risk: Decimal | None = None
        self._targets: tuple[Decimal, ...] = ()
        self._held = Decimal(1)
        self._reached: list[datetime] = []
        self._fills: list[_Fill] = []
        self._best = self._worst = Decimal(0)
        self._same_bar = False

    def follow(self, line: Sequence[Bar]) -> MarketOutcome:
        """Follow the signal bar by bar until it ends."""
        former: Bar | None = None
        for bar in line:
            ended = self._before(bar, former) or self._within(bar) or self._after(bar)
            if ended is not None:
                return ended
            former = bar
        last = self._terms[-1]
        if self._entry is None and last.cancelled and last.since < self._deadline():
            return self._end(Ending.CANCELLED, line[-1], at=last.since)
        return self._shown(Ending.WAITING if self._entry is None else Ending.RUNNING, line[-1])

    def _before(self, bar: Bar, former: Bar | None) -> MarketOutcome | None:
        """Apply what happened until the bar opened."""
        self._follow_terms(bar)
        terms, deadline = self._now, self._deadline()
        in_time = deadline > bar.opened_at or terms.since < deadline
        if self._entry is None and terms.cancelled and in_time:
            return self._end(Ending.CANCELLED, bar, at=terms.since)
        if deadline <= bar.opened_at:
            return self._expire(former, bar, deadline)
        if self._unadjusted_from is not None and self._unadjusted_from <= bar.opened_at:
            return self._end(Ending.UNADJUSTED, bar, at=bar.opened_at)
        if self._entry is not None and (terms.cancelled or terms.held <= 0):
            return self._end(Ending.CLOSED, bar, at=bar.opened_at, price=bar.open)
        if self._entry is not None and terms.held < self._held:
            self._fills.append(_Fill(bar.open, part=Fraction(self._held - terms.held)))
        self._held = terms.held
        return None

    def _within(self, bar: Bar) -> MarketOutcome | None:
        if self._entry is not None:
            return self._trade(bar, _Opened.HOLDING)
        if self._now.entry is None:
            return self._unclear("no_entry", bar)
        low, high = self._now.entry
        if bar.high < low or bar.low > high:
            return None
        inside = low <= bar.open <= high
        # outside the range, the worst price of it that was traded
        worst = min(high, bar.high) if self._way == 1 else max(low, bar.low)
        self._entry = bar.open if inside else worst
        self._entered_at = bar.opened_at
        if (wrong := self._wrong_side(bar)) is not None:
            return self._unclear(wrong, bar)
        outside = _Opened.AHEAD if self._gain(bar.open) > 0 else _Opened.BEHIND
        return self._trade(bar, _Opened.INSIDE if inside else outside)

    def _wrong_side(self, bar: Bar) -> str | None:
        """Return the reason if stop or targets are on the wrong side of the entry. Otherwise the risk is known."""
        self._follow_terms(bar)
        if self._stop is not None:
            self._risk = -self._gain(self._stop)
            if self._risk <= 0:
                return "stop_side"
        return "target_side" if self._targets and self._gain(self._targets[0]) <= 0 else None

    def _trade(self, bar: Bar, opened: _Opened) -> MarketOutcome | None:
        """Sell what the bar sells. The open is the first price; after it, the stop goes before the targets."""
        with_us, against_us = (bar.high, bar.low) if self._way == 1 else (bar.low, bar.high)
        stop = self._stop
        if opened is _Opened.HOLDING:
            self._note(bar.open)
            if stop is not None and self._ahead(stop, bar.open) <= 0:
                return self._end(Ending.STOPPED, bar, at=bar.opened_at, price=bar.open)
            # a gap over a target is sold at the open
            self._reach(bar, bar.open, at_open=True)
            if self._is_done():
                return self._end(Ending.TARGET, bar, at=bar.opened_at, price=bar.open)
        if stop is not None and self._ahead(stop, against_us) <= 0:
            # the stop may have come before the entry, or after a target
            self._same_bar |= opened is _Opened.BEHIND or self._has_next(with_us)
            self._note(stop)
            return self._end(Ending.STOPPED, bar, at=bar.opened_at, price=stop)
        self._note(against_us)
        if opened is _Opened.AHEAD:
            # what it traded for the position may lie before the entry
            self._same_bar = self._has_next(with_us)
            return None
        self._reach(bar, with_us, at_open=False)
        if not self._is_done():
            self._note(with_us)
            return None
        self._note(self._targets[-1])
        return self._end(Ending.TARGET, bar, at=bar.opened_at, price=self._targets[-1])

    def _after(self, bar: Bar) -> MarketOutcome | None:
        deadline = self._deadline()
        return self._expire(bar, bar, deadline) if deadline <= covers_until(bar) else None

    # ── terms and prices ─────────────────────────────────────────────────────

    def _follow_terms(self, bar: Bar) -> None:
        self._now = [terms for terms in self._terms if terms.since <= bar.opened_at][-1]
        self._stop = self._entry if self._now.breakeven and self._entry is not None else self._now.stop
        # what was reached stays reached when the channel names other targets
        reached = self._targets[: len(self._reached)]
        others = sorted(set(self._now.targets), reverse=self._way == -1)
        further = [price for price in others if not reached or self._ahead(reached[-1], price) > 0]
        self._targets = (*reached, *further)

    def _deadline(self) -> datetime:
        told = [terms for terms in self._terms if terms.since <= self._now.since]
        for terms, following in pairwise(told):
            # what had ended before its text was changed does not begin again
            if (limit := self._limit(terms)) <= following.since:
                return limit
        # a time that had passed when it was told ends then
        return max(self._limit(self._now), self._now.since)

    def _limit(self, terms: Terms) -> datetime:
        enter_until, close_at = terms.period or self._plan.period
        return close_at if self._entry is not None or enter_until is None else min(close_at, enter_until)

    def _ahead(self, price: Decimal, other: Decimal) -> Decimal:
        """Return by how much the other price is better for the position."""
        return (other - price) * self._way

    def _gain(self, price: Decimal) -> Decimal:
        assert self._entry is not None  # noqa: S101 - only a position gains or loses
        return self._ahead(self._entry, price)

    def _has_next(self, price: Decimal) -> bool:
        done = len(self._reached)
        return done < len(self._targets) and self._ahead(self._targets[done], price) >= 0

    def _reach(self, bar: Bar, price: Decimal, *, at_open: bool) -> None:
        while self._has_next(price):
            target = self._targets[len(self._reached)]
            self._reached.append(bar.opened_at)
            self._fills.append(
                _Fill(price if at_open else target, target=len(self._reached), targets=len(self._targets))
            )

    def _is_done(self) -> bool:
        return bool(self._targets) and len(self._reached) >= len(self._targets)

    def _note(self, price: Decimal) -> None:
        """Note a price that was traded while the position was held."""
        gain = self._gain(price)
        self._best, self._worst = max(self._best, gain), min(self._worst, gain)

    # ── endings ──────────────────────────────────────────────────────────────

    def _expire(self, former: Bar | None, bar: Bar, deadline: datetime) -> MarketOutcome:
        if former is None:
            return self._unclear("no_bars_in_time", bar)
        day = self._days.get(day_of(former.opened_at))
        if day is not None and former.close != day.close and day.closed_at - former.closed_at >= _LATE_ENOUGH:
            return self._unclear("bars_missing", bar)
        price = None if self._entry is None else former.close
        return self._end(Ending.EXPIRED, bar, at=deadline, price=price)

    def _unclear(self, reason: str, bar: Bar) -> MarketOutcome:
        return MarketOutcome(
            state=Ending.UNCLEAR, reason=reason, known_at=bar.closed_at, seen_until=covers_until(bar)
        )

    def _end(self, state: Ending, bar: Bar, *, at: datetime, price: Decimal | None = None) -> MarketOutcome:
        if price is not None:
            self._fills.append(_Fill(price))
        return self._shown(state, bar, ended_at=at, exit_price=price)

    def _shown(
        self, state: Ending, bar: Bar, *, ended_at: datetime | None = None, exit_price: Decimal | None = None
    ) -> MarketOutcome:
        count = len(self._targets)
        return MarketOutcome(
            state=state,
            entered_at=self._entered_at,
            entry=self._entry,
            risk=self._risk,
            reached=tuple(self._reached),
            ended_at=ended_at,
            exit=exit_price,
            same_bar=self._same_bar,
            favourable_r=self._in_r(self._best),
            adverse_r=self._in_r(-self._worst),
            first_r=self._result(lambda fill: fill.target == 1) if count else None,
            final_r=self._result(lambda fill: fill.target == fill.targets) if count else None,
            scaled_r=self._result(lambda fill: Fraction(1, fill.targets)) if count else None,
            known_at=None if ended_at is None else bar.closed_at,
            seen_until=covers_until(bar),
        )

    def _result(self, weight: Callable[[_Fill], Fraction | bool]) -> Decimal | None:
        """Return the result in R of selling a part of that ``weight`` at each target, None while something is left."""
        left, gained = Fraction(1), Fraction(0)
        for fill in self._fills:
            wanted = Fraction(weight(fill)) if fill.target else fill.part
            sold = left if wanted is None else min(left, wanted)
            left -= sold
            gained += sold * Fraction(self._gain(fill.price))
        return self._in_r(gained) if self._fills and left == 0 else None

    def _in_r(self, gain: Decimal | Fraction) -> Decimal | None:
        if not self._risk:
            return None
        # rounding a fraction is exact, and a tie goes to the even digit
        return Decimal(round(Fraction(gain) / Fraction(self._risk) * 10_000)) * _PLACES
