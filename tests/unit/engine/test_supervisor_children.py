"""Children that come and go at run time: drained, stopped, forgotten, and never taken for one another."""

from __future__ import annotations

import structlog

from engine.children import ChildState, Phase
from engine.messages import ChildDown, Drain, Drained, GenerationRaised, Ping, Shutdown
from tests.support.family import Family


def running(*names: str, **kinds: dict[str, object]) -> Family:
    family = Family(*names, **kinds)
    family.start()
    assert family.phase() is Phase.RUNNING
    return family


def with_poller() -> Family:
    """A family with one more source, which answers a drain when the test says so."""
    family = running("writer", "parser")
    family.add("poller:x", source=True)
    family.drains_by_itself = False
    return family


# ── coming ───────────────────────────────────────────────────────────────────


def test_a_child_is_added_to_those_that_run() -> None:
    family = running("writer", "parser")
    family.add("poller:x", source=True)
    assert family.names() == ["writer", "parser", "poller:x"]
    assert family.state("poller:x") is ChildState.RUNNING
    assert family.directory.send("poller:x", Ping())
    family.pass_s(6)
    assert len(family.live["poller:x"].told_of(Ping)) == 2, "it is looked at like the others"


def test_a_child_asked_for_twice_is_started_once() -> None:
    family = running("writer")
    family.add("poller:x")
    family.add("poller:x")
    family.add("writer")
    assert family.log == ["start writer", "start poller:x"]


def test_nobody_is_added_while_the_family_starts_or_stops() -> None:
    family = Family("a", "b")
    family.silent.add("a")
    family.start()
    family.add("poller:x")
    assert family.names() == ["a", "b"]
    family.ready("a")
    family.tell(Shutdown(reason="test"))
    family.settle()
    family.add("poller:x")
    assert "start poller:x" not in family.log


def test_an_added_child_that_does_not_start_is_tried_again_and_ends_nobody() -> None:
    family = running("writer")
    family.refuse["poller:x"] = OSError("too many threads")
    family.add("poller:x", parkable=True)
    assert family.state("poller:x") is ChildState.RESTARTING
    assert family.snapshot.escalation is None
    del family.refuse["poller:x"]
    family.pass_s(0.5)
    assert family.state("poller:x") is ChildState.RUNNING


def test_an_added_child_has_a_restart_limit_of_its_own() -> None:
    family = running("writer")
    for delay_s in (0.5, 1.0, 2.0, 4.0, 8.0):
        family.die("writer")
        family.pass_s(delay_s)
    family.add("poller:x")
    family.die("poller:x")
    family.pass_s(0.5)
    assert family.state("poller:x") is ChildState.RUNNING
    assert family.snapshot.escalation is None


def test_an_added_child_hears_of_new_generations() -> None:
    family = running("writer")
    family.add("poller:x", source=True)
    family.die("writer")
    family.pass_s(0.5)
    assert family.live["poller:x"].told_of(GenerationRaised) == [
        GenerationRaised(name="writer", generation=2)
    ]


def test_an_added_source_is_drained_at_the_shutdown_and_stopped_before_those_it_sends_to() -> None:
    family = with_poller()
    family.tell(Shutdown(reason="SIGTERM"))
    family.settle()
    family.pass_s(1)
    assert family.phase() is Phase.DRAINING, "it is waited for"
    family.drained("poller:x", unacknowledged=2)
    family.pass_s(1)
    assert family.log[-3:] == ["stop poller:x", "stop parser", "stop writer"]
    assert family.snapshot.unacknowledged == 2
    assert family.finished.is_set()


# ── going ────────────────────────────────────────────────────────────────────


def test_a_source_that_leaves_is_drained_then_stopped_then_forgotten() -> None:
    family = with_poller()
    family.snapshots.publish("poller:x", "its snapshot")
    family.remove("poller:x")
    assert family.live["poller:x"].told_of(Drain) == [Drain()]
    assert family.state("poller:x") is ChildState.LEAVING
    family.pass_s(3)
    assert "stop poller:x" not in family.log, "its batch is under way"
    family.drained("poller:x", unacknowledged=1)
    assert family.log[-1] == "stop poller:x"
    family.pass_s(1)
    assert family.names() == ["writer", "parser"]
    assert family.snapshots.read("poller:x", str) is None
    assert family.directory.find("poller:x") is None
    assert family.snapshot.unacknowledged == 0, "that is a count of the shutdown"
    assert family.phase() is Phase.RUNNING


