"""The database's clock as this process knows it: fault 95."""

from datetime import timedelta

from engine.clock import DatabaseClock
from tests.support.clock import START, FakeClock

ELSEWHERE = START + timedelta(days=100)


def test_before_the_database_has_told_its_time_it_is_not_known() -> None:
    clock = DatabaseClock(FakeClock())
    assert clock.now() is None
    assert clock.machine_ahead_s() is None


def test_fault_95_the_database_tells_the_time_and_the_monotonic_clock_carries_it_on() -> None:
    machine = FakeClock()
    clock = DatabaseClock(machine)
    asked_s = machine.monotonic_s()
    machine.advance(0.5)
    clock.observe(ELSEWHERE, asked_s=asked_s)
    # told in the middle between question and answer, as far as we know
    assert clock.now() == ELSEWHERE + timedelta(seconds=0.25)
    machine.advance(60)
    assert clock.now() == ELSEWHERE + timedelta(seconds=60.25)
    assert clock.machine_ahead_s() == -timedelta(days=100).total_seconds() + 0.25


def test_an_answer_that_took_long_does_not_replace_a_better_one() -> None:
    machine = FakeClock()
    clock = DatabaseClock(machine)
    clock.observe(START, asked_s=machine.monotonic_s())
    asked_s = machine.monotonic_s()
    machine.advance(10)
    clock.observe(START + timedelta(seconds=1), asked_s=asked_s)
    assert clock.now() == START + timedelta(seconds=10)
