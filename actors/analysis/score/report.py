"""What a training is told as: whether the score may be shown, why, and what it looks at."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from actors.analysis.score.evidence import LEAST_DAYS, LEAST_FORETOLD, Evidence
from actors.analysis.score.features import group_of
from actors.analysis.score.model import Fit

__all__ = ["ScoreReason", "Trained", "trained"]


class ScoreReason(StrEnum):
    """Why the score is not shown."""

    NOT_TRAINED = "not_trained"
    FEW_RESULTS = "few_results"
    FEW_DAYS = "few_days"
    NO_SKILL = "no_skill"
    NO_WEEK_SKILL = "no_week_skill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a training has learnt, as it is stored. ``shown`` says that signals may have the score."""

    trained_at: datetime
    version: str
    results: int
    shown: bool
    fits: Sequence[Mapping[str, Any]]
    report: Mapping[str, Any]


def trained(fits: Sequence[Fit], evidence: Evidence, *, results: int, at: datetime) -> Trained:
    """Return what a training has learnt."""
    newest = fits[-1] if fits else None
    names = [fit.digest for fit in fits] + [str(evidence.enough), str(results)]
    return Trained(
        trained_at=at,
        version=hashlib.sha256("\n".join(names).encode()).hexdigest()[:16],
        results=results,
        shown=evidence.enough,
        fits=[fit.stored() for fit in fits],
        report={
            "reason": None if evidence.enough else _reason(evidence),
            "evidence": {name: value for name, value in asdict(evidence).items() if name != "enough"},
            "weeks": len(fits),
            "model": newest and newest.digest,
            "kind": newest and newest.kind,
            "trained_until": newest and newest.trained_until.isoformat(),
            "base_rate": newest and newest.base_rate,
            "features": _features(newest) if newest else [],
        },
    )


def _reason(evidence: Evidence) -> ScoreReason:
    if evidence.foretold < LEAST_FORETOLD:
        return ScoreReason.FEW_RESULTS
    if evidence.days < LEAST_DAYS:
        return ScoreReason.FEW_DAYS
    return ScoreReason.NO_WEEK_SKILL if (evidence.skill_low or 0) > 0 else ScoreReason.NO_SKILL


def _features(fit: Fit) -> list[dict[str, Any]]:
    """Return the groups of features, the most influential first, with the weights of their columns."""
    influence = fit.influence or {}
    return [
        {
            "name": name,
            "influence": influence[name],
            "weights": {
                column.name: column.weight * fit.slope
                for column in fit.columns
                if group_of(column.name) == name and fit.kind == "regression"
            },
        }
        for name in sorted(influence, key=lambda name: (-influence[name], name))
    ]
