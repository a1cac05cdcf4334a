"""The track record of signals: what prices say that following them would have brought. Pure; ``docs/outcomes.md`` defines it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import sqrt

from actors.analysis.claims import Verified
from actors.analysis.market_outcome import Ending

__all__ = ["FEW", "Judged", "Point", "TrackRecord", "track_record", "wilson"]

#: fewer results than this say little
FEW = 30
_UNJUDGED = (Ending.NO_BARS, Ending.UNCLEAR, Ending.UNADJUSTED)
#: of a normal distribution, 95 % lie within so many deviations
_Z = 1.959963984540054
_PLACES = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A signal as a record counts it. ``r`` is its result by the chosen exit, None while there is none."""

    state: Ending
    posted_at: datetime
    entered: bool
    reached: int
    r: Decimal | None
    known_at: datetime | None
    claim: Verified | None
    key: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """The sum of all results up to an instant, each of one R risked."""

    at: datetime
    r: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRecord:
    """What signals brought, in R. A figure that would divide by nothing is None.

    ``judged`` are the signals that prices can judge, ``resolved`` those of them with a result. ``hits`` reached their
    first target before the stop. ``expectancy`` is the result of each judged signal that has ended, also of those that
    were never entered. ``few`` says that the numbers are small.
    """

    signals: int
    judged: int
    entered: int
    entered_share: Decimal | None
    resolved: int
    hits: int
    hit_rate: Decimal | None
    hit_rate_low: Decimal | None
    hit_rate_high: Decimal | None
    total_r: Decimal
    average_r: Decimal | None
    median_r: Decimal | None
    profit_factor: Decimal | None
    expectancy: Decimal | None
    longest_losing_run: int
    max_drawdown_r: Decimal
    claims_agree: int
    claims_contradict: int
    claims_not_verifiable: int
    few: bool
    equity: Sequence[Point] = field(default=(), compare=False)


def track_record(signals: Iterable[Judged]) -> TrackRecord:
    """Return the record of signals. Results count in the order in which they became known."""
    known = list(signals)
    judged = [one for one in known if one.state not in _UNJUDGED]
    resolved = [
        (one.known_at or one.posted_at, one.posted_at, one.key, one, one.r)
        for one in judged
        if one.r is not None
    ]
    resolved.sort(key=lambda each: each[:3])
    results = [r for *_, r in resolved]
    hits = sum(one.reached > 0 for *_, one, _ in resolved)
    ended = len(results) + sum(
        one.r is None and not one.entered and one.known_at is not None for one in judged
    )
    total = sum(results, Decimal(0))
    gains = sum((r for r in results if r > 0), Decimal(0))
    losses = -sum((r for r in results if r < 0), Decimal(0))
    low, high = wilson(hits, len(results))
    equity, run, longest, peak, drawdown = [], 0, 0, Decimal(0), Decimal(0)
    so_far = Decimal(0)
    for at, _, _, _, r in resolved:
        so_far += r
        run = run + 1 if r < 0 else 0
        longest = max(longest, run)
        peak = max(peak, so_far)
        drawdown = max(drawdown, peak - so_far)
        equity.append(Point(at, so_far))
    entered = sum(one.entered for one in judged)
    claims = [one.claim for one in known]
    return TrackRecord(
        signals=len(known),
        judged=len(judged),
        entered=entered,
        entered_share=_ratio(entered, len(judged)),
        resolved=len(results),
        hits=hits,
        hit_rate=_ratio(hits, len(results)),
        hit_rate_low=low,
        hit_rate_high=high,
        total_r=total,
        average_r=_ratio(total, len(results)),
        median_r=_median(sorted(results)),
        profit_factor=_ratio(gains, losses),
        expectancy=_ratio(total, ended),
        longest_losing_run=longest,
        max_drawdown_r=drawdown,
        claims_agree=claims.count(Verified.AGREES),
        claims_contradict=claims.count(Verified.CONTRADICTS),
        claims_not_verifiable=claims.count(Verified.NOT_VERIFIABLE),
        few=len(results) < FEW,
        equity=equity,
    )


def _ratio(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    """Return a ratio with four places, a half to the even digit."""
    return Decimal(round(Fraction(part) / Fraction(whole) * 10_000)) * _PLACES if whole else None


def _median(results: Sequence[Decimal]) -> Decimal | None:
    if not results:
        return None
    middle = len(results) // 2
    return _ratio(results[middle] + results[~middle], 2)


def wilson(hits: int, number: int) -> tuple[Decimal | None, Decimal | None]:
    """Return Wilson's 95 % interval of a rate (E. B. Wilson, Journal of the American Statistical Association, 1927)."""
    if not number:
        return None, None
    rate, square = hits / number, _Z * _Z
    middle = rate + square / (2 * number)
    margin = _Z * sqrt(rate * (1 - rate) / number + square / (4 * number * number))
    whole = 1 + square / number
    bounds = (middle - margin) / whole, (middle + margin) / whole
    low, high = (Decimal(str(round(min(max(bound, 0.0), 1.0), 4))) for bound in bounds)
    return low, high
