"""Works out what prices say of signals, and stores what is new of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from actors.analysis.contracts import last_day_of, underlying_of
from actors.analysis.indicators import Indicators
from actors.analysis.market_outcome import Ending, MarketOutcome
from actors.analysis.outcome import RULES_VERSION, judge
from actors.analysis.plan import Period, Plan
from actors.analysis.questions import Question
from actors.enrichment.calculator import Calculator
from actors.enrichment.plans import plan_of
from actors.enrichment.scoring import Scorer
from actors.enrichment.stored_forms import stored_indicators, stored_outcome
from actors.enrichment.symbols import assets_of, symbol_of
from actors.enrichment.trades import came_with_an_edit, stored_trade
from engine.bars import Bar, Interval
from engine.instruments import Instrument
from engine.sessions import day_of, midnight_after
from storage.postgres.bars import Bars
from storage.postgres.enriched_rows import ENRICHED_COLUMNS
from storage.postgres.enrichment import EnrichedSignals
from storage.postgres.instruments import Instruments
from storage.postgres.orders import Order
from storage.postgres.page_query import SignalQuery
from storage.postgres.replaced_signals import ReplacedSignals
from storage.postgres.signals import Signals
from storage.postgres.stored_readings import StoredReadings

__all__ = ["Enriched", "Enrichment"]

Row = Mapping[str, Any]

#: 400 sessions, and the holidays of that time
_DAYS_BEFORE = timedelta(days=620)
#: a signal that ends within so many days is judged by their bars alone: later ones do not change what has ended
_FIRST_DAYS = (4, 30)
_INTRADAY = tuple(interval for interval in Interval if interval is not Interval.DAY)
_UNDECIDED = (Ending.NO_BARS, Ending.WAITING, Ending.RUNNING)
#: a difference in these alone is not shown
_UNSEEN = frozenset({"seen_until", "trade", "score_model"})
_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Enriched:
    """What prices say of a signal now, and what was stored: None for nothing, or of another reading of its message."""

    row: Row
    before: Row | None
    signal: Row

    @property
    def changed(self) -> bool:
        """Whether anything is other than stored."""
        return self.before is None or any(self.before[name] != self.row[name] for name in ENRICHED_COLUMNS)

    @property
    def seen(self) -> bool:
        """Whether readers see the change."""
        if self.row["state"] == Ending.EXPIRED and self.signal["status"] in ("waiting", "open"):
            return True
        return self.before is None or any(
            self.before[name] != self.row[name] for name in ENRICHED_COLUMNS if name not in _UNSEEN
        )


class _SymbolBars(NamedTuple):
    """The bars of a symbol: of days, from long before its first signal, and finer ones."""

    symbol: str
    days: Sequence[Bar]
    finer: Sequence[Bar]


class Enrichment:
    """Signals, bars and the tables of what prices say of signals. All calls may raise ``StorageError``.

    ``kept`` is the time for which signals are kept.
    """

    def __init__(
        self,
        *,
        signals: Signals,
        bars: Bars,
        instruments: Instruments,
        enriched: EnrichedSignals,
        readings: StoredReadings,
        replaced: ReplacedSignals,
        calculator: Calculator,
        scorer: Scorer,
        kept: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._signals = signals
        self._bars = bars
        self._instruments = instruments
        self._enriched = enriched
        self._readings = readings
        self._replaced = replaced
        self._calculator = calculator
        self._scorer = scorer
        self._kept = kept
        self._now = now

    def of_symbol(self, symbol: str, *, since: datetime | None) -> Iterator[list[Enriched]]:
        """Yield what prices say of the signals of a symbol, some at a time.

        With ``since``, only of signals that bars from that instant on may change; those of options on it too.
        """
        options = self._enriched.options_on(symbol) if since else ()
        query = SignalQuery(asset=(*assets_of(symbol), *options), limit=_PAGE)
        while True:
            page = self._signals.find(query)
            known = self._enriched.of([row["id"] for row in page.rows])
            yield self.of(
                [
                    row
                    for row in page.rows
                    if (
                        symbol in _symbols_of(row)
                        and (since is None or _is_touched(known.get(row["id"]), since))
                    )
                    # the indicators of an option's paper are those of before it was posted
                    or (since is not None and row["asset"] in options and since < row["ts"])
                ],
                known,
            )
            if page.after is None:
                return
            query = replace(query, after=page.after)

    def of_all(self, *, again: bool) -> Iterator[list[Enriched]]:
        """Yield what prices say of all signals, some at a time. Those that have ended only ``again``."""
        query = SignalQuery(order=Order.ASSET, limit=_PAGE)
        while True:
            page = self._signals.find(query)
            known = self._enriched.of([row["id"] for row in page.rows])
            yield self.of([row for row in page.rows if again or not _has_ended(known.get(row["id"]))], known)
            if page.after is None:
                return
            query = replace(query, after=page.after)

    def of(self, signals: Iterable[Row], known: Mapping[int, Row] | None = None) -> list[Enriched]:
        """Return what prices say of signals. One whose symbol has no bars is left out."""
        rows = sorted(signals, key=_symbols_of)
        if known is None:
            known = self._enriched.of([row["id"] for row in rows])
        return [
            enriched
            for symbols, of_symbol in groupby(rows, key=_symbols_of)
            for enriched in self._of_one_symbol(symbols, list(of_symbol), known)
        ]

    def judge_replaced(self, symbol: str) -> int:
        """Judge the signals of a symbol that their channel has written over. Return how many outcomes are new.

        They are in no list and have no score. The track record counts them.
        """
        rows = [
            row for row in self._replaced.of(assets_of(symbol), kept=self._kept) if symbol in _symbols_of(row)
        ]
        known = self._enriched.of([row["id"] for row in rows])
        readings, found = self._readings.of(rows), list[Row]()
        for symbols, of_symbols in groupby(sorted(rows, key=_symbols_of), key=_symbols_of):
            group = list(of_symbols)
            bars = self._bars_of(symbols, min(row["ts"] for row in group))
            if bars is None:
                continue
            instruments = self._instruments_of(bars.symbol)
            for row in group:
                plan = plan_of(readings[row["id"]], kept=self._kept)
                last_day = last_day_of(bars.symbol, instruments, row["ts"])
                outcome = self._judge(plan, bars.days, bars.finer, last_day)
                told, before = stored_outcome(row, bars.symbol, outcome), known.get(row["id"])
                if before is None or any(before[name] != told[name] for name in told):
                    found.append(told)
        if found:
            self._enriched.write_unseen(found)
        return len(found)

    def write(self, found: Iterable[Enriched]) -> int | None:
        """Store what has changed. Return the commit number, None if readers see no change."""
        changed = [one for one in found if one.changed or one.seen]
        if not changed:
            return None
        return self._enriched.write(
            [one.row for one in changed], seen=[one.row for one in changed if one.seen]
        )

    def _of_one_symbol(
        self, symbols: tuple[str, ...], rows: list[Row], known: Mapping[int, Row]
    ) -> Iterator[Enriched]:
        first = min(row["ts"] for row in rows)
        if (bars := self._bars_of(symbols, first)) is None:
            return
        symbol, days, finer = bars
        markets = self._calculator.ask(Question(days, [(row["ts"], _middle(row)) for row in rows]))
        instruments = self._instruments_of(symbol)
        paper = underlying_of(symbol, instruments, first)
        below = None if paper is None else paper.symbol
        of_below: Sequence[Indicators | None] = [None] * len(rows)
        if below is not None and (days_below := self._days(below, first)):
            of_below = self._calculator.ask(Question(days_below, [(row["ts"], None) for row in rows]))
        version = self._scorer.version()
        readings = self._readings.of(rows)
        plans = [plan_of(readings[row["id"]], kept=self._kept) for row in rows]
        # a trade that came with an edit has no score, and teaches none
        trades = [
            None if came_with_an_edit(readings[row["id"]]) else stored_trade(plan)
            for row, plan in zip(rows, plans, strict=True)
        ]
        told = [stored_indicators(market) for market in markets]
        scores = self._scorer.of(list(zip(rows, trades, told, strict=True)))
        for place, (row, market_below) in enumerate(zip(rows, of_below, strict=True)):
            stored = {
                **stored_outcome(
                    row,
                    symbol,
                    self._judge(plans[place], days, finer, last_day_of(symbol, instruments, row["ts"])),
                ),
                "indicators": told[place],
                "underlying": below,
                "underlying_indicators": stored_indicators(market_below) if market_below else None,
                "trade": trades[place],
                "score": scores[place],
                "score_model": version,
            }
            yield Enriched(row=stored, before=known.get(row["id"]), signal=row)

    def _bars_of(self, symbols: Sequence[str], first: datetime) -> _SymbolBars | None:
        """Return the bars of the first of these symbols that has any."""
        for symbol in symbols:
            found = _SymbolBars(
                symbol, self._days(symbol, first), self._bars.of(symbol, _INTRADAY, first, self._now())
            )
            if found.days or found.finer:
                return found
        return None

    def _instruments_of(self, symbol: str) -> Sequence[Instrument]:
        # a share has a digit after its four letters
        return self._instruments.starting(symbol[:4]) if symbol[4:5].isalpha() else ()

    def _days(self, symbol: str, first: datetime) -> Sequence[Bar]:
        return self._bars.of(symbol, [Interval.DAY], first - _DAYS_BEFORE, self._now())

    def end_contracts(self, today: date) -> None:
        """Have the signals judged whose contract has ended, and that prices have not ended: no bar of theirs will come."""
        undecided = self._enriched.undecided()
        ended = [
            symbol
            for symbol, at in undecided
            if (last := last_day_of(symbol, (), at)) is not None and last < today
        ]
        self._bars.touch(ended)

    def _judge(
        self, plan: Plan, days: Sequence[Bar], finer: Sequence[Bar], last_day: date | None
    ) -> MarketOutcome:
        if last_day is not None:
            end = midnight_after(last_day)
            plan = _ended_by(plan, end)
            if (bars := finer or days) and end <= self._now():
                # It says that the contract has ended, and comes after all others. So none of those that come late is missed.
                over = replace(
                    bars[-1], interval=Interval.MINUTE, opened_at=end, closed_at=end + timedelta(minutes=1)
                )
                finer = [*finer, over]
        outcome = MarketOutcome(state=Ending.NO_BARS)
        for count in (*_FIRST_DAYS, self._kept.days + 1):
            first = plan.starts_at - timedelta(days=_FIRST_DAYS[0])
            last = midnight_after(day_of(plan.starts_at + timedelta(days=count)))
            outcome = judge(plan, [bar for bar in (*days, *finer) if first <= bar.opened_at < last])
            # a cancellation after these days says nothing of the bars between
            if outcome.state not in _UNDECIDED and (outcome.ended_at is None or outcome.ended_at < last):
                break
        return outcome


def _ended_by(plan: Plan, end: datetime) -> Plan:
    """Return a plan that is closed at ``end`` at the latest."""

    def sooner(period: Period) -> Period:
        return period._replace(close_at=min(period.close_at, end))

    terms = [replace(one, period=sooner(one.period)) if one.period else one for one in plan.terms]
    return replace(plan, terms=terms, period=sooner(plan.period))


def _has_ended(known: Row | None) -> bool:
    """Return whether the present rules have judged a signal for good."""
    return known is not None and known["rules"] == RULES_VERSION and known["known_at"] is not None


def _is_touched(known: Row | None, since: datetime) -> bool:
    """Return whether bars from ``since`` on may change what is known."""
    return known is None or not _has_ended(known) or since < known["known_at"]


def _middle(row: Row) -> Any:
    return None if row["buy_min"] is None else (row["buy_min"] + row["buy_max"]) / 2


def _symbols_of(row: Row) -> tuple[str, ...]:
    """Return the symbols whose bars a signal is judged by, the first that has any."""
    return symbol_of(row["asset"], row["ts"]), row["asset"]
