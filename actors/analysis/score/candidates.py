"""The kinds of model that the training chooses from, by what they say of examples that they have not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from actors.analysis.score.features import log_odds
from actors.analysis.score.model import FeatureColumn, Tree

__all__ = ["Examples", "Floats", "Tried", "best"]

Floats = NDArray[np.float64]

#: strengths of the regularisation, as scikit-learn counts them: the smaller, the stronger
_STRENGTHS = (0.003, 0.03, 0.3)
#: trees are tried from so many results on: fewer do not carry them
_LEAST_FOR_TREES = 1000
_TREES = {"n_estimators": 40, "max_depth": 2, "learning_rate": 0.08, "subsample": 0.5, "max_features": "sqrt"}
_PARTS = 4
#: what seems certain in few examples is less so
_MOST_SLOPE = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Signals in the order of their posting: features in deviations, whether each was a hit, and two instants in seconds."""

    rows: Floats
    hits: Floats
    posted_s: Floats
    known_s: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A kind of model, the log-odds that it gave to examples it had not seen, and whether these were hits."""

    model: Any
    odds: Floats
    hits: Floats

    @property
    def kind(self) -> str:
        """What it is: ``regression`` or ``trees``."""
        return "regression" if isinstance(self.model, LogisticRegression) else "trees"

    def errors(self) -> Floats:
        """Return the squared error of each probability, after calibration."""
        slope, intercept = self.calibration()
        squared: Floats = np.square(1 / (1 + np.exp(-(slope * self.odds + intercept))) - self.hits)
        return squared

    def calibration(self) -> tuple[float, float]:
        """Return slope and intercept that bring the log-odds to the shares of hits (J. Platt, 1999)."""
        line = LogisticRegression(C=np.inf).fit(self.odds.reshape(-1, 1), self.hits)
        slope, intercept = float(line.coef_[0, 0]), float(line.intercept_[0])
        if slope <= 0:
            # it says nothing of what it has not seen
            return 0.0, log_odds(float(self.hits.mean()))
        return min(slope, _MOST_SLOPE), intercept

    def learnt(self, examples: Examples, columns: Sequence[FeatureColumn]) -> dict[str, Any]:
        """Learn from all examples. Return what a fit stores of it."""
        model = self.model.fit(examples.rows, examples.hits)
        if self.kind == "trees":
            first = log_odds(float(model.init_.class_prior_[1]))
            trees = [_tree(each.tree_, model.learning_rate) for (each,) in model.estimators_]
            return {"columns": columns, "constant": first, "trees": trees}
        weights = zip(columns, model.coef_[0], strict=True)
        return {
            "columns": [replace(column, weight=float(weight)) for column, weight in weights],
            "constant": float(model.intercept_[0]),
        }


def best(examples: Examples) -> Tried | None:
    """Return the kind of model with the least error on examples it had not seen. None: too few were known in time.

    Trees must be better than the best regression by more than the chance of the comparison.
    """
    models = [LogisticRegression(C=strength) for strength in _STRENGTHS]
    tried = [found for model in models if (found := _tried(model, examples)) is not None]
    if not tried:
        return None
    chosen = min(tried, key=lambda one: float(one.errors().mean()))
    if len(examples.hits) >= _LEAST_FOR_TREES:
        trees = _tried(GradientBoostingClassifier(random_state=0, **_TREES), examples)
        if trees is not None and len(trees.hits) == len(chosen.hits):
            gain = chosen.errors() - trees.errors()
            if gain.mean() > gain.std() / np.sqrt(len(gain)):
                return trees
    return chosen


def _tried(model: Any, examples: Examples) -> Tried | None:
    """Try a model on later parts of the examples, each after learning what was known before that part."""
    borders = [len(examples.hits) * part // _PARTS for part in range(1, _PARTS + 1)]
    odds, seen = [], []
    for first, after in pairwise(borders):
        before = examples.known_s < examples.posted_s[first]
        if 0 < examples.hits[before].sum() < before.sum():
            model.fit(examples.rows[before], examples.hits[before])
            odds.append(model.decision_function(examples.rows[first:after]))
            seen.append(examples.hits[first:after])
    hits = np.concatenate(seen) if seen else np.array([])
    return Tried(model=model, odds=np.concatenate(odds), hits=hits) if 0 < hits.sum() < len(hits) else None


def _tree(tree: Any, rate: float) -> Tree:
    """Return a tree with what is expected at each node: the average of its leaves."""
    leaf = tree.children_left < 0
    values = np.where(leaf, tree.value[:, 0, 0] * rate, 0.0)
    # children come after their parents
    for node in np.flatnonzero(~leaf)[::-1]:
        children = [tree.children_left[node], tree.children_right[node]]
        values[node] = np.average(values[children], weights=tree.weighted_n_node_samples[children])
    return Tree(
        columns=np.where(leaf, -1, tree.feature).tolist(),
        thresholds=tree.threshold.tolist(),
        left=tree.children_left.tolist(),
        right=tree.children_right.tolist(),
        values=values.tolist(),
    )
