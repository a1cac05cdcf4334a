"""What was known of a signal when it was posted, as the numbers that the score is computed from. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import accumulate
from math import cos, log, log1p, pi, sin
from typing import Any

from engine.model import Side
from engine.sessions import ZONE

__all__ = ["SCORE_VERSION", "Features", "PostedTrade", "Results", "features_of", "group_of", "log_odds"]

#: raise it with each change of the features or of the training: fits of another one are not read
SCORE_VERSION = 1

#: the value of each feature by name; None where it is not known. A type that is not named is 0.
Features = Mapping[str, float | None]

#: a channel counts as if it had so many results more, at the rate of all channels
_BORROWED = 20
#: features that are told as one
_GROUPS = {
    **dict.fromkeys(("hour_sin", "hour_cos"), "hour"),
    **dict.fromkeys(("channel_rate", "channel_results"), "channel"),
    **dict.fromkeys(("trend_20", "trend_50", "trend_200"), "trend"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedTrade:
    """The trade of a signal as it was posted. ``target`` is the nearest one; ``targets`` is how many there are."""

    channel: str
    posted_at: datetime
    side: Side
    signal_type: str
    low: Decimal
    high: Decimal
    target: Decimal
    targets: int
    stop: Decimal


@dataclass(frozen=True, slots=True)
class Tally:
    """How many results were known, and how many of them reached the first target."""

    hits: int = 0
    results: int = 0


class Results:
    """The results of signals by the instant at which they were known: of each channel, and of all."""

    def __init__(self, known: Iterable[tuple[str, datetime, bool]]) -> None:
        """Take the channel of each result, when it was known, and whether it was a hit."""
        found: dict[str | None, list[tuple[datetime, bool]]] = {}
        for channel, at, hit in known:
            found.setdefault(channel, []).append((at, hit))
            found.setdefault(None, []).append((at, hit))
        self._lines = {}
        for name, results in found.items():
            results.sort()
            hits = list(accumulate((hit for _, hit in results), initial=0))
            self._lines[name] = [at for at, _ in results], hits

    def before(self, instant: datetime, *, channel: str | None = None) -> Tally:
        """Return what was known before an instant, of a channel or of all."""
        times, hits = self._lines.get(channel, ((), (0,)))
        number = bisect_left(times, instant)
        return Tally(hits[number], number)

    def base_rate(self, instant: datetime) -> float:
        """Return the share of hits among all results known before an instant. It is never 0 or 1."""
        every = self.before(instant)
        return (every.hits + 1) / (every.results + 2)


def features_of(posting: PostedTrade, indicators: Mapping[str, Any], results: Results) -> Features | None:
    """Return the features of a signal. None: stop or target are on the wrong side of the entry.

    Those of the market point in the signal's direction: what favours a purchase has the other sign for a sale.
    """
    way = 1 if posting.side is Side.BUY else -1
    entry = float(posting.low + posting.high) / 2
    risk, reward = (entry - float(posting.stop)) * way, (float(posting.target) - entry) * way
    if min(entry, risk, reward) <= 0:
        return None
    local = posting.posted_at.astimezone(ZONE)
    hour = (local.hour + local.minute / 60) / 24 * 2 * pi
    own = results.before(posting.posted_at, channel=posting.channel)
    base = results.base_rate(posting.posted_at)
    rate = (own.hits + _BORROWED * base) / (own.results + _BORROWED)
    return {
        "reward": log(reward / risk),
        "risk": log(risk / entry),
        "targets": float(posting.targets),
        "range": float(posting.high - posting.low) / risk,
        "side": float(way),
        "hour_sin": sin(hour),
        "hour_cos": cos(hour),
        "channel_rate": log_odds(rate) - log_odds(base),
        "channel_results": log1p(own.results),
        f"type:{posting.signal_type.strip().lower()}": 1.0,
        **_market(indicators, way, risk),
    }


def _market(indicators: Mapping[str, Any], way: int, risk: float) -> Features:
    found = {name: indicators.get(name) for name in ("rsi_14", "position_52w", "volume_ratio", "atr_14")}
    distance, macd = indicators.get("entry_distance_atr"), indicators.get("macd_histogram")
    atr, close = found["atr_14"] or None, float(indicators.get("last_close") or 0)
    values: dict[str, float | None] = {
        "distance": None if distance is None else distance * way,
        "rsi": None if found["rsi_14"] is None else (found["rsi_14"] - 50) / 50 * way,
        "macd": None if macd is None or atr is None else macd / atr * way,
        "volatility": log(atr / close) if atr and close > 0 else None,
        "risk_atr": log(risk / atr) if atr else None,
        "position": None if found["position_52w"] is None else (found["position_52w"] - 0.5) * way,
        "volume": log(found["volume_ratio"]) if found["volume_ratio"] else None,
    }
    for days in (20, 50, 200):
        average = indicators.get(f"sma_{days}")
        values[f"trend_{days}"] = None if average is None or atr is None else (close - average) / atr * way
    return values


def log_odds(probability: float) -> float:
    """Return the logarithm of the odds."""
    return log(probability / (1 - probability))


def group_of(name: str) -> str:
    """Return what a feature is told as: features that say one thing together are one.

    >>> group_of("hour_sin"), group_of("type:day trade"), group_of("rsi")
    ('hour', 'type', 'rsi')
    """
    return _GROUPS.get(name, name.partition(":")[0])
