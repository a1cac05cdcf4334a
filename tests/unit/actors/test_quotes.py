"""The fetcher of quotes: what it asks for and when, and how it lives with a service that refuses or fails."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, cast

from actors.names import QUOTES
from actors.quotes import BREAKER, PLAN_EVERY_S, QuoteFetcher
from actors.shown.snapshots import LeasesSnapshot, QuotesSnapshot
from engine.bars import Bar, BarSource, Interval
from engine.instruments import Instrument, InstrumentKind
from engine.sessions import session_hours
from storage.errors import DatabaseUnavailableError
from storage.quotes.service import QuotesError, QuotesRefusedError, UnknownSymbolError
from tests.support.recording import World

#: a Friday an hour after the close
EVENING = datetime(2026, 11, 27, 22, 0, tzinfo=UTC)
SHARE = Instrument(symbol="PETR4", kind=InstrumentKind.SHARE)


def day_bar(symbol: str, days_ago: int = 0) -> Bar:
    opened_at, closed_at = session_hours((EVENING - timedelta(days=days_ago)).date())
    one = Decimal(1)
    return Bar(
        symbol=symbol,
        interval=Interval.DAY,
        opened_at=opened_at,
        closed_at=closed_at,
        open=one,
        high=one,
        low=one,
        close=one,
    )


class Market:
    """Service and tables in memory. Each answer is taken once, then the service tells two days of any symbol."""

    def __init__(self, *assets: str) -> None:
        self.assets = list(assets)
        self.asked: list[str] = []
        self.answers = deque[Exception | Sequence[Bar]]()
        self.stored: dict[str, list[Bar]] = {}
        self.away = False

    def history(self, symbol: str, *, interval: Interval, back: str) -> Sequence[Bar]:
        self.asked.append(symbol)
        answer = self.answers.popleft() if self.answers else [day_bar(symbol, 1), day_bar(symbol)]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def newest(self, symbol: str) -> dict[Interval, Bar]:
        bars = self.stored.get(symbol)
        return {Interval.DAY: bars[-1]} if bars else {}

    def put(self, bars: Sequence[Bar], *, source: BarSource) -> None:
        if self.away:
            raise DatabaseUnavailableError("away")
        assert source is BarSource.QUOTES
        self.stored.setdefault(bars[0].symbol, []).extend(bars)

    def names(self) -> list[str]:
        return self.assets

    def starting(self, letters: str) -> tuple[Instrument, ...]:
        return (SHARE,) if letters == "PETR" else ()

    def close(self) -> None:
        """Nothing is open."""


class Fetching(World):
    def __init__(self, *assets: str, budget: int = 100) -> None:
        super().__init__()
        self.market = Market(*assets)
        self.began_s = self.clock.monotonic_s()
        parts = dict.fromkeys(("service", "bars", "instruments", "assets"), self.market)
        self.fetcher = QuoteFetcher(
            self.context(QUOTES),
            interval=Interval.DAY,
            back="3mo",
            budget=budget,
            now=lambda: EVENING + timedelta(seconds=self.clock.monotonic_s() - self.began_s),
            metrics=self.metrics,
            random=Random(1),
            **cast("Any", parts),
        )
        self.fetcher.on_start()

    def pass_s(self, seconds: float) -> None:
        self.advance(seconds, self.fetcher)

    @property
    def shown_now(self) -> QuotesSnapshot:
        return self.shown(QUOTES, QuotesSnapshot)


def test_shares_and_the_papers_of_options_are_asked_for_once() -> None:
    world = Fetching("PETRW32", "VALE3", "PETR4F", "WINZ26", "BOVAW32")
    world.pass_s(1800)
    assert world.market.asked == ["PETR4", "VALE3"]
    assert [bar.opened_at.day for bar in world.market.stored["VALE3"]] == [26, 27]
    assert world.count("tpcapital_quote_requests_total", result="ok") == 2
    assert world.shown_now == QuotesSnapshot(requests=2, error=None, failing_since=None)


def test_only_bars_that_have_closed_and_are_newer_than_the_newest_are_stored() -> None:
    world = Fetching("VALE3")
    world.market.stored["VALE3"] = [day_bar("VALE3", 1)]
    opened_at, closed_at = session_hours(EVENING.date() + timedelta(days=3))
    running = Bar(**{**_fields(day_bar("VALE3")), "opened_at": opened_at, "closed_at": closed_at})
    world.market.answers.append([day_bar("VALE3", 2), day_bar("VALE3", 1), day_bar("VALE3"), running])
    world.pass_s(60)
    assert [bar.opened_at.day for bar in world.market.stored["VALE3"]] == [26, 27]


def test_without_the_lease_of_maintenance_nothing_is_asked() -> None:
    world = Fetching("VALE3")
    world.snapshots.publish("leases", LeasesSnapshot(held=frozenset(), asked_s=world.clock.monotonic_s()))
    world.pass_s(600)
    assert world.market.asked == []


def test_an_unknown_symbol_is_left_alone_for_a_day_and_is_no_failure() -> None:
    world = Fetching("MSFT34", "VALE3")
    world.market.answers.append(UnknownSymbolError("404"))
    world.pass_s(6 * 3600)
    assert world.market.asked == ["MSFT34", "VALE3"]
    assert world.shown_now.error is None
    assert world.count("tpcapital_quote_requests_total", result="unknown") == 1


def test_a_refusal_is_waited_out_as_long_as_it_says_and_told() -> None:
    world = Fetching("VALE3")
    world.market.answers.append(QuotesRefusedError("429: too many requests", 300))
    world.pass_s(299)
    assert (world.market.asked, world.shown_now.error) == (["VALE3"], "429: too many requests")
    world.pass_s(2)
    assert (world.market.asked, world.shown_now.error) == (["VALE3", "VALE3"], None)


def test_a_service_that_fails_opens_the_breaker_and_recovers() -> None:
    world = Fetching("VALE3")
    world.market.answers.extend([QuotesError("500")] * BREAKER.minimum)
    world.pass_s(BREAKER.reset_s)
    assert len(world.market.asked) == BREAKER.minimum
    assert world.shown_now.error == "500"
    world.pass_s(BREAKER.reset_s)
    assert len(world.market.asked) == BREAKER.minimum + 1
    assert world.shown_now.error is None


def test_the_budget_of_a_day_ends_at_midnight_in_sao_paulo() -> None:
    world = Fetching("ITUB4", "PETR4", "VALE3", budget=2)
    world.pass_s(4 * 3600)
    assert world.market.asked == ["ITUB4", "PETR4"]
    assert world.shown_now.error == "the 2 requests of this day are used up"
    world.pass_s(2 * 3600)
    assert world.market.asked == ["ITUB4", "PETR4", "VALE3"]


def test_a_database_that_is_away_costs_a_request_and_not_the_bars() -> None:
    world = Fetching("VALE3")
    world.market.away = True
    world.pass_s(1)
    assert world.shown_now.error == "away"
    world.market.away = False
    world.pass_s(2 * PLAN_EVERY_S)
    assert len(world.market.stored["VALE3"]) == 2


def _fields(bar: Bar) -> dict[str, Any]:
    return {name: getattr(bar, name) for name in Bar.__dataclass_fields__}
