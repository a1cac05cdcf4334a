"""Starting, restarting and watching children; time stands still until the test moves it."""

from __future__ import annotations

import structlog
from structlog.typing import EventDict

from engine.children import ChildState, Phase, RestartLimit
from engine.messages import ChildDown, ChildReady, GenerationRaised, Ping, Shutdown, Tick
from tests.support.family import Family

DELAYS_S = [0.5, 1.0, 2.0, 4.0, 8.0]


def running(*names: str, **kinds: dict[str, object]) -> Family:
    family = Family(*names, **kinds)
    family.start()
    assert family.phase() is Phase.RUNNING
    return family


def events(logs: list[EventDict], name: str) -> list[EventDict]:
    return [log for log in logs if log["event"] == name]


# ── starting ─────────────────────────────────────────────────────────────────


def test_children_start_in_order_each_when_the_one_before_is_ready() -> None:
    family = Family("a", "b", "c")
    family.silent |= {"a", "b"}
    family.start()
    assert family.log == ["start a"]
    family.pass_s(5)
    assert family.log == ["start a"], "not by time"
    assert family.state("b") is ChildState.WAITING
    family.ready("a")
    assert family.log == ["start a", "start b"]
    assert family.phase() is Phase.STARTING
    family.ready("b")
    assert family.log == ["start a", "start b", "start c"]
    assert family.phase() is Phase.RUNNING


def test_a_child_that_never_gets_ready_ends_the_start() -> None:
    family = Family(a={"start_s": 10.0}, b={})
    family.silent.add("a")
    family.start()
    family.pass_s(10)
    assert family.snapshot.escalation is None, "the deadline itself is in time"
    family.pass_s(1)
    assert family.snapshot.escalation == "a was not ready after 10 s"
    family.pass_s(1)
    assert family.finished.is_set()


def test_a_failure_at_boot_stops_the_started_ones_in_reverse_and_restarts_nothing() -> None:
    family = Family("a", "b", "c", "d")
    family.refuse["c"] = OSError("the port is taken")
    family.start()
    family.pass_s(1)
    assert family.log == ["start a", "start b", "start c", "stop b", "stop a"]
    assert family.snapshot.escalation == "c did not start: OSError: the port is taken"
    assert family.phase() is Phase.STOPPED
    assert family.finished.is_set()
    family.pass_s(1000)
    assert family.log.count("start c") == 1


def test_a_first_start_that_fails_inside_the_actor_ends_the_boot_too() -> None:
    family = Family("a", "b")
    family.silent.add("b")
    family.start()
    family.die("b", "OSError: no such server", started=False)
    family.pass_s(1)
    assert family.log == ["start a", "start b", "stop a"]
    assert family.snapshot.escalation == "b did not start: OSError: no such server"


def test_a_child_that_dies_of_work_during_the_boot_is_restarted() -> None:
    family = Family("a", "b")
    family.silent.add("b")
    family.start()
    family.die("a")
    family.pass_s(0.5)
    assert family.state("a") is ChildState.RUNNING
    family.ready("b")
    assert family.phase() is Phase.RUNNING


def test_two_children_of_one_name_are_refused() -> None:
    try:
        Family("a", "a")
    except ValueError as error:
        assert "unique" in str(error)  # noqa: PT017 - the message is the point
    else:
        raise AssertionError


# ── restarting ───────────────────────────────────────────────────────────────


def test_restarts_are_delayed_longer_each_time() -> None:
    family = running("a")
    with structlog.testing.capture_logs() as logs:
        for delay_s in DELAYS_S:
            family.die("a")
            assert family.state("a") is ChildState.RESTARTING
            family.pass_s(delay_s - 0.01)
            assert family.state("a") is ChildState.RESTARTING
            family.pass_s(0.01)
            assert family.state("a") is ChildState.RUNNING
    assert [log["restart_in_s"] for log in events(logs, "child.died")] == DELAYS_S
    assert len(events(logs, "child.restarted")) == 5


def test_five_restarts_within_60_s_are_allowed_and_the_sixth_escalates() -> None:
    family = running("a", "b")
    for delay_s in DELAYS_S:
        family.die("a")
        family.pass_s(delay_s)
    assert family.child("a").restarts == 5
    assert family.snapshot.escalation is None
    family.die("a", "ValueError: the sixth")
    assert family.snapshot.escalation == "a died over 5 times in a minute: ValueError: the sixth"
    family.pass_s(1)
    assert family.log[-1] == "stop b"
    assert family.finished.is_set()


