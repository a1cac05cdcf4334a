"""Makes the score from results, walking forward in time. It needs the extra ``enrich``; only the process that trains loads it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import orjson
from threadpoolctl import threadpool_limits

from actors.analysis.outcome import RULES_VERSION
from actors.analysis.score.candidates import Examples, Floats, best
from actors.analysis.score.evidence import Foretold
from actors.analysis.score.examples import LEAST_RESULTS, Example, monday_before
from actors.analysis.score.features import SCORE_VERSION, Features, Results, features_of, group_of
from actors.analysis.score.model import CLIPPED, FeatureColumn, Fit

__all__ = ["Learnt", "walk_forward"]

#: a fit needs so many results of each kind
_LEAST_OF_EACH = 20
#: a type of trade is a feature if so many signals have it
_LEAST_OF_TYPE = 20
#: the evidence is of the last weeks, so that what was true years ago does not speak for today
_WEEKS = 52


@dataclass(frozen=True, slots=True)
class _Prepared:
    """An example as numbers."""

    example: Example
    features: Features


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """The fits of each week, what they foretold of the signals of their week, and the number of results known."""

    fits: Sequence[Fit]
    foretold: Sequence[Foretold]
    results: int


def walk_forward(examples: Sequence[Example], *, now: datetime) -> Learnt:
    """Fit at the beginning of each week by the results known then, and foretell the signals posted in that week.

    A fit depends on nothing else, so next week's training finds those of former weeks again. The last one is in use.
    """
    every = Results(
        (one.posting.channel, one.known_at, bool(one.hit)) for one in examples if one.known_at is not None
    )
    cases = [
        _Prepared(one, features)
        for one in sorted(examples, key=lambda one: (one.posting.posted_at, one.key))
        if (features := features_of(one.posting, one.indicators, every)) is not None
    ]
    fits, foretold = [], []
    for since, before in _weeks(cases, now):
        # several threads for small tables would only wait for each other
        with threadpool_limits(1):
            fit = _fit_at(since, cases)
        if fit is None:
            continue
        fits.append(fit)
        for case in cases:
            posted_at, hit = case.example.posting.posted_at, case.example.hit
            if hit is not None and since <= posted_at < before:
                probability = fit.score(case.features).probability
                base_rate = every.base_rate(posted_at)
                foretold.append(Foretold(posted_at, probability, base_rate, hit))
    return Learnt(fits=fits, foretold=foretold, results=sum(case.example.hit is not None for case in cases))


def _weeks(cases: Sequence[_Prepared], now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the beginning and end of each week to fit for, the first one first."""
    first = cases[0].example.posting.posted_at if cases else now
    # by the calendar: a week in which clocks change has an hour more or less
    noon = monday_before(now) + timedelta(hours=12)
    mondays = [monday_before(noon - timedelta(weeks=weeks)) for weeks in range(_WEEKS, -2, -1)]
    for since, before in pairwise(mondays):
        if since > first:
            yield since, before


def _fit_at(instant: datetime, cases: Sequence[_Prepared]) -> Fit | None:
    """Return what results known before an instant teach. None: they are too few."""
    known = [
        (case, case.example.known_at.timestamp())
        for case in cases
        if case.example.known_at is not None and case.example.known_at < instant
    ]
    hits = np.array([bool(case.example.hit) for case, _ in known], dtype=float)
    if len(known) < LEAST_RESULTS or min(hits.sum(), len(hits) - hits.sum()) < _LEAST_OF_EACH:
        return None
    columns, rows = _table([case.features for case, _ in known])
    examples = Examples(
        rows=rows,
        hits=hits,
        posted_s=np.array([case.example.posting.posted_at.timestamp() for case, _ in known]),
        known_s=np.array([known_s for _, known_s in known]),
    )
    if (chosen := best(examples)) is None:
        return None
    slope, intercept = chosen.calibration()
    fit = Fit(
        digest=_digest(instant, [case for case, _ in known]),
        trained_until=instant,
        results=len(known),
        base_rate=float(hits.mean()),
        kind=chosen.kind,
        slope=slope,
        intercept=intercept,
        **chosen.learnt(examples, columns),
    )
    return replace(fit, influence=_influence(fit, [case.features for case, _ in known]))


def _table(known: Sequence[Features]) -> tuple[list[FeatureColumn], Floats]:
    """Return the columns, and the examples in deviations from their averages. What never differs tells nothing."""
    columns, values = [], []
    for name in sorted({name for features in known for name in features}):
        if name.startswith("type:") and sum(name in features for features in known) < _LEAST_OF_TYPE:
            continue
        raw = np.array([_number(features.get(name, 0.0)) for features in known])
        there = raw[~np.isnan(raw)]
        if len(there) and (deviation := float(there.std())) > 1e-9:
            column = FeatureColumn(name=name, mean=float(there.mean()), deviation=deviation)
            columns.append(column)
            values.append(np.clip(np.nan_to_num((raw - column.mean) / deviation), -CLIPPED, CLIPPED))
    return columns, np.column_stack(values)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _digest(instant: datetime, known: Sequence[_Prepared]) -> str:
    """Return the name of what a fit is made from."""
    data = [(case.example.key, case.example.known_at, case.example.hit, case.features) for case in known]
    rules = [SCORE_VERSION, RULES_VERSION, instant]
    return hashlib.sha256(orjson.dumps([rules, data], option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _influence(fit: Fit, known: Sequence[Features]) -> Mapping[str, float]:
    """Return by how much each group of features moves the log-odds of these signals, on average."""
    names = [group_of(column.name) for column in fit.columns]
    sums = dict.fromkeys(sorted(set(names)), 0.0)
    for features in known:
        moved = dict.fromkeys(sums, 0.0)
        for name, by in zip(names, fit.explained(features)[1], strict=True):
            moved[name] += by * fit.slope
        for name, by in moved.items():
            sums[name] += abs(by)
    return {name: value / len(known) for name, value in sums.items()}
