"""The features of a signal: what was known when it was posted, and nothing of later."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from math import log
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.analysis.indicators import DayBars, Indicators
from actors.analysis.score.features import PostedTrade, Results, features_of, log_odds
from actors.analysis.score.model import FeatureColumn, Fit
from engine.bars import Bar
from engine.model import Side
from tests.support.markets import POSTED
from tests.unit.analysis.test_indicators import WANDERING, series

BOUGHT = PostedTrade(
    channel="-1",
    posted_at=POSTED,
    side=Side.BUY,
    signal_type="Day Trade",
    low=Decimal("9.9"),
    high=Decimal("10.1"),
    target=Decimal("11.5"),
    targets=2,
    stop=Decimal(9),
)
#: the same trade, mirrored at 10
SOLD = replace(BOUGHT, side=Side.SELL, target=Decimal("8.5"), stop=Decimal(11))
MARKET = {
    "rsi_14": 60.0,
    "macd_histogram": 0.05,
    "atr_14": 0.5,
    "entry_distance_atr": 0.2,
    "position_52w": 0.9,
    "volume_ratio": 2.0,
    "sma_20": 9.5,
    "sma_50": 9.0,
    "sma_200": None,
    "last_close": "10",
}
NOTHING = Results([])


def test_they_are_the_geometry_and_the_market_in_the_direction_of_the_signal() -> None:
    found = features_of(BOUGHT, MARKET, NOTHING)
    assert found is not None
    assert found == pytest.approx(
        {
            "reward": log(1.5),
            "risk": log(0.1),
            "targets": 2,
            "range": 0.2,
            "side": 1,
            "hour_sin": found["hour_sin"],
            "hour_cos": found["hour_cos"],
            "channel_rate": 0,
            "channel_results": 0,
            "type:day trade": 1,
            "distance": 0.2,
            "rsi": 0.2,
            "macd": 0.1,
            "volatility": log(0.05),
            "risk_atr": log(2),
            "position": 0.4,
            "volume": log(2),
            "trend_20": 1,
            "trend_50": 2,
            "trend_200": None,
        }
    )


def test_a_sale_sees_the_market_the_other_way_round() -> None:
    found, bought = features_of(SOLD, MARKET, NOTHING), features_of(BOUGHT, MARKET, NOTHING)
    assert found is not None
    assert bought is not None
    turned = {name for name in found if found[name] != pytest.approx(bought[name])}
    assert turned == {"side", "distance", "rsi", "macd", "position", "trend_20", "trend_50"}
    assert all(found[name] == pytest.approx(-(bought[name] or 0)) for name in turned)


def test_what_the_market_does_not_tell_is_none() -> None:
    found = features_of(BOUGHT, Indicators().values, NOTHING)
    assert found is not None
    market = ("distance", "rsi", "macd", "volatility", "risk_atr", "position", "volume", "trend_20")
    assert {found[name] for name in market} == {None}


@pytest.mark.parametrize("wrong", [{"stop": Decimal("10.2")}, {"target": Decimal(10)}, {"stop": Decimal(10)}])
def test_a_stop_or_target_on_the_wrong_side_gives_none(wrong: dict[str, Any]) -> None:
    assert features_of(replace(BOUGHT, **wrong), MARKET, NOTHING) is None


def test_a_channel_begins_at_the_rate_of_all_and_moves_away_with_its_results() -> None:
    before = [POSTED - timedelta(hours=number + 1) for number in range(20)]
    results = Results(
        [("-1", at, True) for at in before] + [("-2", at, number < 10) for number, at in enumerate(before)]
    )
    base = 31 / 42
    assert results.base_rate(POSTED) == base
    found = features_of(BOUGHT, MARKET, results)
    assert found is not None
    assert found["channel_rate"] == pytest.approx(log_odds((20 + 20 * base) / 40) - log_odds(base))
    assert found["channel_results"] == pytest.approx(log(21))
    new = features_of(replace(BOUGHT, channel="-3"), MARKET, results)
    assert new is not None
    assert new["channel_rate"] == pytest.approx(0)


_LATER = st.lists(
    st.tuples(st.sampled_from(["-1", "-2"]), st.integers(0, 10_000), st.booleans()), max_size=20
)


@given(_LATER, _LATER)
@settings(max_examples=30)
def test_results_known_at_the_instant_of_the_signal_or_later_change_no_feature(
    before: list[tuple[str, int, bool]], later: list[tuple[str, int, bool]]
) -> None:
    known = [(channel, POSTED - timedelta(minutes=minutes + 1), hit) for channel, minutes, hit in before]
    others = [(channel, POSTED + timedelta(minutes=minutes), hit) for channel, minutes, hit in later]
    assert features_of(BOUGHT, MARKET, Results(known + others)) == features_of(BOUGHT, MARKET, Results(known))


#: it weighs everything that the market tells
_FIT = Fit(
    digest="d",
    trained_until=POSTED,
    results=200,
    base_rate=0.5,
    kind="regression",
    columns=[
        FeatureColumn(name=name, mean=0.1, deviation=2.0, weight=0.3)
        for name in ("distance", "rsi", "macd", "volatility", "risk_atr", "position", "volume", "trend_200")
    ],
    constant=0.1,
)


def _at(bars: list[Bar], instant: datetime) -> tuple[object, object]:
    market = DayBars(bars).at(instant, entry=Decimal(30))
    indicators = {**market.values, "last_close": market.last_close}
    posting = replace(
        BOUGHT, posted_at=instant, low=Decimal(30), high=Decimal(30), target=Decimal(31), stop=Decimal(29)
    )
    features = features_of(posting, indicators, NOTHING)
    assert features is not None
    return features, _FIT.score(features)


@given(st.integers(20, 299), st.integers(0, 24), st.lists(st.integers(1, 10**6), min_size=300, max_size=300))
@settings(max_examples=10)
def test_bars_that_closed_after_the_signal_change_neither_features_nor_score(
    number: int, hour: int, garbage: list[int]
) -> None:
    bars = series(WANDERING)
    instant = bars[number].opened_at + timedelta(hours=hour)
    replaced = [
        bar
        if bar.closed_at <= instant
        else replace(bar, open=price, high=price, low=price, close=price, volume=int(price))
        for bar, price in zip(bars, map(Decimal, garbage), strict=True)
    ]
    assert _at(replaced, instant) == _at(bars, instant)
