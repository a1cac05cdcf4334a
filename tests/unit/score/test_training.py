"""The training: it finds what was planted, nothing where nothing was planted, and never looks ahead."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from actors.analysis.score.candidates import Examples, best
from actors.analysis.score.examples import Example, monday_before
from actors.analysis.score.figures import evidence_of
from actors.analysis.score.training import Learnt, walk_forward
from tests.support.planted import end_of, planted

NOW = end_of(14)


def few(seed: int, *, number: int = 520, effect: float = 1.6) -> list[Example]:
    """Return signals of 14 weeks."""
    return planted(seed, number=number, weeks=14, effect=effect)[0]


@pytest.fixture(scope="module")
def learnt() -> Learnt:
    return walk_forward(few(3), now=NOW)


def test_a_planted_effect_is_found_and_shown(learnt: Learnt) -> None:
    evidence = evidence_of(learnt.foretold)
    assert evidence.enough
    assert evidence.auc is not None
    assert evidence.auc > 0.65
    weights = {column.name: column.weight for column in learnt.fits[-1].columns}
    assert set(sorted(weights, key=lambda name: -abs(weights[name]))[:3]) == {"rsi", "reward", "channel_rate"}
    assert weights["rsi"] > 0 > weights["reward"]


def test_where_nothing_was_planted_nothing_is_shown() -> None:
    found = walk_forward(few(1, effect=0), now=NOW)
    assert found.foretold
    assert not evidence_of(found.foretold).enough


def test_each_week_learns_from_what_was_known_when_it_began(learnt: Learnt) -> None:
    examples = few(3)
    assert learnt.fits[-1].trained_until == monday_before(NOW)
    for fit in learnt.fits:
        assert fit.trained_until == monday_before(fit.trained_until)
        assert fit.results == sum(
            one.known_at is not None and one.known_at < fit.trained_until for one in examples
        )
        assert fit.results >= 200


def test_what_was_known_later_changes_no_former_fit(learnt: Learnt) -> None:
    week = learnt.fits[2].trained_until
    turned = [
        one if one.known_at is None or one.known_at < week else replace(one, hit=not one.hit)
        for one in few(3)
    ]
    found = walk_forward(turned, now=week + timedelta(days=8))
    assert found.fits[:3] == learnt.fits[:3]
    assert found.fits[3].digest != learnt.fits[3].digest


def test_too_few_results_teach_nothing() -> None:
    found = walk_forward(few(1, number=150), now=NOW)
    assert (found.fits, found.foretold) == ([], [])
    assert found.results == 150
    assert walk_forward([], now=NOW) == Learnt(fits=[], foretold=[], results=0)


def test_trees_are_chosen_only_where_they_are_better() -> None:
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(1200, 3))
    instants = np.arange(1200.0)

    def kind(odds: np.ndarray) -> str:
        hits = (draw.random(1200) < 1 / (1 + np.exp(-odds))).astype(float)
        found = best(Examples(rows=rows, hits=hits, posted_s=instants, known_s=instants + 0.5))
        assert found is not None
        return found.kind

    assert kind(2 * rows[:, 0]) == "regression"
    # no line separates what both signs decide together
    assert kind(3 * np.sign(rows[:, 0] * rows[:, 1])) == "trees"
