"""Signals as the score sees them: what was posted, in the form in which it is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from actors.analysis.plan import Plan
from actors.analysis.score.examples import Example
from actors.analysis.score.features import PostedTrade
from engine.model import Side
from storage.postgres.stored_readings import StoredReading

__all__ = ["came_with_an_edit", "example_of", "stored_trade", "trade_of"]

Row = Mapping[str, Any]


def came_with_an_edit(readings: Sequence[StoredReading]) -> bool:
    """Return whether a trade came with an edit of its message: whoever edits knows the prices of the meantime.

    An edit that leaves entry, stop, first target, side and asset as they were changes nothing.
    """
    first = readings[0]
    return first.since != first.row["ts"] or len({_posted(reading.row) for reading in readings}) > 1


def _posted(row: Row) -> tuple[Any, ...]:
    targets = [*row["targets"], *({row["target_final"]} - {None})]
    nearest = min if Side(row["side"]) is Side.BUY else max
    prices = tuple(row[name] for name in ("buy_min", "buy_max", "stop"))
    return row["side"], row["asset"], *prices, nearest(targets, default=None)


def stored_trade(plan: Plan) -> Row | None:
    """Return what was posted. None: it has no entry, stop or target, or a price of it may be another one."""
    terms = plan.terms[0]
    if plan.doubtful or terms.entry is None or terms.stop is None or not terms.targets:
        return None
    nearest = min if plan.way == 1 else max
    low, high = terms.entry
    prices = {"low": low, "high": high, "target": nearest(terms.targets), "stop": terms.stop}
    return {**{name: str(price) for name, price in prices.items()}, "targets": len(set(terms.targets))}


def trade_of(row: Row, stored: Row) -> PostedTrade:
    """Return the trade of a signal's row, or of the row of its outcome."""
    prices = {name: Decimal(stored[name]) for name in ("low", "high", "target", "stop")}
    return PostedTrade(
        channel=row["channel"],
        posted_at=row["ts"],
        side=Side(row["side"]),
        signal_type=row["signal_type"],
        targets=stored["targets"],
        **prices,
    )


def example_of(row: Row) -> Example:
    """Return what the training learns from a stored row."""
    known_at = row["result_at"]
    return Example(
        key=(row["channel"], row["message_id"], row["position"]),
        posting=trade_of(row, row["trade"]),
        indicators=row["indicators"],
        hit=None if known_at is None else row["hit"],
        known_at=known_at,
    )
