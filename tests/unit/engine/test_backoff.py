"""Back-off: doubling, capped, jittered; the delay is data."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backoff import Backoff


def test_the_delay_doubles_up_to_the_cap() -> None:
    backoff = Backoff(first_s=0.5, cap_s=6, jitter=0)
    assert [backoff.delay_s(attempt, Random(1)) for attempt in range(1, 7)] == [0.5, 1, 2, 4, 6, 6]


def test_attempt_zero_waits_as_the_first() -> None:
    assert Backoff(first_s=0.5, cap_s=6, jitter=0).delay_s(0, Random(1)) == 0.5


def test_jitter_takes_away_and_never_adds() -> None:
    backoff = Backoff(first_s=8, cap_s=8, jitter=0.25)
    random = Random(7)
    delays = [backoff.delay_s(1, random) for _ in range(200)]
    assert all(6 <= delay <= 8 for delay in delays)
    assert max(delays) - min(delays) > 1, "daemons that failed together come back apart"


def test_the_same_seed_gives_the_same_delays() -> None:
    backoff = Backoff(first_s=1, cap_s=60)
    assert [backoff.delay_s(n, Random(3)) for n in range(5)] == [
        backoff.delay_s(n, Random(3)) for n in range(5)
    ]


@pytest.mark.parametrize(
    ("first_s", "cap_s", "jitter"), [(0, 1, 0), (-1, 1, 0), (2, 1, 0), (1, 2, 1), (1, 2, -0.1)]
)
def test_a_senseless_policy_is_refused(first_s: float, cap_s: float, jitter: float) -> None:
    with pytest.raises(ValueError, match="backoff needs"):
        Backoff(first_s=first_s, cap_s=cap_s, jitter=jitter)


@settings(max_examples=200, deadline=None)
@given(attempt=st.integers(-5, 10**9), seed=st.integers(0, 1000))
def test_any_attempt_waits_between_a_jittered_first_and_the_cap(attempt: int, seed: int) -> None:
    delay_s = Backoff(first_s=0.5, cap_s=30, jitter=0.2).delay_s(attempt, Random(seed))
    assert 0.4 <= delay_s <= 30
