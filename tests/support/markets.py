"""Bars and plans of trades, said briefly."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from actors.analysis.plan import Period, Plan, Terms
from engine.bars import Bar, Interval
from engine.model import Side

__all__ = ["POSTED", "SESSION", "bar", "day", "minutes", "plan", "terms"]

#: a Monday at 11:00 in São Paulo
POSTED = datetime(2026, 3, 2, 14, tzinfo=UTC)
#: the opening of that day's session, which lasts seven hours
SESSION = datetime(2026, 3, 2, 13, tzinfo=UTC)
_KEPT = timedelta(days=90)


def bar(
    opened_at: datetime,
    prices: str,
    *,
    interval: Interval = Interval.MINUTE,
    symbol: str = "PETR4",
    volume: int | None = None,
    distribution: int | None = None,
) -> Bar:
    """Return the bar with these ``prices``: open, high, low, close."""
    opened, high, low, close = map(Decimal, prices.split())
    length = interval.length or timedelta(hours=7)
    return Bar(
        symbol=symbol,
        interval=interval,
        opened_at=opened_at,
        closed_at=opened_at + length,
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=volume,
        distribution=distribution,
    )


def day(number: int, prices: str, *, distribution: int | None = None) -> Bar:
    """Return the bar of the day so many days after that of ``SESSION``."""
    opened_at = SESSION + timedelta(days=number)
    return bar(opened_at, prices, interval=Interval.DAY, distribution=distribution)


def minutes(*prices: str, since: datetime = POSTED) -> list[Bar]:
    """Return the bars of minutes that follow each other."""
    return [bar(since + timedelta(minutes=minute), said) for minute, said in enumerate(prices)]


def plan(
    *changes: Terms,
    side: Side = Side.BUY,
    entry: str | None = "10 10",
    targets: str = "11 12",
    stop: str | None = "9",
    enter_until: datetime | None = None,
    close_at: datetime = POSTED + _KEPT,
    doubtful: bool = False,
) -> Plan:
    """Return the plan of a signal that was posted at ``POSTED``, with later changes of its terms."""
    posted = terms(POSTED, entry=entry, targets=targets, stop=stop)
    return Plan(
        side=side,
        starts_at=POSTED,
        terms=(posted, *changes),
        period=Period(enter_until, close_at),
        doubtful=doubtful,
    )


def terms(
    since: datetime,
    *,
    entry: str | None = "10 10",
    targets: str = "11 12",
    stop: str | None = "9",
    breakeven: bool = False,
    held: str = "1",
    cancelled: bool = False,
    period: Period | None = None,
) -> Terms:
    """Return the terms that hold from an instant on."""
    low_and_high: Sequence[Decimal] = [Decimal(price) for price in entry.split()] if entry else ()
    return Terms(
        since=since,
        entry=(low_and_high[0], low_and_high[1]) if low_and_high else None,
        targets=tuple(Decimal(price) for price in targets.split()),
        stop=Decimal(stop) if stop else None,
        breakeven=breakeven,
        held=Decimal(held),
        cancelled=cancelled,
        period=period,
    )
