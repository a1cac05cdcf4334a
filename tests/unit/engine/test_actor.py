"""The base actor: dispatch, signs of life, and every way of dying reported to the supervisor."""

from __future__ import annotations

import queue
import threading
from typing import ClassVar

import pykka
import pytest
import structlog

from engine.actor import Actor, handles
from engine.messages import (
    BatchCommitted,
    ChildDown,
    ChildReady,
    Crash,
    Drain,
    GenerationRaised,
    Ping,
    PollNow,
    Tick,
)
from engine.spec import SUPERVISOR, Context
from tests.support.recording import Recorder, World, take_messages

WAIT_S = 5.0


class Subject(Actor):
    """Notes what it handled; fails where it is asked to."""

    #: by URN, for a reference does not give its actor away
    made: ClassVar[dict[str, Subject]] = {}

    def __init__(self, context: Context, *, fail: str = "") -> None:
        super().__init__(context)
        self.made[self.actor_urn] = self
        self.fail = fail
        self.closed: queue.Queue[str] = queue.Queue()
        self.ticks: list[str] = []
        self.rung = 0

    def _open(self) -> None:
        if self.fail == "open":
            raise OSError("no such server")

    def _close(self) -> None:
        self.closed.put(threading.current_thread().name)
        if self.fail == "close":
            raise OSError("not closed")

    @handles(PollNow)
    def _on_poll_now(self, _: PollNow) -> str:
        self.rung += 1
        return "polled"

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        self.ticks.append(tick.purpose)

    @handles(Drain)
    def _on_drain(self, _: Drain) -> None:
        raise SystemExit(3)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def supervisor(world: World) -> Recorder:
    return world.recorder(SUPERVISOR)


def started(world: World, fail: str = "", generation: int = 1) -> pykka.ActorRef[Subject]:
    return Subject.start(world.context("subject", generation), fail=fail)


def subject(ref: pykka.ActorRef[Subject]) -> Subject:
    return Subject.made[ref.actor_urn]


def dead(ref: pykka.ActorRef[Subject]) -> bool:
    """Wait until it has closed what it opened, which it does last."""
    return bool(subject(ref).closed.get(timeout=WAIT_S)) and ref.actor_stopped.wait(WAIT_S)


# ── dispatch ─────────────────────────────────────────────────────────────────


def test_a_message_goes_to_the_handler_named_after_its_type(world: World) -> None:
    actor = Subject(world.context("subject"))
    assert actor.on_receive(PollNow(reason="test")) == "polled"
    assert actor.context.heartbeat.handled == 1
    assert actor.context.heartbeat.unknown == 0


def test_an_unknown_message_is_logged_and_counted_and_does_no_harm(world: World) -> None:
    actor = Subject(world.context("subject"))
    committed = BatchCommitted(batch_id="b", channel="c", new=0, duplicates=0, signals=0, commit_number=1)
    with structlog.testing.capture_logs() as logs:
        assert actor.on_receive(committed) is None
        assert actor.on_receive(object()) is None
    assert [(log["event"], log["message_type"], log["log_level"]) for log in logs] == [
        ("message.unknown", "BatchCommitted", "error"),
        ("message.unknown", "object", "error"),
    ]
    assert actor.context.heartbeat.unknown == 2


def test_messages_for_all_actors_are_known_to_each(world: World) -> None:
    actor = Actor(world.context("plain"))
    for message in (Ping(), Drain(), GenerationRaised(name="parser", generation=2)):
        actor.on_receive(message)
    assert actor.context.heartbeat.unknown == 0


def test_each_message_is_a_sign_of_life_at_its_beginning_and_its_end(world: World) -> None:
    actor = Subject(world.context("subject"))
    beats: list[float] = []

    def handle(_: Tick) -> None:
        beats.append(actor.context.heartbeat.beat_at_s - began_s)
        world.clock.advance(4)

    began_s = world.clock.monotonic_s() + 10
    actor._on_tick = handle  # type: ignore[method-assign, assignment]
    world.clock.advance(10)
    actor.on_receive(Tick(purpose="work"))
    assert beats == [0]
    assert actor.context.heartbeat.beat_at_s == began_s + 4


