"""Draining and stopping: sources first, then all in reverse, each with a deadline."""

from __future__ import annotations

import threading

import pykka
import structlog

from engine.actor import Actor
from engine.children import ChildState, Phase
from engine.clock import SystemClock
from engine.messages import Drain, Drained, Shutdown
from engine.spec import ChildSpec, Context
from engine.supervisor import Supervisor
from engine.timers import TimerThread
from tests.support.family import Family
from tests.support.recording import World

WAIT_S = 10.0
SOURCES = {"writer": {}, "poller": {"source": True}, "backfill": {"source": True}}


def draining() -> Family:
    """A family of two sources that have been told to drain and have not answered."""
    family = Family(**SOURCES)
    family.drains_by_itself = False
    family.start()
    family.tell(Shutdown(reason="SIGTERM"))
    family.settle()
    assert family.phase() is Phase.DRAINING
    return family


def test_shutdown_waits_for_all_sources_then_stops_in_reverse_order() -> None:
    family = draining()
    for name in SOURCES:
        assert family.live[name].told_of(Drain) == [Drain()]
    family.drained("poller", unacknowledged=3)
    family.pass_s(2)
    assert family.phase() is Phase.DRAINING
    family.drained("backfill", unacknowledged=2)
    family.pass_s(1)
    assert family.log[-3:] == ["stop backfill", "stop poller", "stop writer"]
    assert family.phase() is Phase.STOPPED
    assert family.snapshot.unacknowledged == 5
    assert family.finished.is_set()


def test_the_next_child_is_stopped_only_when_the_one_before_has() -> None:
    family = Family("a", "b")
    family.start()
    family.live["b"].stuck = True
    family.tell(Shutdown(reason="test"))
    family.settle()
    family.pass_s(0.5)
    assert family.log[-1] == "stop b"
    assert family.state("a") is ChildState.RUNNING
    family.live["b"].die()
    family.pass_s(0.5)
    assert family.log[-1] == "stop a"


def test_drained_is_logged_with_the_fixed_word() -> None:
    family = draining()
    with structlog.testing.capture_logs() as logs:
        family.drained("poller")
        family.drained("backfill", 7)
    drained = next(log for log in logs if log["event"] == "supervisor.drained")
    assert (drained["message"], drained["unacknowledged"]) == ("drained", 7)


def test_the_drain_deadline_goes_on_without_who_has_not_answered() -> None:
    family = draining()
    family.drained("poller")
    with structlog.testing.capture_logs() as logs:
        family.pass_s(6.9)
        assert family.phase() is Phase.DRAINING
        family.pass_s(0.2)
    assert family.finished.is_set()
    late = next(log for log in logs if log["event"] == "supervisor.drain_timeout")
    assert late["sources"] == ["backfill"]


def test_a_drained_told_twice_counts_once() -> None:
    family = draining()
    family.drained("poller", 3)
    family.drained("poller", 3)
    assert family.phase() is Phase.DRAINING
    assert family.snapshot.unacknowledged == 3


def test_a_drained_of_an_earlier_generation_is_ignored() -> None:
    family = draining()
    family.tell(Drained(name="poller", generation=0, unacknowledged=9))
    family.settle()
    family.drained("backfill")
    assert family.phase() is Phase.DRAINING
    assert family.snapshot.unacknowledged == 0


def test_a_source_that_dies_while_draining_is_not_waited_for_and_not_started_again() -> None:
    family = draining()
    family.die("poller")
    family.pass_s(2)
    assert family.log.count("start poller") == 1, "it would fetch more, and was never told to drain"
    family.drained("backfill")
    family.pass_s(1)
    assert family.finished.is_set()


def test_a_source_that_waits_for_its_restart_when_draining_begins_stays_down() -> None:
    family = Family(**SOURCES)
    family.start()
    family.die("poller")
    family.drains_by_itself = False
    family.tell(Shutdown(reason="test"))
    family.settle()
    family.pass_s(2)
    assert family.log.count("start poller") == 1
    assert family.phase() is Phase.DRAINING


