"""A channel's own results, held against prices."""

from __future__ import annotations

from datetime import timedelta

import pytest

from actors.analysis.claims import Claim, Verified, verify
from actors.analysis.outcome import judge
from engine.bars import Bar
from tests.support.markets import POSTED, minutes, plan

REACHED_ONE = minutes("10 10.4 9.9 10.2", "10.2 11.2 10.1 11", "11 11.1 10.5 10.6")
STOPPED = minutes("10 10.4 9.9 10.2", "10.2 10.3 8.9 9")
BOTH = minutes("10 10.4 9.9 10.2", "10.2 11.2 8.9 9")
NEVER_ENTERED = minutes("9.5 9.6 9.4 9.5", "9.5 9.6 9.4 9.5", "9.5 9.6 9.4 9.5")


@pytest.mark.parametrize(
    ("prices", "minute", "target", "verdict"),
    [
        (REACHED_ONE, 2, 1, Verified.AGREES),
        (REACHED_ONE, 0, 1, Verified.CONTRADICTS),
        (REACHED_ONE, 2, 2, Verified.CONTRADICTS),
        (REACHED_ONE, 9, 2, Verified.NOT_VERIFIABLE),
        (REACHED_ONE, 2, None, Verified.CONTRADICTS),
        (STOPPED, 9, None, Verified.AGREES),
        (STOPPED, 9, 1, Verified.CONTRADICTS),
        (BOTH, 9, None, Verified.AGREES),
        (BOTH, 9, 1, Verified.NOT_VERIFIABLE),
        (NEVER_ENTERED, 2, 1, Verified.CONTRADICTS),
        ([], 2, 1, Verified.NOT_VERIFIABLE),
    ],
)
def test_each_claim_has_its_verdict(
    prices: list[Bar], minute: int, target: int | None, verdict: Verified
) -> None:
    outcome = judge(plan(), prices)
    assert verify(outcome, [Claim(at=POSTED + timedelta(minutes=minute), target=target)]) is verdict


def test_of_several_claims_a_contradicted_one_decides() -> None:
    outcome = judge(plan(), REACHED_ONE)
    claims = [Claim(at=POSTED + timedelta(minutes=2), target=number) for number in (1, 2)]
    assert verify(outcome, claims) is Verified.CONTRADICTS


def test_without_claims_there_is_no_verdict() -> None:
    assert verify(judge(plan(), REACHED_ONE), []) is None
