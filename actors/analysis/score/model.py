"""A trained score as plain values, and the probability that it gives a signal. Needs no library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from math import exp
from struct import pack, unpack
from typing import Any

from actors.analysis.score.features import SCORE_VERSION, Features, group_of

__all__ = ["CLIPPED", "FeatureColumn", "Fit", "Score", "Tree", "fit_for"]

#: so many deviations from the average count as this many: a single strange price decides nothing
CLIPPED = 4.0
#: how many contributions a score names
_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureColumn:
    """A feature as the model sees it: its average and deviation while training, and its weight in a logistic regression."""

    name: str
    mean: float
    deviation: float
    weight: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A tree of decisions. A node goes left where its column is at most the threshold; a column below 0 is a leaf.

    ``values`` are what is expected at each node; at a leaf that is what the tree says.
    """

    columns: Sequence[int]
    thresholds: Sequence[float]
    left: Sequence[int]
    right: Sequence[int]
    values: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A probability, with the groups of features that moved it furthest from the average, in log-odds."""

    probability: float
    base_rate: float
    contributions: Sequence[tuple[str, float]]
    model: str
    trained_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What results known before ``trained_until`` taught.

    The regression or the trees give log-odds, which ``slope`` and ``intercept`` calibrate. ``digest`` names the data and
    the rules that it is made from, ``base_rate`` is the share of hits in it. ``influence`` is how far a group of features
    moves the log-odds of a signal of that data, on average.
    """

    digest: str
    trained_until: datetime
    results: int
    base_rate: float
    kind: str
    columns: Sequence[FeatureColumn]
    constant: float
    trees: Sequence[Tree] = ()
    slope: float = 1.0
    intercept: float = 0.0
    influence: Mapping[str, float] | None = None

    def score(self, features: Features) -> Score:
        """Return the score of a signal."""
        raw, moved = self.explained(features)
        groups: dict[str, float] = {}
        for column, by in zip(self.columns, moved, strict=True):
            groups[group_of(column.name)] = groups.get(group_of(column.name), 0.0) + by * self.slope
        largest = sorted(groups.items(), key=lambda item: (-abs(item[1]), item[0]))[:_NAMED]
        return Score(
            probability=1 / (1 + exp(-(self.slope * raw + self.intercept))),
            base_rate=self.base_rate,
            contributions=tuple((name, by) for name, by in largest if by),
            model=self.digest,
            trained_until=self.trained_until,
        )

    def explained(self, features: Features) -> tuple[float, list[float]]:
        """Return log-odds before calibration, and by how much each column moved them."""
        row = [_standard(column, features.get(column.name, 0.0)) for column in self.columns]
        moved = [value * column.weight for value, column in zip(row, self.columns, strict=True)]
        total = self.constant + sum(moved)
        # scikit-learn's trees compare numbers of 32 bits
        short = unpack(f"{len(row)}f", pack(f"{len(row)}f", *row)) if self.trees else ()
        for tree in self.trees:
            node = 0
            total += tree.values[0]
            while (column := tree.columns[node]) >= 0:
                is_left = short[column] <= tree.thresholds[node]
                child = (tree.left if is_left else tree.right)[node]
                step = tree.values[child] - tree.values[node]
                moved[column] += step
                total += step
                node = child
        return total, moved

    def stored(self) -> dict[str, Any]:
        """Return the fit as it is stored."""
        return {
            **asdict(self),
            "trained_until": self.trained_until.isoformat(),
            "score_version": SCORE_VERSION,
        }

    @classmethod
    def restored(cls, stored: Mapping[str, Any]) -> Fit:
        """Return the fit that was stored.

        Raises:
            KeyError, TypeError, ValueError: another version of the score has stored it, or it is damaged.
        """
        fit = dict(stored)
        if (version := fit.pop("score_version")) != SCORE_VERSION:
            raise ValueError(f"of version {version} of the score")
        return cls(
            **{
                **fit,
                "trained_until": datetime.fromisoformat(stored["trained_until"]),
                "columns": [FeatureColumn(**column) for column in stored["columns"]],
                "trees": [Tree(**tree) for tree in stored["trees"]],
            }
        )


def _standard(column: FeatureColumn, value: float | None) -> float:
    """Return a value in deviations from the average. One that is not known is the average."""
    if value is None:
        return 0.0
    return max(-CLIPPED, min(CLIPPED, (value - column.mean) / column.deviation))


def fit_for(fits: Sequence[Fit], instant: datetime) -> Fit | None:
    """Return the newest fit that had learned nothing from after an instant. None: there was none yet."""
    known = [fit for fit in fits if fit.trained_until <= instant]
    return max(known, key=lambda fit: fit.trained_until, default=None)
