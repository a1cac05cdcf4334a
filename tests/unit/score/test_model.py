"""The score from stored values: what scikit-learn would say, without it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import orjson
import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from actors.analysis.score.candidates import Examples, Tried
from actors.analysis.score.model import FeatureColumn, Fit, fit_for
from tests.support.markets import POSTED

COLUMNS = [
    FeatureColumn(name=name, mean=mean, deviation=2.0)
    for name, mean in (("rsi", 1.0), ("trend_20", -1.0), ("trend_50", 0.0))
]


def fit(**values: Any) -> Fit:
    return Fit(
        **{
            "digest": "d",
            "trained_until": POSTED,
            "results": 300,
            "base_rate": 0.4,
            "kind": "regression",
            "columns": [
                FeatureColumn(name=c.name, mean=c.mean, deviation=c.deviation, weight=w)
                for c, w in zip(COLUMNS, (0.5, -0.3, -0.4), strict=True)
            ],
            "constant": 0.2,
            **values,
        }
    )


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(C=0.1),
        GradientBoostingClassifier(n_estimators=15, max_depth=2, subsample=0.5, random_state=0),
    ],
)
def test_it_says_what_scikit_learn_says(model: Any) -> None:
    draw = np.random.default_rng(1)
    raw = draw.normal(0, 2, size=(300, 3))
    standard = np.clip((raw - [column.mean for column in COLUMNS]) / 2, -4, 4)
    hits = (draw.random(300) < 1 / (1 + np.exp(-raw[:, 0] + np.abs(raw[:, 1])))).astype(float)
    examples = Examples(rows=standard, hits=hits, posted_s=np.arange(300.0), known_s=np.arange(300.0))
    tried = Tried(model=model, odds=draw.normal(size=300), hits=hits)
    learnt = fit(kind=tried.kind, slope=0.7, intercept=-0.1, **tried.learnt(examples, COLUMNS))
    stored = Fit.restored(orjson.loads(orjson.dumps(learnt.stored())))
    with pytest.raises(ValueError, match="version 0"):
        Fit.restored({**learnt.stored(), "score_version": 0})
    told = [
        stored.score(dict(zip(("rsi", "trend_20", "trend_50"), row, strict=True))).probability for row in raw
    ]
    expected = 1 / (1 + np.exp(-(0.7 * model.decision_function(standard) - 0.1)))
    assert np.abs(np.array(told) - expected).max() < 1e-9
    if tried.kind == "trees":
        raw_odds, moved = stored.explained({"rsi": 5.0})
        assert raw_odds == pytest.approx(
            stored.constant + sum(tree.values[0] for tree in stored.trees) + sum(moved)
        )


def test_it_names_the_groups_that_moved_it_furthest_from_the_average() -> None:
    score = fit(slope=0.5).score({"rsi": 5.0, "trend_20": 1.0, "trend_50": 2.0})
    assert dict(score.contributions) == pytest.approx({"rsi": 0.5, "trend": -0.35})
    assert [name for name, _ in score.contributions] == ["rsi", "trend"]
    assert score.probability == pytest.approx(1 / (1 + np.exp(-(0.5 * (0.2 + 1 - 0.7)))))
    assert (score.base_rate, score.model, score.trained_until) == (0.4, "d", POSTED)


def test_what_is_not_known_counts_as_the_average_and_what_is_strange_as_four_deviations() -> None:
    odds, moved = fit().explained({"rsi": 1e9, "trend_20": None, "trend_50": 0.0})
    assert odds == pytest.approx(0.2 + 4 * 0.5)
    assert moved == pytest.approx([2.0, 0.0, 0.0])
    assert fit().explained({"rsi": None, "trend_20": None, "trend_50": 0.0})[0] == 0.2


def test_a_signal_has_the_score_of_what_was_learnt_before_it_was_posted() -> None:
    fits = [fit(digest=str(week), trained_until=POSTED + timedelta(weeks=week)) for week in (1, 0, 2)]
    assert fit_for(fits, POSTED - timedelta(seconds=1)) is None
    found = fit_for(fits, POSTED + timedelta(weeks=1, days=6))
    assert found is not None
    assert found.digest == "1"