def test_what_is_told_to_one_that_left_is_no_miss() -> None:
    family = with_poller()
    family.live["poller:x"].die()
    family.directory.send("poller:x", Ping())
    assert family.directory.misses() == {"poller:x": 1}
    family.remove("poller:x")
    assert not family.directory.send("poller:x", Ping())
    assert family.directory.misses() == {}


def test_a_drain_that_does_not_end_is_waited_for_no_longer_than_at_a_shutdown() -> None:
    family = with_poller()
    family.remove("poller:x")
    family.pass_s(6.9)
    assert "stop poller:x" not in family.log
    family.pass_s(2)
    assert family.names() == ["writer", "parser"]


def test_a_child_that_is_no_source_stops_at_once_and_its_call_is_interrupted() -> None:
    interrupted: list[str] = []
    family = running("writer")
    family.add("doorbell:x", interrupt=lambda: interrupted.append("x"))
    family.live["doorbell:x"].stuck = True
    family.remove("doorbell:x")
    assert (interrupted, family.log[-1]) == (["x"], "stop doorbell:x")
    family.pass_s(1)
    assert len(interrupted) > 1, "again: the next call may have begun before it heard"
    family.live["doorbell:x"].die()
    family.pass_s(1)
    assert family.names() == ["writer"]


def test_one_that_dies_while_it_leaves_is_not_started_again() -> None:
    family = with_poller()
    family.remove("poller:x")
    family.die("poller:x")
    family.pass_s(30)
    assert family.log.count("start poller:x") == 1
    assert family.names() == ["writer", "parser"]


def test_one_that_waits_for_its_restart_is_gone_at_once_and_its_tick_finds_nobody() -> None:
    family = with_poller()
    family.die("poller:x")
    assert family.state("poller:x") is ChildState.RESTARTING
    family.remove("poller:x")
    assert family.names() == ["writer", "parser"]
    family.pass_s(10)
    assert family.log.count("start poller:x") == 1


def test_one_that_does_not_stop_is_named_and_not_doubled() -> None:
    family = with_poller()
    family.live["poller:x"].stuck = True
    with structlog.testing.capture_logs() as logs:
        family.remove("poller:x")
        family.drained("poller:x")
        family.pass_s(100)
    assert [log["child"] for log in logs if log["event"] == "child.stop_timeout"] == ["poller:x"]
    assert family.state("poller:x") is ChildState.STOPPING
    assert family.child("poller:x").last_error == "does not stop"
    family.add("poller:x")
    assert family.log.count("start poller:x") == 1
    assert family.snapshot.escalation is None, "the others go on"
    family.live["poller:x"].die()
    family.pass_s(1)
    family.add("poller:x")
    assert family.state("poller:x") is ChildState.RUNNING


def test_one_told_to_leave_twice_drains_once() -> None:
    family = with_poller()
    family.remove("poller:x")
    family.remove("poller:x")
    family.remove("nobody")
    assert family.live["poller:x"].told_of(Drain) == [Drain()]


def test_a_shutdown_waits_for_one_that_is_leaving_too() -> None:
    family = with_poller()
    family.remove("poller:x")
    family.tell(Shutdown(reason="SIGTERM"))
    family.settle()
    family.pass_s(1)
    assert family.phase() is Phase.DRAINING
    family.drained("poller:x", unacknowledged=4)
    family.pass_s(1)
    assert family.finished.is_set()
    assert family.snapshot.unacknowledged == 4
    assert family.log[-2:] == ["stop parser", "stop writer"]