def test_a_writer_that_dies_while_draining_is_started_again_for_the_sources_sake() -> None:
    family = draining()
    family.die("writer")
    family.pass_s(0.5)
    assert family.state("writer") is ChildState.RUNNING
    family.drained("poller")
    family.drained("backfill")
    family.pass_s(1)
    assert family.finished.is_set()


def test_a_child_that_does_not_stop_in_time_is_logged_and_left() -> None:
    family = Family(a={}, b={"shutdown_s": 2.0})
    family.start()
    family.live["b"].stuck = True
    with structlog.testing.capture_logs() as logs:
        family.tell(Shutdown(reason="test"))
        family.settle()
        family.pass_s(1.9)
        assert not family.finished.is_set()
        family.pass_s(0.3)
    assert [log["child"] for log in logs if log["event"] == "child.stop_timeout"] == ["b"]
    assert family.log[-2:] == ["stop b", "stop a"]
    assert family.finished.is_set()


def test_calls_under_way_are_interrupted_when_draining_begins() -> None:
    interrupted: list[str] = []
    family = Family(doorbell={"interrupt": lambda: interrupted.append("doorbell")}, writer={})
    family.start()
    assert interrupted == []
    family.tell(Shutdown(reason="test"))
    family.settle()
    assert interrupted == ["doorbell"]


def test_a_second_shutdown_is_ignored() -> None:
    family = draining()
    family.pass_s(5)
    family.tell(Shutdown(reason="again"))
    family.settle()
    assert family.live["poller"].told_of(Drain) == [Drain()]
    family.pass_s(2.1)
    assert family.finished.is_set(), "the deadline is that of the first"


def test_a_shutdown_during_the_boot_starts_nobody_else() -> None:
    family = Family("a", "b", "c")
    family.silent.add("b")
    family.start()
    family.tell(Shutdown(reason="test"))
    family.settle()
    family.ready("b")
    family.pass_s(1)
    assert family.log == ["start a", "start b", "stop b", "stop a"]
    assert family.finished.is_set()


def test_a_child_that_waits_for_its_restart_is_not_started_once_stopping() -> None:
    family = Family("a", "b")
    family.start()
    family.die("a")
    family.tell(Shutdown(reason="test"))
    family.settle()
    family.pass_s(100)
    assert family.log.count("start a") == 1
    assert family.finished.is_set()


def test_a_death_while_stopping_is_no_reason_to_restart() -> None:
    family = Family("a", "b")
    family.start()
    family.live["b"].stuck = True
    family.tell(Shutdown(reason="test"))
    family.settle()
    family.pass_s(0.1)
    family.die("a")
    family.pass_s(5)
    assert family.log.count("start a") == 1
    assert family.finished.is_set()


def test_nothing_ticks_any_more_once_stopped() -> None:
    family = Family("a")
    family.start()
    family.tell(Shutdown(reason="test"))
    family.settle()
    family.pass_s(5)
    assert family.timers.keys() == ()


class _Child(Actor):
    stopped: list[str] = []  # noqa: RUF012 - one test reads it

    def _close(self) -> None:
        self.stopped.append(self.context.name)


def _start(context: Context) -> pykka.ActorRef[_Child]:
    return _Child.start(context)


def test_real_actors_start_in_order_and_stop_in_reverse() -> None:
    timers, world, finished = TimerThread(), World(), threading.Event()
    services = type(world.services)(
        directory=world.directory, snapshots=world.snapshots, timers=timers, clock=SystemClock()
    )
    _Child.stopped.clear()
    specs = [ChildSpec(name=name, factory=_start) for name in ("a", "b", "c")]
    supervisor = Supervisor.start(services, specs, finished=finished)
    supervisor.tell(Shutdown(reason="test"))
    try:
        assert finished.wait(WAIT_S)
    finally:
        timers.close()
    assert _Child.stopped == ["c", "b", "a"][-len(_Child.stopped) :]
    assert world.directory.names()[0] == "supervisor"
