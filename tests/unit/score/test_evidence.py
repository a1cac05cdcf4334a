"""The evidence: figures by hand, and when it is not enough."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest

from actors.analysis.score.evidence import Foretold
from actors.analysis.score.figures import evidence_of
from actors.analysis.score.report import trained
from tests.support.markets import POSTED


def foretold(number: int, *, days: int, seed: int = 1, told: bool = True) -> list[Foretold]:
    """Return probabilities that are true; without ``told`` the hits follow others."""
    draw = np.random.default_rng(seed)
    shares = draw.uniform(0.1, 0.9, number)
    hits = draw.random(number) < (shares if told else draw.permutation(shares))
    return [
        Foretold(POSTED + timedelta(days=place % days), float(share), 0.5, bool(hit))
        for place, (share, hit) in enumerate(zip(shares, hits, strict=True))
    ]


def by_hand(*told: tuple[float, bool]) -> Sequence[Foretold]:
    return [Foretold(POSTED, probability, 0.5, hit) for probability, hit in told]


def test_the_figures_are_those_of_their_definitions() -> None:
    found = evidence_of(by_hand((0.8, True), (0.6, False), (0.6, True), (0.2, False)))
    assert found.brier == pytest.approx((0.04 + 0.36 + 0.16 + 0.04) / 4)
    assert found.base_brier == 0.25
    assert found.skill == pytest.approx(1 - 0.15 / 0.25)
    # of the four pairs of a hit and a miss three are in order, and one is equal
    assert found.auc == pytest.approx(3.5 / 4)
    (point,) = found.reliability
    assert point.probability == pytest.approx(0.55)
    assert (point.number, point.share) == (4, 0.5)
    assert (found.foretold, found.days, found.enough) == (4, 1, False)


def test_true_probabilities_are_calibrated_and_enough() -> None:
    found = evidence_of(foretold(2000, days=60))
    assert found.enough
    assert found.skill_low is not None
    assert found.skill_low > 0.1
    assert found.slope == pytest.approx(1, abs=0.2)
    assert found.intercept == pytest.approx(0, abs=0.15)
    assert all(
        point.share_low - 0.05 <= point.probability <= point.share_high + 0.05 for point in found.reliability
    )


def test_too_few_results_or_days_and_no_skill_are_not_enough() -> None:
    assert evidence_of(foretold(200, days=20)).enough
    assert not evidence_of(foretold(199, days=20)).enough
    assert not evidence_of(foretold(400, days=19)).enough
    assert not evidence_of(foretold(400, days=60, told=False)).enough
    assert not evidence_of([]).enough
    assert not evidence_of(by_hand((0.9, True))).enough


def test_signals_of_one_day_are_not_independent_proofs() -> None:
    # each day decides all of its signals, so 600 signals are no more than 20 proofs
    draw = np.random.default_rng(3)
    luck = draw.random(20) < 0.62
    told = [
        Foretold(POSTED + timedelta(days=place % 20), 0.55, 0.5, bool(luck[place % 20]))
        for place in range(600)
    ]
    spread = [
        Foretold(POSTED + timedelta(days=place), one.probability, one.base_rate, one.hit)
        for place, one in enumerate(told)
    ]
    together, apart = evidence_of(told), evidence_of(spread)
    assert together.skill == apart.skill
    assert together.skill_low is not None
    assert apart.skill_low is not None
    assert together.skill_low < apart.skill_low


def test_a_model_that_only_follows_the_level_of_all_signals_is_not_enough() -> None:
    # hits become more frequent; the model knows the present share, the base rate is that of the past
    draw = np.random.default_rng(5)
    told = [
        Foretold(POSTED + timedelta(days=place // 10), share, 0.3, bool(draw.random() < share))
        for place, share in enumerate(np.linspace(0.3, 0.8, 1000).tolist())
    ]
    found = evidence_of(told)
    assert found.skill_low is not None
    assert found.skill_low > 0.1
    assert found.week_skill is not None
    assert abs(found.week_skill) < 0.03
    assert not found.enough
    assert trained([], found, results=1000, at=POSTED).report["reason"] == "no_week_skill"


def test_the_spread_of_a_week_is_that_of_its_true_share() -> None:
    draw = np.random.default_rng(6)
    told = [
        Foretold(POSTED + timedelta(weeks=place // 3), 0.4, 0.4, bool(draw.random() < 0.4))
        for place in range(6000)
    ]
    # who tells the true share is neither better nor worse, however few signals a week has
    assert evidence_of(told).week_skill == pytest.approx(0, abs=0.05)


def test_probabilities_that_separate_all_have_figures_too() -> None:
    found = evidence_of(by_hand(*[(0.9, True)] * 30, *[(0.1, False)] * 30))
    assert found.auc == 1
    assert found.slope is not None
