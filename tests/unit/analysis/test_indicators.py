"""Indicators: as their authors define them, and never from what was not known yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.analysis.indicators import DayBars
from engine.bars import Bar
from tests.support.markets import day

#: the closes of QQQ from 2009-12-14, and their RSI(14) from the 15th on, as StockCharts' ChartSchool publishes them
#: ("Relative Strength Index (RSI)", its spreadsheet cs-rsi.xls)
PUBLISHED_CLOSES = [
    "44.3389",
    "44.0902",
    "44.1497",
    "43.6124",
    "44.3278",
    "44.8264",
    "45.0955",
    "45.4245",
    "45.8433",
    "46.0826",
    "45.8931",
    "46.0328",
    "45.6140",
    "46.2820",
    "46.2820",
    "46.0028",
    "46.0328",
    "46.4116",
    "46.2222",
    "45.6439",
    "46.2122",
    "46.2521",
    "45.7137",
    "46.4515",
    "45.7835",
    "45.3548",
    "44.0288",
    "44.1783",
    "44.2181",
    "44.5672",
    "43.4205",
    "42.6628",
    "43.1314",
]
PUBLISHED_RSI = [
    "70.53",
    "66.32",
    "66.55",
    "69.41",
    "66.36",
    "57.97",
    "62.93",
    "63.26",
    "56.06",
    "62.38",
    "54.71",
    "50.42",
    "39.99",
    "41.46",
    "41.87",
    "45.46",
    "37.30",
    "33.08",
    "37.77",
]


def series(closes: Sequence[Decimal]) -> list[Bar]:
    """Return bars of days that reach a little further than their closes, each way by another part."""
    return [
        replace(
            day(
                number,
                f"{close} {close + Decimal(number % 7) / 10} {close - Decimal(number % 5) / 10} {close}",
            ),
            volume=1000 + 37 * (number % 11),
        )
        for number, close in enumerate(closes)
    ]


#: 300 closes that wander
WANDERING = [
    Decimal(3000 + (number * 7919) % 613 - (number * 104729) % 211).scaleb(-2) for number in range(300)
]


def average(values: Sequence[Fraction], number: int, factor: Fraction) -> list[Fraction]:
    """Return the average that begins as that of the first ``number`` values and moves by ``factor`` to each next one."""
    averages = [sum(values[:number], Fraction(0)) / number]
    for value in values[number:]:
        averages.append(averages[-1] + (value - averages[-1]) * factor)
    return averages


def defined(bars: Sequence[Bar]) -> dict[str, Fraction]:
    """Compute in exact fractions.

    RSI and ATR: J. Welles Wilder, "New Concepts in Technical Trading Systems" (1978). MACD: Gerald Appel; both averages
    begin at the same day, as TA-Lib's documentation says.
    """
    close = [Fraction(bar.close) for bar in bars]
    moves = [later - earlier for earlier, later in pairwise(close)]
    gains = average([max(move, Fraction(0)) for move in moves], 14, Fraction(1, 14))[-1]
    losses = average([max(-move, Fraction(0)) for move in moves], 14, Fraction(1, 14))[-1]
    ranges = [
        max(Fraction(bar.high), before) - min(Fraction(bar.low), before)
        for before, bar in zip(close, bars[1:], strict=False)
    ]
    fast, slow = average(close[14:], 12, Fraction(2, 13)), average(close, 26, Fraction(2, 27))
    macd = [one - other for one, other in zip(fast, slow, strict=True)]
    signal = average(macd, 9, Fraction(2, 10))[-1]
    atr = average(ranges, 14, Fraction(1, 14))[-1]
    lowest, highest = (
        Fraction(found) for found in (min(b.low for b in bars[-252:]), max(b.high for b in bars[-252:]))
    )
    volumes = [Fraction(bar.volume or 0) for bar in bars[-20:]]
    return {
        "rsi_14": 100 * gains / (gains + losses),
        "macd": macd[-1],
        "macd_signal": signal,
        "macd_histogram": macd[-1] - signal,
        "atr_14": atr,
        **{f"sma_{number}": sum(close[-number:], Fraction(0)) / number for number in (20, 50, 200)},
        "entry_distance_atr": (Fraction("31.5") - close[-1]) / atr,
        "position_52w": (close[-1] - lowest) / (highest - lowest),
        "volume_ratio": volumes[-1] / (sum(volumes, Fraction(0)) / 20),
    }


def test_each_is_what_its_author_defines_to_eight_places() -> None:
    bars = series(WANDERING)
    found = DayBars(bars).at(bars[-1].closed_at, entry=Decimal("31.5"))
    assert not found.missing
    assert found.values == pytest.approx(
        {name: float(value) for name, value in defined(bars).items()}, abs=1e-8, rel=1e-8
    )


def test_rsi_is_the_published_one() -> None:
    bars = series([Decimal(close) for close in PUBLISHED_CLOSES])
    found = [DayBars(bars).at(bar.closed_at).values["rsi_14"] for bar in bars[14:]]
    assert [f"{value:.2f}" for value in found if value is not None] == PUBLISHED_RSI


#: the RSI(14) of the same closes with two decimals, as independent programs that follow Wilder publish it
EXACT_RSI = [70.46413502109705, 66.24961855355505, 66.48094183471265, 69.34685316, 66.29471266, 57.91502067]
#: QQQQ from 2010-04-01, high, low, close, and its ATR(14) from 2010-04-21 on: StockCharts' spreadsheet cs-atr.xls, as the
#: tests of the package `ta` hold it
PUBLISHED_RANGES = """
48.70 47.79 48.16, 48.72 48.14 48.61, 48.90 48.39 48.75, 48.87 48.37 48.63, 48.82 48.24 48.74, 49.05 48.635 49.03,
49.20 48.94 49.07, 49.35 48.86 49.32, 49.92 49.50 49.91, 50.19 49.87 50.13, 50.12 49.20 49.53, 49.66 48.90 49.50,
49.88 49.43 49.75, 50.19 49.725 50.03, 50.36 49.26 50.31, 50.57 50.09 50.52, 50.65 50.30 50.41, 50.43 49.21 49.34"""
PUBLISHED_ATR = [0.555, 0.5939285714, 0.5857908163, 0.5689486152, 0.6154522855]


def test_rsi_is_the_published_one_to_eight_places() -> None:
    bars = series([round(Decimal(close), 2) for close in PUBLISHED_CLOSES])
    found = [DayBars(bars).at(bar.closed_at).values["rsi_14"] for bar in bars[14:20]]
    assert found == pytest.approx(EXACT_RSI, abs=1e-8, rel=0)


def test_atr_is_the_published_one_to_eight_places() -> None:
    rows = [row.split() for row in PUBLISHED_RANGES.split(",")]
    # the sheet takes the first day's range for its true range, as it is after a close within it
    rows.insert(0, ["48.16", "48.16", "48.16"])
    bars = [day(number, f"{close} {high} {low} {close}") for number, (high, low, close) in enumerate(rows)]
    found = [DayBars(bars).at(bar.closed_at).values["atr_14"] for bar in bars[14:]]
    assert found == pytest.approx(PUBLISHED_ATR, abs=1e-8, rel=0)


def test_too_few_bars_give_null_with_the_reason() -> None:
    bars = series(WANDERING[:33])
    found = DayBars(bars).at(bars[-1].closed_at)
    assert {
        name: value for name, value in found.values.items() if value is None
    }.keys() == found.missing.keys()
    assert (found.missing["macd"], found.missing["sma_50"]) == ("too_few_bars", "too_few_bars")
    assert found.missing["entry_distance_atr"] == "no_entry"
    assert (found.days, found.last_close, found.as_of) == (33, bars[-1].close, bars[-1].closed_at)


def test_nothing_is_known_without_bars() -> None:
    found = DayBars([]).at(day(0, "1 1 1 1").closed_at)
    assert set(found.missing.values()) == {"no_bars"}
    assert set(found.values.values()) == {None}


def test_a_bar_of_an_unknown_volume_gives_no_ratio() -> None:
    bars = [replace(bar, volume=None) for bar in series(WANDERING)]
    assert DayBars(bars).at(bars[-1].closed_at).missing["volume_ratio"] == "no_volume"


def test_prices_that_do_not_move_have_no_place_in_their_range() -> None:
    bars = [day(number, "5 5 5 5") for number in range(260)]
    missing = DayBars(bars).at(bars[-1].closed_at, entry=Decimal(5)).missing
    assert (missing["position_52w"], missing["entry_distance_atr"]) == ("no_movement", "no_movement")


def test_bars_before_a_split_do_not_count() -> None:
    before = [replace(bar, distribution=1) for bar in series(WANDERING)]
    after = [day(number, "15 15.3 14.9 15.1", distribution=2) for number in range(300, 330)]
    found = DayBars([*before, *after]).at(after[-1].closed_at)
    assert found.days == 30
    assert found.values["sma_20"] == pytest.approx(15.1)
    assert found.missing["sma_50"] == "too_few_bars_since_split"
    assert DayBars([*before, *after]).at(before[-1].closed_at).days == 300


_PRICES = st.lists(st.integers(1, 10**6), min_size=4, max_size=4)


@given(st.integers(0, 299), st.integers(0, 24), st.lists(_PRICES, min_size=300, max_size=300))
@settings(max_examples=15)
def test_what_closed_after_the_instant_changes_nothing(
    number: int, hour: int, garbage: list[list[int]]
) -> None:
    bars = series(WANDERING)
    instant = bars[number].opened_at + timedelta(hours=hour)
    known = DayBars(bars).at(instant, entry=Decimal(30))
    replaced = [
        bar
        if bar.closed_at <= instant
        else replace(
            bar,
            open=a,
            high=max(a, b, c),
            low=min(a, b, c),
            close=Decimal(c),
            distribution=int(d),
            volume=int(d),
        )
        for bar, (a, b, c, d) in zip(
            bars, [[Decimal(each) for each in four] for four in garbage], strict=True
        )
    ]
    assert DayBars(replaced).at(instant, entry=Decimal(30)) == known
    assert DayBars(bars[: number + 1]).at(instant, entry=Decimal(30)) == known
