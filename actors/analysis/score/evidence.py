"""What the score has foretold of signals it had not seen, and what that is worth, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

__all__ = ["LEAST_DAYS", "LEAST_FORETOLD", "Bin", "Evidence", "Foretold"]

#: the score is shown from so many foretold results on, of so many days
LEAST_FORETOLD = 200
LEAST_DAYS = 20


@dataclass(frozen=True, slots=True)
class Foretold:
    """A probability that was told before the result was known, beside the share of hits that was known then."""

    posted_at: datetime
    probability: float
    base_rate: float
    hit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """A point of the reliability curve: signals of similar probability, and how many of them were hits."""

    number: int
    probability: float
    share: float
    share_low: float
    share_high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What foretold probabilities are worth. ``enough`` says that the score may be shown.

    ``brier`` is their mean squared error, ``base_brier`` that of the base rates, and ``skill`` the part of the latter that
    they save, with its 95 % interval. ``week_skill`` is what they save against the share of hits of the signal's own week,
    as a part of ``base_brier``: whoever only follows the ups and downs of all signals saves nothing there. ``auc`` is the chance that a hit had a higher probability than a miss. Of the line
    from told to true log-odds, ``slope`` is 1 and ``intercept`` 0 where it is calibrated. A figure that would divide by
    nothing is None.
    """

    foretold: int
    days: int
    enough: bool
    brier: float | None = None
    base_brier: float | None = None
    skill: float | None = None
    skill_low: float | None = None
    skill_high: float | None = None
    week_skill: float | None = None
    week_skill_low: float | None = None
    week_skill_high: float | None = None
    auc: float | None = None
    slope: float | None = None
    intercept: float | None = None
    reliability: Sequence[Bin] = ()
