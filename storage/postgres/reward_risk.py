"""Reward over risk of a signal as it was posted. The dashboard computes the same (``riskReward`` in ``decimal.js``)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal, localcontext
from typing import Any

__all__ = ["DOUBTFUL", "reward_risk"]

#: with one of these warnings, at least one price may be another one than was read
DOUBTFUL = frozenset(
    {
        *("ambiguous_number", "duplicate_field", "far_price", "incomplete_table", "odd_characters"),
        *("option_unnamed", "range_wide", "relative_price", "stop_side", "target_order", "target_side"),
    }
)
#: exact for all digits that a message can hold
_EXACT = Context(prec=20_000)


def reward_risk(signal: Mapping[str, Any]) -> Decimal | None:
    """Return the reward to the final target, else to the first one, for each unit of risk, rounded to two places.

    The entry is the middle of its range. Return None where a price is missing, doubtful or on the wrong side: a figure
    made from it would look sound and mean nothing.
    """
    low, high, stop = signal["buy_min"], signal["buy_max"], signal["stop"]
    if low is None or high is None or stop is None or not DOUBTFUL.isdisjoint(signal["warnings"]):
        return None
    way = -1 if signal["side"] == "sell" else 1
    with localcontext(_EXACT):
        # twice everything, so that the middle needs no half
        entry = low + high
        risk = (entry - 2 * stop) * way
        for target in (signal["target_final"], *signal["targets"][:1]):
            if target is not None and risk > 0 and (reward := (2 * target - entry) * way) > 0:
                # the whole hundredths of the ratio and half of one
                hundredths: Decimal = (200 * reward + risk) // (2 * risk)
                return hundredths.scaleb(-2)
    return None
