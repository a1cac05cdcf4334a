"""Bars: what a market traded for in a span of time. Prices are exact and per unit (a share, a contract's point)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

__all__ = ["Bar", "BarSource", "Interval"]


class Interval(StrEnum):
    """How long a bar lasts. A bar of a day lasts one session of the exchange, whose hours its own instants tell."""

    MINUTE = "1m"
    FIVE_MINUTES = "5m"
    QUARTER = "15m"
    HALF_HOUR = "30m"
    HOUR = "1h"
    DAY = "1d"

    @property
    def length(self) -> timedelta | None:
        """Return the length. None: that of a session."""
        return _LENGTHS.get(self)


_LENGTHS = {
    Interval.MINUTE: timedelta(minutes=1),
    Interval.FIVE_MINUTES: timedelta(minutes=5),
    Interval.QUARTER: timedelta(minutes=15),
    Interval.HALF_HOUR: timedelta(minutes=30),
    Interval.HOUR: timedelta(hours=1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What ``symbol`` traded for from ``opened_at`` until before ``closed_at`` (UTC).

    A bar is known from ``closed_at`` on. The prices are not adjusted for splits, bonuses or dividends. ``volume`` is
    in units, None if the source does not tell. ``distribution`` is the exchange's number of the rights that a share
    carries: a number that changes says that something was paid or split. None if the source does not tell.
    """

    symbol: str
    interval: Interval
    opened_at: datetime
    closed_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int | None = None
    distribution: int | None = None


class BarSource(StrEnum):
    """Where a bar comes from, the best source first: a bar is replaced by one of the same or a better source only."""

    COTAHIST = "cotahist"
    BVBG086 = "bvbg086"
    METATRADER = "metatrader"
    CSV = "csv"
    QUOTES = "quotes"
    #: generated prices of the demo
    SAMPLE = "sample"
