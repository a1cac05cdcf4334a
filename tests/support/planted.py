"""Signals whose chance is known, because it was planted: with an effect of what is known at posting, or with none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import exp

import numpy as np

from actors.analysis.score.examples import Example
from actors.analysis.score.features import PostedTrade
from engine.model import Side

__all__ = ["WEEKS", "end_of", "planted"]

_FIRST = datetime(2025, 1, 6, 13, tzinfo=UTC)
WEEKS = 40


def end_of(weeks: int) -> datetime:
    """Return an instant after everything that is planted in so many weeks."""
    return _FIRST + timedelta(weeks=weeks + 2)


def planted(
    seed: int, *, number: int = 2000, weeks: int = WEEKS, effect: float = 1.0
) -> tuple[list[Example], dict[tuple[str, str, int], float]]:
    """Return signals in the order of their posting, and the planted chance of each by its key.

    An ``effect`` of 0 makes the chance of all the same. Channels, the trend, the RSI and the reward count.
    """
    draw = np.random.default_rng(seed)
    skills = draw.normal(0, 0.5, size=5)
    instants = sorted(
        _FIRST + timedelta(days=int(day) // 5 * 7 + int(day) % 5, minutes=int(minute))
        for day, minute in zip(
            draw.integers(0, weeks * 5, number), draw.integers(0, 7 * 60, number), strict=True
        )
    )
    examples, chances = [], {}
    for place, at in enumerate(instants):
        channel, way = int(draw.integers(5)), 1 if draw.random() < 0.7 else -1
        rsi, trend = float(draw.normal(50, 12)), float(draw.normal(0, 1.5))
        ratio, kind = float(draw.choice([0.8, 1.0, 1.5, 2.0])), str(draw.choice(["Day Trade", "Swing Trade"]))
        stop_distance = float(draw.choice([0.2, 0.3, 0.5]))
        key = (f"-{channel}", str(place), 0)
        felt = (
            0.9 * (rsi - 50) / 12 * way
            + 0.5 * trend / 1.5 * way
            + float(skills[channel])
            - 0.8 * (ratio - 1.2)
        )
        chances[key] = 1 / (1 + exp(0.2 - effect * felt * 0.7))
        posting = PostedTrade(
            channel=key[0],
            posted_at=at,
            side=Side.BUY if way == 1 else Side.SELL,
            signal_type=kind,
            low=Decimal(10),
            high=Decimal(10),
            target=Decimal(str(round(10 + way * stop_distance * ratio, 4))),
            targets=int(draw.integers(1, 4)),
            stop=Decimal(str(round(10 - way * stop_distance, 4))),
        )
        indicators = {
            "rsi_14": rsi,
            "macd_histogram": float(draw.normal(0, 0.1)),
            "atr_14": 0.3,
            "entry_distance_atr": float(draw.normal(0, 0.5)),
            "position_52w": float(draw.random()),
            "volume_ratio": float(draw.lognormal(0, 0.4)),
            "last_close": "10",
            **{f"sma_{days}": 10 - 0.3 * (trend + float(draw.normal(0, 0.5))) for days in (20, 50, 200)},
        }
        known_at = at + timedelta(hours=float(draw.exponential(30)))
        examples.append(
            Example(
                key=key,
                posting=posting,
                indicators=indicators,
                hit=bool(draw.random() < chances[key]),
                known_at=known_at if known_at < end_of(weeks) else None,
            )
        )
    return examples, chances