def test_a_child_that_dies_at_each_start_reaches_the_limit_within_the_minute() -> None:
    family = running("a")
    family.refuse["a"] = OSError("gone")
    family.die("a")
    family.pass_s(20)
    assert family.snapshot.escalation is not None
    assert family.finished.is_set()


def test_restarts_older_than_60_s_leave_the_window() -> None:
    family = running("a")
    for _ in range(30):
        family.die("a")
        family.pass_s(60 / 4.9)
    assert family.snapshot.escalation is None
    assert family.child("a").restarts == 30, "but all are shown"


def test_restart_limit_counts_a_restart_exactly_60_s_old() -> None:
    limit = RestartLimit()
    assert [limit.exceeded_by_another(at_s) for at_s in (0, 10, 20, 30, 40, 60)] == [False] * 5 + [True]
    limit.clear()
    assert [limit.exceeded_by_another(at_s) for at_s in (0, 10, 20, 30, 40, 60.1)] == [False] * 6


def test_a_parkable_child_parks_after_the_fifth_restart_and_is_tried_after_300_s() -> None:
    family = running(a={}, cache={"parkable": True})
    for delay_s in DELAYS_S:
        family.die("cache")
        family.pass_s(delay_s)
    family.die("cache", "ValueError: again")
    assert family.state("cache") is ChildState.PARKED
    assert family.child("cache").last_error == "ValueError: again"
    assert family.snapshot.escalation is None
    family.pass_s(299.9)
    assert family.state("cache") is ChildState.PARKED
    family.pass_s(0.1)
    assert family.state("cache") is ChildState.RUNNING
    # with a clean record
    family.die("cache")
    assert family.state("cache") is ChildState.RESTARTING
    family.pass_s(0.5)
    assert family.state("cache") is ChildState.RUNNING


def test_a_new_generation_is_told_to_all() -> None:
    family = running("a", "b", "c")
    family.die("b")
    family.pass_s(0.5)
    news = [GenerationRaised(name="b", generation=2)]
    for name in ("a", "b", "c"):
        assert family.live[name].told_of(GenerationRaised) == news


def test_the_first_generation_is_no_news() -> None:
    family = running("a", "b")
    assert family.live["a"].told_of(GenerationRaised) == []


def test_the_news_waits_until_the_new_generation_is_ready() -> None:
    family = running("a", "b")
    family.silent.add("b")
    family.die("b")
    family.pass_s(2)
    assert family.live["a"].told_of(GenerationRaised) == []
    family.ready("b")
    assert len(family.live["a"].told_of(GenerationRaised)) == 1


def test_messages_by_name_reach_the_new_generation() -> None:
    family = running("a")
    first = family.live["a"]
    family.die("a")
    assert not family.directory.send("a", Ping())
    family.pass_s(0.5)
    assert family.live["a"] is not first
    assert family.directory.send("a", Ping())


def test_counters_of_a_child_outlive_it() -> None:
    family = running("a")
    family.live["a"].context.heartbeat.unknown = 3
    family.die("a")
    family.pass_s(0.5)
    assert family.live["a"].context.heartbeat.unknown == 3


def test_news_of_an_earlier_generation_is_ignored() -> None:
    family = running("a")
    family.die("a")
    family.pass_s(0.5)
    family.tell(ChildDown(name="a", generation=1, error="old", started=True))
    family.tell(ChildReady(name="a", generation=1))
    family.tell(ChildDown(name="nobody", generation=1, error="who", started=True))
    family.settle()
    assert family.state("a") is ChildState.RUNNING
    assert family.child("a").restarts == 1


def test_a_death_told_twice_counts_once() -> None:
    family = running("a")
    family.die("a")
    family.die("a")
    assert family.child("a").restarts == 1


# ── watching ─────────────────────────────────────────────────────────────────


def test_a_child_is_pinged_after_a_tenth_of_its_limit_without_a_heartbeat() -> None:
    family = running(a={"heartbeat_limit_s": 30.0})
    family.pass_s(3)
    assert family.live["a"].told_of(Ping) == []
    family.pass_s(1)
    assert len(family.live["a"].told_of(Ping)) == 1
    family.pass_s(16)
    assert len(family.live["a"].told_of(Ping)) == 5
    assert family.child("a").beat_age_s <= 4


def test_a_child_with_work_of_its_own_is_not_pinged() -> None:
    family = running("a")
    for _ in range(20):
        family.live["a"].context.heartbeat.beat_at_s = family.clock.monotonic_s()
        family.pass_s(1)
    assert family.live["a"].told_of(Ping) == []


