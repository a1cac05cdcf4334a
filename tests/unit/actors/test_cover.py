"""A poller rests while the broker brings its messages, and no longer."""

from __future__ import annotations

from actors.shown.health_report import NET_EVERY_S
from actors.shown.snapshots import ConsumerSnapshot
from actors.sources.cover import AWAY_S
from engine.breaker import BreakerState
from tests.support.polling import INTERVAL_S, Polling
from tests.support.recording import message


def show_broker(world: Polling, *, well: bool = True) -> None:
    """Show a consumer whose broker has just answered, or never has."""
    snapshot = ConsumerSnapshot(
        connected=well,
        well_at_s=world.clock.monotonic_s() if well else None,
        held_back=False,
        breaker=BreakerState.CLOSED,
        error=None,
        failing_since=None,
        waiting=0,
        consumers=1,
        dead=0,
        in_flight=0,
    )
    world.snapshots.publish("consumer", snapshot)


def polls_within(world: Polling, seconds: int, *, well: bool) -> int:
    before = world.gateway.calls.count("unprocessed")
    for _ in range(seconds):
        if well:
            show_broker(world)
        world.pass_s(1.0)
    return world.gateway.calls.count("unprocessed") - before


def started() -> Polling:
    world = Polling()
    show_broker(world)
    world.tick("poll")
    return world


def test_while_the_broker_answers_the_gateway_is_polled_once_a_minute() -> None:
    assert polls_within(started(), int(2 * NET_EVERY_S) + 1, well=True) == 2


def test_a_broker_that_never_answered_covers_nothing() -> None:
    world = started()
    show_broker(world, well=False)
    assert polls_within(world, 60, well=False) == 60 // INTERVAL_S


def test_without_an_answer_for_ten_seconds_polling_takes_its_interval_up() -> None:
    world = started()
    polls_within(world, 30, well=True)
    assert polls_within(world, int(AWAY_S) - 1, well=False) == 0
    assert polls_within(world, 4, well=False) == 1
    assert polls_within(world, 20, well=False) == 20 // INTERVAL_S
    assert not world.snapshot.covered
    assert polls_within(world, 30, well=True) <= 1


def test_a_poll_that_finds_what_the_broker_did_not_bring_is_followed_by_others_until_one_finds_none() -> None:
    world = started()
    polls_within(world, 55, well=True)
    world.gateway.unread.append(message(1))
    assert polls_within(world, 10, well=True) == 1
    world.commit(world.batch())
    assert not world.snapshot.covered
    assert polls_within(world, int(INTERVAL_S) + 1, well=True) == 1
    assert polls_within(world, 50, well=True) == 0
