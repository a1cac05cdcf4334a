"""The demo's prices: the same each time, sound, and with fates of every kind."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from actors.analysis.timeline import breaks
from engine.bars import Bar, Interval
from engine.instruments import InstrumentKind
from engine.sessions import day_of
from ops.local import sample_bars as module
from ops.local.sample_bars import sample_bars, sample_instruments

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def bars() -> list[Bar]:
    return list(sample_bars(NOW))


def test_bars_are_sound_and_the_same_again(bars: list[Bar]) -> None:
    assert bars == list(sample_bars(NOW))
    keys = {(bar.symbol, bar.interval, bar.opened_at) for bar in bars}
    assert len(keys) == len(bars)
    assert all(
        0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars
    )
    assert max(bar.closed_at for bar in bars) < NOW


def test_each_asset_has_days_before_its_first_signal_and_finer_bars_that_make_up_their_day(
    bars: list[Bar],
) -> None:
    days = {(bar.symbol, day_of(bar.opened_at)): bar for bar in bars if bar.interval is Interval.DAY}
    finer = [bar for bar in bars if bar.interval is Interval.FIVE_MINUTES]
    first = min(day_of(bar.opened_at) for bar in finer)
    before = Counter(symbol for symbol, day in days if day < first)
    assert min(before.values()) >= 260
    assert {bar.symbol for bar in finer} <= before.keys()
    highs: dict[object, list[Bar]] = {}
    for bar in finer:
        highs.setdefault((bar.symbol, day_of(bar.opened_at)), []).append(bar)
    assert all(days[key].high == max(bar.high for bar in of) for key, of in highs.items())  # type: ignore[index]
    assert all(one.closed_at == next_.opened_at for of in highs.values() for one, next_ in pairwise(of))


def test_signals_meet_every_fate_and_options_have_their_papers() -> None:
    fates = Counter(each.fate for each in module._posted(NOW))
    assert set(fates) == {"final", "first", "stop", "wait"}
    instruments = {each.symbol: each for each in sample_instruments(NOW)}
    puts = [each for each in instruments.values() if each.kind is InstrumentKind.PUT]
    assert all(each.underlying in instruments and each.strike and each.expiry for each in puts)
    assert puts


def test_one_paper_is_split_after_its_signal_and_no_other(bars: list[Bar]) -> None:
    (posted,) = [each for each in module._posted(NOW) if each.symbol == module._SPLIT]
    assert posted.fate == "wait", "its entry is not touched before"
    split: dict[str, list[datetime]] = {}
    for symbol in {bar.symbol for bar in bars}:
        if found := breaks([bar for bar in bars if bar.symbol == symbol]):
            split[symbol] = found
    (at,) = split.pop(module._SPLIT)
    assert posted.at < at < NOW
    assert not split
