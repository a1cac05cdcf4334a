"""Bars and instruments in the database: stored once, in the best source's words, and changes told until settled."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from engine.bars import Bar, BarSource, Interval
from engine.instruments import Instrument, InstrumentKind
from storage.postgres.bar_retention import BAR_ROUND_EVERY_S, BarRetention
from storage.postgres.bars import BarChange, Bars, BarsPut
from storage.postgres.database import Database
from storage.postgres.instruments import Instruments

pytestmark = pytest.mark.every_way

DAY = timedelta(days=1)
MONDAY = datetime(2026, 11, 2, 13, tzinfo=UTC)


def a_bar(opened_at: datetime = MONDAY, *, symbol: str = "PETR4", close: str = "38.40") -> Bar:
    """Make a day's bar."""
    return Bar(
        symbol=symbol,
        interval=Interval.DAY,
        opened_at=opened_at,
        closed_at=opened_at + timedelta(hours=8),
        open=Decimal("38.10"),
        high=Decimal("38.90"),
        low=Decimal("37.95"),
        close=Decimal(close),
        volume=33_004_100,
        distribution=230,
    )


@pytest.fixture
def bars(database: Database) -> Bars:
    """Give the table."""
    return Bars(database)


def test_bars_come_back_exactly_and_in_order_and_a_second_time_changes_nothing(bars: Bars) -> None:
    first, second, other = a_bar(), a_bar(MONDAY + DAY), a_bar(symbol="VALE3")
    minute = replace(first, interval=Interval.MINUTE, closed_at=MONDAY + timedelta(minutes=1))
    given = [second, first, other, minute]
    assert bars.put(given, source=BarSource.COTAHIST) == BarsPut(added=4)
    assert bars.put(given, source=BarSource.COTAHIST) == BarsPut(unchanged=4)
    both = [Interval.DAY, Interval.MINUTE]
    assert bars.of("PETR4", both, MONDAY, MONDAY + 2 * DAY) == (minute, first, second)
    assert bars.of("PETR4", both, MONDAY, MONDAY + DAY) == (minute, first), (
        "what opens at the end is left out"
    )
    assert bars.newest("PETR4") == {Interval.MINUTE: minute, Interval.DAY: second}
    assert bars.newest("MGLU3") == {}
    assert [(each.interval, each.bars) for each in bars.stored("PETR4")] == [
        (Interval.MINUTE, 1),
        (Interval.DAY, 2),
    ]


def test_a_bar_is_replaced_by_one_of_the_same_or_a_better_source_only(bars: Bars) -> None:
    bars.put([a_bar()], source=BarSource.BVBG086)
    assert bars.put([a_bar(close="1")], source=BarSource.QUOTES) == BarsPut(outranked=1)
    assert bars.put([a_bar(close="2")], source=BarSource.BVBG086) == BarsPut(changed=1)
    assert bars.put([a_bar(close="3")], source=BarSource.COTAHIST) == BarsPut(changed=1)
    assert bars.newest("PETR4")[Interval.DAY].close == 3


def test_changes_stay_until_they_are_settled_and_one_that_comes_meanwhile_stays_longer(bars: Bars) -> None:
    bars.put([a_bar(MONDAY + DAY), a_bar(symbol="VALE3")], source=BarSource.CSV)
    bars.put([a_bar(MONDAY + DAY)], source=BarSource.CSV)
    seen = bars.changes(limit=10)
    assert {(each.symbol, each.since) for each in seen} == {("PETR4", MONDAY + DAY), ("VALE3", MONDAY)}
    bars.put([a_bar()], source=BarSource.CSV)
    bars.settle(seen)
    (left,) = bars.changes(limit=10)
    assert left == BarChange("PETR4", MONDAY, left.number)
    bars.settle([left])
    assert bars.changes(limit=10) == ()


def test_of_the_same_bar_given_twice_the_last_counts(bars: Bars) -> None:
    assert bars.put([a_bar(close="1"), a_bar(close="2")], source=BarSource.CSV) == BarsPut(added=1)
    assert bars.newest("PETR4")[Interval.DAY].close == 2


def test_two_imports_of_the_same_bars_in_another_order_wait_for_each_other(
    open_database: Callable[[], Database],
) -> None:
    given = [a_bar(MONDAY + DAY * day, symbol=f"X{n}") for n in range(20) for day in range(20)]
    tables = [Bars(open_database()) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        for close in ("1", "2", "3"):
            bars = [replace(bar, close=Decimal(close)) for bar in given]
            turns = [
                pool.submit(table.put, order, source=BarSource.CSV)
                for table, order in zip(tables, (bars, bars[::-1]), strict=True)
            ]
            for turn in turns:
                turn.result()
    assert {bar.close for bar in tables[0].of("X7", [Interval.DAY], MONDAY, MONDAY + 30 * DAY)} == {
        Decimal(3)
    }


def test_old_bars_of_an_interval_are_forgotten_a_portion_at_a_time(bars: Bars) -> None:
    days = [a_bar(MONDAY - DAY * number) for number in range(5)]
    bars.put([*days, replace(days[4], interval=Interval.HOUR)], source=BarSource.CSV)
    assert bars.forget(Interval.DAY, before=MONDAY - DAY, limit=2) == 2
    assert bars.forget(Interval.DAY, before=MONDAY - DAY, limit=2) == 1
    assert bars.forget(Interval.DAY, before=MONDAY - DAY, limit=2) == 0
    assert [each.bars for each in bars.stored("PETR4")] == [1, 2]


def test_bars_of_minutes_go_earlier_than_those_of_days(bars: Bars) -> None:
    days = [a_bar(MONDAY - DAY * number) for number in (0, 40, 80)]
    bars.put([*days, *(replace(day, interval=Interval.MINUTE) for day in days)], source=BarSource.CSV)
    kept = BarRetention(bars, days=60 * DAY, minutes=30 * DAY, now=lambda: MONDAY)
    assert kept.forget() == BAR_ROUND_EVERY_S
    assert {each.interval: each.bars for each in bars.stored("PETR4")} == {
        Interval.DAY: 2,
        Interval.MINUTE: 1,
    }


def test_an_instrument_keeps_what_a_later_file_does_not_tell(database: Database) -> None:
    instruments = Instruments(database)
    option = Instrument(
        symbol="PETRW32",
        kind=InstrumentKind.PUT,
        strike=Decimal("32.15"),
        expiry=date(2026, 11, 20),
        isin="BRPETRACNPR6",
        name="PETR PN",
    )
    share = Instrument(symbol="PETR4", kind=InstrumentKind.SHARE, isin="BRPETRACNPR6")
    assert instruments.put([option, share, option]) == 2
    assert instruments.put([replace(option, strike=None, name=None)]) == 0
    assert instruments.put([replace(option, strike=Decimal(9), expiry=date(2025, 11, 21))]) == 0, (
        "a former series"
    )
    assert instruments.put([replace(share, name="PETROBRAS PN")]) == 1
    assert instruments.starting("PETR") == (replace(share, name="PETROBRAS PN"), option)
    assert instruments.starting("VALE") == ()