def test_a_shutdown_is_not_held_up_by_one_that_does_not_stop() -> None:
    family = with_poller()
    family.live["poller:x"].stuck = True
    family.remove("poller:x")
    family.drained("poller:x")
    family.pass_s(5)
    family.tell(Shutdown(reason="SIGTERM"))
    family.settle()
    family.pass_s(1)
    assert family.finished.is_set()


# ── coming again ─────────────────────────────────────────────────────────────


def test_a_word_of_the_one_that_left_is_not_taken_as_the_new_ones() -> None:
    """A ``BatchCommitted`` names its batch by name and generation: a second first generation would take it."""
    family = with_poller()
    family.drains_by_itself = True
    family.remove("poller:x")
    family.pass_s(1)
    family.add("poller:x", source=True)
    assert family.live["poller:x"].context.generation == 2
    family.tell(ChildDown(name="poller:x", generation=1, error="late", started=True))
    family.tell(Drained(name="poller:x", generation=1, unacknowledged=9))
    family.settle()
    assert family.state("poller:x") is ChildState.RUNNING
    assert family.child("poller:x").restarts == 0
    assert family.directory.send("poller:x", Ping())


# ── stopping side by side ────────────────────────────────────────────────────


def test_neighbours_of_groups_are_stopped_together_and_the_next_when_all_have_stopped() -> None:
    family = running(writer={}, backfill={}, health={})
    for name in ("poller:x", "doorbell:x", "poller:y", "doorbell:y"):
        family.add(name, group=name.partition(":")[0], shutdown_s=2.0)
        family.live[name].stuck = True
    family.tell(Shutdown(reason="SIGTERM"))
    family.settle()
    family.pass_s(0.1)
    together = {"stop doorbell:y", "stop poller:y", "stop doorbell:x", "stop poller:x"}
    assert set(family.log[-4:]) == together
    for name in ("poller:x", "doorbell:x", "doorbell:y"):
        family.live[name].die()
        family.pass_s(0.1)
        assert set(family.log[-4:]) == together, "health waits for the last of them"
    family.live["poller:y"].die()
    family.pass_s(0.1)
    assert family.log[-3:] == ["stop health", "stop backfill", "stop writer"]
    assert family.finished.is_set()


def test_one_of_them_that_does_not_stop_is_given_up_alone() -> None:
    family = running(writer={})
    for name in ("poller:x", "poller:y"):
        family.add(name, group="poller", shutdown_s=2.0)
    family.live["poller:x"].stuck = True
    with structlog.testing.capture_logs() as logs:
        family.tell(Shutdown(reason="SIGTERM"))
        family.settle()
        family.pass_s(1.9)
        assert "stop writer" not in family.log
        family.pass_s(0.2)
    assert [log["child"] for log in logs if log["event"] == "child.stop_timeout"] == ["poller:x"]
    assert family.log[-1] == "stop writer"
    assert family.finished.is_set()


# ── one of a group ───────────────────────────────────────────────────────────

POLLERS: dict[str, dict[str, object]] = {
    "writer": {},
    "poller:a": {"group": "poller"},
    "poller:b": {"group": "poller"},
}


def wear_out(family: Family, name: str) -> None:
    for delay_s in (0.5, 1.0, 2.0, 4.0, 8.0):
        family.die(name)
        family.pass_s(delay_s)
    family.die(name)


def test_one_of_a_group_that_dies_too_often_is_parked_while_another_runs() -> None:
    family = running(**POLLERS)
    wear_out(family, "poller:a")
    assert family.state("poller:a") is ChildState.PARKED
    assert family.state("poller:b") is ChildState.RUNNING
    assert family.snapshot.escalation is None
    family.pass_s(300)
    assert family.state("poller:a") is ChildState.RUNNING


def test_the_last_of_a_group_that_dies_too_often_ends_the_process() -> None:
    family = running(**POLLERS)
    wear_out(family, "poller:a")
    wear_out(family, "poller:b")
    assert family.snapshot.escalation is not None


def test_the_only_one_of_a_group_is_like_any_other() -> None:
    family = running(**{name: POLLERS[name] for name in ("writer", "poller:a")})
    wear_out(family, "poller:a")
    assert family.snapshot.escalation is not None
