"""Indicators of a market at an instant, from bars of days that had closed before it.

TA-Lib computes them. It is loaded on first use: the engine itself works without it (extra ``enrich``).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from actors.analysis.timeline import breaks
from engine.bars import Bar, Interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["DayBars", "Indicators"]

#: what came before so many days changes no digit that matters of an average that forgets
_REMEMBERED = 400
#: the sessions of a year
_YEAR = 252
_AVERAGES = (20, 50, 200)
#: of the fields, the bars that each needs
_NEEDED = {
    "rsi_14": 15,
    "macd": 34,
    "macd_signal": 34,
    "macd_histogram": 34,
    "atr_14": 15,
    **{f"sma_{number}": number for number in _AVERAGES},
    "entry_distance_atr": 15,
    "position_52w": _YEAR,
    "volume_ratio": 20,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicators:
    """The values by name. One that is null has its reason in ``missing``.

    ``last_close`` is the close that they are of, ``as_of`` when that bar closed. ``days`` is the number of bars that
    were used.
    """

    values: dict[str, float | None] = field(default_factory=lambda: dict.fromkeys(_NEEDED))
    missing: dict[str, str] = field(default_factory=dict)
    days: int = 0
    last_close: Decimal | None = None
    as_of: datetime | None = None


class DayBars:
    """The bars of days of one symbol."""

    def __init__(self, bars: Sequence[Bar]) -> None:
        import numpy as np  # noqa: PLC0415 - see above

        days = sorted((bar for bar in bars if bar.interval is Interval.DAY), key=lambda bar: bar.opened_at)
        self._days = days
        self._breaks = [
            bisect_right([day.opened_at for day in days], instant) - 1 for instant in breaks(days)
        ]
        self._closed = [day.closed_at for day in days]
        self._high, self._low, self._close = (
            np.array([float(getattr(day, name)) for day in days], dtype=float)
            for name in ("high", "low", "close")
        )
        self._volume = np.array([float("nan") if day.volume is None else day.volume for day in days])

    def at(self, instant: datetime, *, entry: Decimal | None = None) -> Indicators:
        """Return the indicators at an instant. ``entry`` is the price that its distance is asked of."""
        end = bisect_right(self._closed, instant)
        if end == 0:
            return Indicators(missing=dict.fromkeys(_NEEDED, "no_bars"))
        split = max((first for first in self._breaks if first < end), default=0)
        start = max(split, end - _REMEMBERED)
        values = self._values(slice(start, end), entry)
        return Indicators(
            values=values,
            missing={
                name: self._reason(name, days=end - start, split=split > 0, entry=entry)
                for name, value in values.items()
                if value is None
            },
            days=end - start,
            last_close=self._days[end - 1].close,
            as_of=self._closed[end - 1],
        )

    def _values(self, part: slice, entry: Decimal | None) -> dict[str, float | None]:
        import talib  # noqa: PLC0415 - see above

        high, low, close, volume = (
            array[part] for array in (self._high, self._low, self._close, self._volume)
        )
        days = len(close)
        last = float(close[-1])
        found: dict[str, float | None] = dict.fromkeys(_NEEDED)
        found["rsi_14"] = _last(talib.RSI(close, timeperiod=14))
        for name, series in zip(
            ("macd", "macd_signal", "macd_histogram"), talib.MACD(close, 12, 26, 9), strict=True
        ):
            found[name] = _last(series)
        found["atr_14"] = atr = _last(talib.ATR(high, low, close, timeperiod=14))
        for number in _AVERAGES:
            found[f"sma_{number}"] = _last(talib.SMA(close, timeperiod=number))
        if entry is not None and atr:
            found["entry_distance_atr"] = (float(entry) - last) / atr
        if days >= _YEAR and (lowest := low[-_YEAR:].min()) < (highest := high[-_YEAR:].max()):
            found["position_52w"] = float((last - lowest) / (highest - lowest))
        if days >= 20 and (average := volume[-20:].mean()) > 0:
            found["volume_ratio"] = float(volume[-1] / average)
        return found

    @staticmethod
    def _reason(name: str, *, days: int, split: bool, entry: Decimal | None) -> str:
        if days < _NEEDED[name]:
            return "too_few_bars_since_split" if split else "too_few_bars"
        if name == "volume_ratio":
            return "no_volume"
        return "no_entry" if name == "entry_distance_atr" and entry is None else "no_movement"


def _last(series: NDArray[np.float64]) -> float | None:
    """Return the last value of a series, None where it is not a number yet."""
    value = float(series[-1])
    return None if value != value else value  # noqa: PLR0124 - only what is not a number differs from itself
