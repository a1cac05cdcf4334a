"""Bars of several intervals as one line of bars that do not overlap, the finest that tell everything."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from engine.bars import Bar, Interval
from engine.sessions import day_of, midnight_after

__all__ = ["breaks", "covers_until", "timeline"]

_FROM_FINE_TO_COARSE = list(Interval)
#: a share whose rights changed and whose price jumped by this part was split, or paid much: 5 %
_JUMP = Decimal("0.05")


def timeline(bars: Iterable[Bar], *, since: datetime) -> list[Bar]:
    """Return the bars that tell what was traded from ``since`` on, in order.

    Finer bars take the place of a coarser one if together they reach its high and its low. Otherwise some are missing,
    and the coarser one counts. A bar that opened before ``since`` holds prices of before: it is left out, and the finer
    bars of its time count alone.
    """
    line: list[Bar] = []
    for bar in sorted(bars, key=lambda bar: (_FROM_FINE_TO_COARSE.index(bar.interval), bar.opened_at)):
        first = bisect_left(line, bar.opened_at, key=lambda finer: finer.opened_at)
        after = bisect_left(line, bar.closed_at, key=lambda finer: finer.opened_at)
        finer = line[first:after]
        whole = finer and max(b.high for b in finer) >= bar.high and min(b.low for b in finer) <= bar.low
        if not whole and bar.opened_at >= since:
            line[first:after] = [bar]
    return line[bisect_left(line, since, key=lambda bar: bar.opened_at) :]


def covers_until(bar: Bar) -> datetime:
    """Return until when everything that was traded is known: a bar of a day tells the whole day."""
    return midnight_after(day_of(bar.opened_at)) if bar.interval is Interval.DAY else bar.closed_at


def breaks(bars: Iterable[Bar]) -> list[datetime]:
    """Return the openings of the days whose prices cannot be compared with those before, in order.

    The exchange's distribution number changes with every right that is paid. Small payments change little.
    """
    days = sorted((bar for bar in bars if bar.interval is Interval.DAY), key=lambda bar: bar.opened_at)
    return [
        bar.opened_at
        for former, bar in pairwise(days)
        if None not in (former.distribution, bar.distribution)
        and former.distribution != bar.distribution
        and abs(bar.open - former.close) >= _JUMP * former.close
    ]
