"""The look of main at the supervisor: what a service manager is told, and when the daemon gives up."""

from dataclasses import replace
from typing import cast

import pytest

from actors.shown.health_report import Finding, HealthReport, Inputs, Status
from engine.children import ChildSnapshot, ChildState, Phase, SupervisorSnapshot
from engine.spec import SUPERVISOR
from ops.daemon.notify import ServiceManager
from ops.daemon.watch import GIVE_UP_S, Watch
from tests.support.clock import START
from tests.support.recording import World

# what a report rests on is not looked at here
INPUTS = cast("Inputs", None)
RESPONDER = ChildSnapshot(
    name="responder",
    state=ChildState.RUNNING,
    generation=1,
    restarts=0,
    last_error=None,
    since=START,
    beat_age_s=0.0,
    mailbox=0,
    unknown=0,
)


class RecordingManager(ServiceManager):
    """Keeps the words instead of sending them."""

    def __init__(self, watchdog_s: float | None = None) -> None:
        super().__init__(watchdog_s=watchdog_s)
        self.told: list[str] = []

    def _tell(self, word: str) -> None:
        self.told.append(word)

    def count(self, word: str) -> int:
        return self.told.count(word)


@pytest.fixture
def world() -> World:
    return World()


def show_family(world: World, state: ChildState = ChildState.RUNNING) -> None:
    family = SupervisorSnapshot(phase=Phase.RUNNING, children=(replace(RESPONDER, state=state),))
    world.snapshots.publish(SUPERVISOR, family)


def test_ready_is_told_once_when_the_responder_serves(world: World) -> None:
    manager = RecordingManager()
    watch = Watch(world.snapshots, manager, world.clock)
    assert watch.look()
    show_family(world, ChildState.STARTING)
    watch.look()
    assert "READY=1" not in manager.told
    show_family(world)
    watch.look()
    watch.look()
    assert manager.count("READY=1") == 1


def test_without_a_watchdog_nothing_is_said_of_life(world: World) -> None:
    manager = RecordingManager()
    watch = Watch(world.snapshots, manager, world.clock)
    show_family(world)
    watch.look()
    assert watch.every_s is None
    assert "WATCHDOG=1" not in manager.told


def test_life_is_told_at_half_the_watchdogs_period(world: World) -> None:
    manager = RecordingManager(watchdog_s=30)
    watch = Watch(world.snapshots, manager, world.clock)
    assert watch.every_s == 15
    for _ in range(60):
        show_family(world)
        watch.look()
        world.clock.advance(1)
    assert manager.count("WATCHDOG=1") == 4


def test_no_life_is_told_while_the_supervisor_is_silent(world: World) -> None:
    manager = RecordingManager(watchdog_s=4)
    watch = Watch(world.snapshots, manager, world.clock)
    show_family(world)
    watch.look()
    told = 0
    for second in range(30):
        world.clock.advance(1)
        watch.look()
        if second == 10:
            told = manager.count("WATCHDOG=1")
    assert manager.count("WATCHDOG=1") == told > 1
    show_family(world)
    watch.look()
    assert manager.count("WATCHDOG=1") == told + 1


def test_a_supervisor_silent_for_a_minute_is_given_up(world: World) -> None:
    watch = Watch(world.snapshots, RecordingManager(), world.clock)
    show_family(world)
    assert watch.look()
    seconds = 0
    while watch.look():
        world.clock.advance(1)
        seconds += 1
    # its last word counts for ten seconds more, as at /livez
    assert GIVE_UP_S <= seconds <= GIVE_UP_S + 10


def test_who_was_held_still_with_the_supervisor_gives_it_its_time_again(world: World) -> None:
    watch = Watch(world.snapshots, RecordingManager(), world.clock)
    show_family(world)
    assert watch.look()
    world.clock.advance(3600)
    assert watch.look()
    world.clock.advance(1)
    show_family(world)
    assert watch.look()


def test_the_status_is_told_when_it_changes_with_every_cause(world: World) -> None:
    manager = RecordingManager()
    watch = Watch(world.snapshots, manager, world.clock)
    well = Finding(status=Status.HEALTHY, cause=None, since=START)
    ill = Finding(status=Status.DEGRADED, cause="no answer\nwithin 5 s", since=START)
    report = HealthReport(
        status=Status.HEALTHY, ready=True, findings={"timescaledb": well, "gatewayApi": well}, inputs=INPUTS
    )
    watch.look()
    world.snapshots.publish("health", report)
    watch.look()
    watch.look()
    findings = {"timescaledb": well, "gatewayApi": ill}
    world.snapshots.publish("health", replace(report, status=Status.DEGRADED, findings=findings))
    watch.look()
    assert manager.told == [
        "STATUS=starting",
        "STATUS=healthy",
        "STATUS=degraded; gatewayApi: no answer within 5 s",
    ]