# ── ticks ────────────────────────────────────────────────────────────────────


def test_at_most_one_tick_is_outstanding_per_purpose(world: World) -> None:
    actor = Subject(world.context("subject"))
    actor.tick_later("poll", 5)
    actor.tick_later("poll", 1)
    actor.tick_later("other", 2)
    world.advance(10, actor)
    assert actor.ticks == ["poll", "other"]


def test_actors_that_look_each_second_look_together(world: World) -> None:
    first, second = Subject(world.context("first")), Subject(world.context("second"))
    first.tick_each("look", 1)
    world.clock.advance(0.3)
    second.tick_each("look", 1)
    assert world.timers.due_in_s(("first", "look")) == world.timers.due_in_s(("second", "look")) == 0.7


def test_a_cancelled_tick_does_not_come(world: World) -> None:
    actor = Subject(world.context("subject"))
    actor.tick_later("poll", 1)
    actor.cancel_tick("poll")
    world.advance(10, actor)
    assert actor.ticks == []


def test_a_tick_for_a_dead_actor_is_dropped_quietly_and_not_given_to_the_next(world: World) -> None:
    first, second = Subject(world.context("subject")), Subject(world.context("subject", 2))
    first.tick_later("poll", 1)
    first.actor_stopped.set()
    world.advance(10)
    assert take_messages(first) == []
    assert take_messages(second) == []


# ── starting ─────────────────────────────────────────────────────────────────


def test_ready_is_told_once_open(world: World, supervisor: Recorder) -> None:
    ref = started(world, generation=3)
    ref.ask(Ping(), timeout=WAIT_S)
    assert supervisor.taken() == [ChildReady(name="subject", generation=3)]


def test_a_failed_start_is_told_and_ends_the_actor(world: World, supervisor: Recorder) -> None:
    ref = started(world, fail="open")
    assert dead(ref)
    assert supervisor.taken() == [
        ChildDown(name="subject", generation=1, error="OSError: no such server", started=False)
    ]


# ── dying ────────────────────────────────────────────────────────────────────


def test_an_exception_in_a_handler_is_told_with_its_cause_and_closes(
    world: World, supervisor: Recorder
) -> None:
    ref = started(world)
    ref.tell(Crash(reason="drill"))
    assert dead(ref)
    assert supervisor.taken() == [
        ChildReady(name="subject", generation=1),
        ChildDown(name="subject", generation=1, error="DrillError: drill", started=True),
    ]
    assert subject(ref).closed.empty(), "closed once"


def test_system_exit_in_a_handler_ends_this_actor_only(world: World, supervisor: Recorder) -> None:
    bystander, ref = started(world), started(world)
    ref.tell(Drain())
    assert dead(ref)
    bystander.ask(Ping(), timeout=WAIT_S)
    down = supervisor.taken()[-1]
    assert isinstance(down, ChildDown)
    assert down.error == "RuntimeError: SystemExit in a handler"


def test_a_stop_closes_in_the_actors_thread_and_reports_no_death(world: World, supervisor: Recorder) -> None:
    ref = started(world)
    assert ref.stop(timeout=WAIT_S)
    assert subject(ref).closed.get_nowait() != threading.current_thread().name
    assert supervisor.taken() == [ChildReady(name="subject", generation=1)]


def test_a_close_that_fails_is_logged_and_stops_all_the_same(world: World, supervisor: Recorder) -> None:
    ref = started(world, fail="close")
    ref.ask(Ping(), timeout=WAIT_S)
    with structlog.testing.capture_logs() as logs:
        assert ref.stop(timeout=WAIT_S)
    assert [log["event"] for log in logs] == ["actor.close_failed"]


def test_dying_without_a_supervisor_is_counted(world: World) -> None:
    ref = started(world)
    ref.tell(Crash(reason="drill"))
    assert dead(ref)
    assert world.directory.misses() == {SUPERVISOR: 2}


def test_an_actor_runs_on_a_daemon_thread() -> None:
    assert Actor.use_daemon_thread


def test_what_it_publishes_is_shown_under_its_name(world: World) -> None:
    Subject(world.context("subject")).publish("snapshot")
    assert world.shown("subject", str) == "snapshot"
