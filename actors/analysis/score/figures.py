"""Whether the score may be shown: what it has foretold, held against the share of hits that was known at the time.

It needs the extra ``enrich``; only the process that trains loads it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from actors.analysis.record import wilson
from actors.analysis.score.evidence import LEAST_DAYS, LEAST_FORETOLD, Bin, Evidence, Foretold
from actors.analysis.score.examples import monday_before
from engine.sessions import day_of

__all__ = ["evidence_of"]

_DRAWS = 4000
_BINS = 10
#: a point of the curve is of so many signals at least
_LEAST_IN_BIN = 20
_SEED = 16


Floats = NDArray[np.float64]


def evidence_of(foretold: Sequence[Foretold]) -> Evidence:
    """Return the evidence. Of signals of both results, at least one each, all figures are known."""
    hits = np.array([one.hit for one in foretold], dtype=float)
    _, days = np.unique([day_of(one.posted_at).toordinal() for one in foretold], return_inverse=True)
    number = int(days.max()) + 1 if len(days) else 0
    if not 0 < hits.sum() < len(hits):
        return Evidence(foretold=len(foretold), days=number, enough=False)
    told = np.array([one.probability for one in foretold])
    errors = np.square(told - hits)
    base_errors = np.square(np.array([one.base_rate for one in foretold]) - hits)
    _, weeks = np.unique([monday_before(one.posted_at) for one in foretold], return_inverse=True)
    week_errors = _spread(hits, weeks)
    low, high = _interval(base_errors - errors, base_errors, days, number)
    week_low, week_high = _interval(week_errors - errors, base_errors, days, number)
    slope, intercept = _line(np.log(told / (1 - told)), hits)
    return Evidence(
        foretold=len(foretold),
        days=number,
        enough=len(foretold) >= LEAST_FORETOLD and number >= LEAST_DAYS and min(low, week_low) > 0,
        brier=float(errors.mean()),
        base_brier=float(base_errors.mean()),
        skill=float(1 - errors.sum() / base_errors.sum()),
        skill_low=low,
        skill_high=high,
        week_skill=float((week_errors - errors).sum() / base_errors.sum()),
        week_skill_low=week_low,
        week_skill_high=week_high,
        auc=_auc(told, hits),
        slope=slope,
        intercept=intercept,
        reliability=_bins(told, hits),
    )


def _spread(hits: Floats, weeks: NDArray[np.intp]) -> Floats:
    """Return the squared error of the share of hits of each one's own week, as if its own result were not in that share.

    On average this is what the true share of the week has. A week of one signal has none: it speaks against the score.
    """
    numbers = np.bincount(weeks)
    shares = np.bincount(weeks, weights=hits) / numbers
    # the deviation from a share that holds the result itself is too small by one part of the number
    fair = numbers / np.maximum(numbers - 1, 1)
    spread: Floats = np.square(hits - shares[weeks]) * fair[weeks]
    return spread


def _interval(saved: Floats, base_errors: Floats, days: NDArray[np.intp], number: int) -> tuple[float, float]:
    """Return the 95 % interval of the saved part of the base rate's error, from draws of whole days.

    Signals of one day are no independent proofs: one move of the market decides many of them.
    """
    of_day, base_of_day = (np.bincount(days, weights=each, minlength=number) for each in (saved, base_errors))
    drawn = np.random.default_rng(_SEED).multinomial(number, np.full(number, 1 / number), size=_DRAWS)
    skills = (drawn @ of_day) / (drawn @ base_of_day)
    low, high = np.quantile(skills, [0.025, 0.975])
    return float(low), float(high)


def _line(odds: Floats, hits: Floats) -> tuple[float | None, float | None]:
    """Return slope and intercept of the logistic regression of hits on log-odds, by Newton's method."""
    told = np.column_stack([odds, np.ones_like(odds)])
    found, tiny = np.zeros(2), np.eye(2) * 1e-9  # it keeps the solution finite where the line separates all
    if odds.std() < 1e-9:
        return None, None
    for _ in range(25):
        share = 1 / (1 + np.exp(-told @ found))
        found = found + np.linalg.solve(
            (told.T * (share * (1 - share))) @ told + tiny, told.T @ (hits - share)
        )
    return float(found[0]), float(found[1])


def _auc(told: Floats, hits: Floats) -> float:
    """Return the chance that a hit has the higher probability; equal ones count half (Mann and Whitney, 1947)."""
    _, places, counts = np.unique(told, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    positive = hits.sum()
    return float(
        (ranks[hits == 1].sum() - positive * (positive + 1) / 2) / (positive * (len(hits) - positive))
    )


def _bins(told: Floats, hits: Floats) -> list[Bin]:
    """Return the points of the curve, each of about as many signals."""
    order = np.argsort(told, kind="stable")
    parts = np.array_split(order, max(1, min(_BINS, len(told) // _LEAST_IN_BIN)))
    bins = []
    for part in parts:
        low, high = wilson(int(hits[part].sum()), len(part))
        bins.append(
            Bin(
                number=len(part),
                probability=float(told[part].mean()),
                share=float(hits[part].mean()),
                share_low=float(low or 0),
                share_high=float(high or 0),
            )
        )
    return bins