def test_a_child_dead_without_a_word_is_noticed_and_restarted() -> None:
    family = running("a")
    family.live["a"].die()
    family.pass_s(1)
    assert family.state("a") is ChildState.RESTARTING
    assert family.child("a").last_error == "stopped without a report"
    family.pass_s(0.5)
    assert family.state("a") is ChildState.RUNNING


def test_a_hung_child_is_named_and_not_doubled_and_ends_the_process_at_twice_its_limit() -> None:
    family = running(a={"heartbeat_limit_s": 10.0, "shutdown_s": 2.0}, b={})
    family.live["a"].hung = family.live["a"].stuck = True
    family.pass_s(9)
    assert family.state("a") is ChildState.RUNNING
    family.pass_s(2)
    assert family.state("a") is ChildState.HUNG
    assert family.child("a").last_error == "no heartbeat for 11 s"
    family.pass_s(9)
    assert family.snapshot.escalation is None
    assert family.log == ["start a", "start b"]
    family.pass_s(1)
    assert family.snapshot.escalation == "a hangs: no heartbeat for 21 s"
    family.pass_s(3)
    assert family.log == ["start a", "start b", "stop b", "stop a"]
    assert family.finished.is_set(), "the stuck thread does not hold the exit"


def test_a_hung_child_that_comes_back_runs_again() -> None:
    family = running(a={"heartbeat_limit_s": 5.0})
    family.live["a"].hung = True
    family.pass_s(6)
    assert family.state("a") is ChildState.HUNG
    family.live["a"].context.heartbeat.beat_at_s = family.clock.monotonic_s()
    family.live["a"].hung = False
    family.pass_s(1)
    assert family.state("a") is ChildState.RUNNING
    assert family.child("a").restarts == 0


def test_fault_37_time_in_which_the_whole_process_was_held_still_is_nobodys_hang() -> None:
    family = running(a={"heartbeat_limit_s": 10.0}, b={})
    family.pass_s(3)
    family.clock.advance(100)  # SIGSTOP: the clock goes on, no thread moves
    family.settle()
    with structlog.testing.capture_logs() as logs:
        family.pass_s(3)
    (told,) = events(logs, "process.held_still")
    assert 99 <= told["seconds"] <= 100
    assert family.snapshot.escalation is None
    assert family.state("a") is ChildState.RUNNING
    assert not events(logs, "child.hung")


def test_fault_37_a_child_that_hangs_is_found_after_a_stillness_too() -> None:
    family = running(a={"heartbeat_limit_s": 10.0})
    family.live["a"].hung = True
    family.pass_s(5)
    family.clock.advance(100)
    family.pass_s(4)
    assert family.state("a") is ChildState.RUNNING, "it was silent for nine seconds that it could have used"
    family.pass_s(3)
    assert family.state("a") is ChildState.HUNG
    family.pass_s(11)
    assert family.snapshot.escalation is not None


def test_fault_37_a_hung_child_is_pinged_and_can_come_back() -> None:
    family = running(a={"heartbeat_limit_s": 5.0})
    family.live["a"].hung = True
    family.pass_s(6)
    assert family.state("a") is ChildState.HUNG
    family.live["a"].hung = False  # the long call is over, and nobody else has a word for it
    family.pass_s(2)
    assert family.state("a") is ChildState.RUNNING


def test_fault_37_a_start_and_a_drain_that_were_held_still_have_their_time() -> None:
    family = Family(a={"start_s": 10.0, "source": True})
    family.silent.add("a")
    family.start()
    family.pass_s(5)
    family.clock.advance(100)
    family.pass_s(4)
    assert family.snapshot.escalation is None
    family.ready("a")
    family.drains_by_itself = False
    family.tell(Shutdown(reason="test"))
    family.settle()
    family.pass_s(2)
    family.clock.advance(100)
    family.pass_s(3)
    assert family.phase() is Phase.DRAINING
    family.pass_s(5)
    assert family.phase() is Phase.STOPPED


def test_a_hung_child_that_dies_at_last_is_restarted() -> None:
    family = running(a={"heartbeat_limit_s": 5.0})
    family.live["a"].hung = True
    family.pass_s(6)
    family.die("a")
    family.pass_s(0.5)
    assert family.state("a") is ChildState.RUNNING


def test_an_unknown_message_is_logged_and_does_no_harm() -> None:
    family = running("a")
    with structlog.testing.capture_logs() as logs:
        family.tell(Tick(purpose="unheard of"))
        family.settle()
    assert len(events(logs, "message.unknown")) == 1
    assert family.phase() is Phase.RUNNING
