"""What the process that computes is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from actors.analysis.score.features import Features
from actors.analysis.score.model import Fit
from engine.bars import Bar

__all__ = ["Question", "Scoring"]


@dataclass(frozen=True, slots=True)
class Question:
    """Asks for the indicators of one symbol at instants, each with the entry whose distance is asked."""

    bars: Sequence[Bar]
    moments: Sequence[tuple[datetime, Decimal | None]]


@dataclass(frozen=True, slots=True)
class Scoring:
    """Asks for the score of signals by their features, each from a fit."""

    asked: Sequence[tuple[Fit, Features]]
