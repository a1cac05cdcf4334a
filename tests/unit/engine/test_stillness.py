"""Stillness: what was lost is told, ages leave it out, and a thread that is always late still sees a hang."""

from __future__ import annotations

import pytest

from engine.stillness import HELD_STILL_S, Stillness
from tests.support.clock import FakeClock


def test_looks_in_time_lose_nothing() -> None:
    clock = FakeClock()
    stillness = Stillness(clock)
    for gap_s in (1.0, 0.02, HELD_STILL_S):
        clock.advance(gap_s)
        assert stillness.look() == 0


def test_an_age_leaves_out_what_was_lost_since_only() -> None:
    clock = FakeClock()
    stillness = Stillness(clock)
    before_s = clock.monotonic_s()
    clock.advance(101)
    assert stillness.look() == pytest.approx(100)
    after_s = clock.monotonic_s()
    clock.advance(2)
    assert stillness.age_s(before_s) == pytest.approx(3)
    assert stillness.age_s(after_s) == pytest.approx(2)
    assert stillness.age_s(clock.monotonic_s() + 5) == 0


def test_a_thread_that_is_late_at_every_look_still_sees_time_pass() -> None:
    clock = FakeClock()
    stillness = Stillness(clock)
    silent_since_s = clock.monotonic_s()
    for _ in range(200):
        clock.advance(10)
        stillness.look()
    assert stillness.age_s(silent_since_s) >= 200
