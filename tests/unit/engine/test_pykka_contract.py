"""What we rely on in Pykka, so that another version cannot change it silently (table of the style guide)."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any, ClassVar

import pykka
import pytest

WAIT_S = 5.0


class Subject(pykka.ThreadingActor):
    """Runs the functions it is told and notes which hooks Pykka called."""

    #: by URN, for a reference does not give its actor away
    made: ClassVar[dict[str, Subject]] = {}

    use_daemon_thread = True

    def __init__(self, *, on_start: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self.made[self.actor_urn] = self
        self.hooks: queue.Queue[str] = queue.Queue()
        self._start = on_start
        self.stop_error: Exception | None = None

    def on_start(self) -> None:
        self._start()

    def on_stop(self) -> None:
        self.hooks.put("on_stop")
        if self.stop_error is not None:
            raise self.stop_error

    def on_failure(self, *_: Any) -> None:
        self.hooks.put(f"on_failure, alive: {self.actor_ref.is_alive()}")

    def on_receive(self, message: Any) -> Any:
        return message() if callable(message) else message


def boom() -> None:
    raise ValueError("boom")


def exit_now() -> None:
    raise SystemExit(1)


def subject(ref: pykka.ActorRef[Subject]) -> Subject:
    return Subject.made[ref.actor_urn]


def wait_dead(ref: pykka.ActorRef[Subject]) -> None:
    assert ref.actor_stopped.wait(WAIT_S)


def test_tell_and_raise_calls_on_failure_after_the_stopped_flag_and_not_on_stop() -> None:
    ref = Subject.start()
    ref.tell(boom)
    assert subject(ref).hooks.get(timeout=WAIT_S) == "on_failure, alive: False"
    assert subject(ref).hooks.empty()
    assert ref not in pykka.ActorRegistry.get_all()


def test_ask_and_raise_leaves_the_actor_alive() -> None:
    ref = Subject.start()
    with pytest.raises(ValueError, match="boom"):
        ref.ask(boom, timeout=WAIT_S)
    assert ref.ask("still here", timeout=WAIT_S) == "still here"
    assert subject(ref).hooks.empty()


def test_a_constructor_that_raises_raises_in_start_and_registers_nothing() -> None:
    class Refusing(Subject):
        def __init__(self) -> None:
            super().__init__()
            boom()

    with pytest.raises(ValueError, match="boom"):
        Refusing.start()
    assert pykka.ActorRegistry.get_all() == []


def test_on_start_that_raises_kills_the_actor_without_any_hook() -> None:
    ref = Subject.start(on_start=boom)
    wait_dead(ref)
    assert subject(ref).hooks.empty()


def test_on_stop_that_raises_is_logged_and_stop_returns_true() -> None:
    ref = Subject.start()
    subject(ref).stop_error = ValueError("boom")
    assert ref.stop(timeout=WAIT_S) is True
    assert subject(ref).hooks.get(timeout=WAIT_S) == "on_stop"
    assert subject(ref).hooks.empty(), "on_failure is not called"


def test_system_exit_in_a_handler_stops_every_actor() -> None:
    victim, bystander = Subject.start(), Subject.start()
    victim.tell(exit_now)
    wait_dead(victim)
    wait_dead(bystander)
    assert subject(victim).hooks.get(timeout=WAIT_S) == "on_stop"
    assert subject(victim).hooks.empty(), "on_failure is not called"


def test_tell_to_the_dead_raises_in_the_sender() -> None:
    ref = Subject.start()
    ref.stop(timeout=WAIT_S)
    with pytest.raises(pykka.ActorDeadError):
        ref.tell("news")


def test_the_mailbox_has_no_bound_and_is_a_queue_that_tells_its_size() -> None:
    ref = Subject().actor_ref
    for number in range(10_000):
        ref.tell(number)
    inbox = ref.actor_inbox
    assert isinstance(inbox, queue.Queue)
    assert inbox.qsize() == 10_000
    assert inbox.maxsize == 0


def test_messages_are_handled_in_order_and_stop_comes_after_the_backlog() -> None:
    release, handled = threading.Event(), []
    ref = Subject.start()
    ref.tell(lambda: release.wait(WAIT_S))
    for number in range(50):
        ref.tell(lambda number=number: handled.append(number))
    stopped = ref.stop(block=False)
    assert ref.is_alive(), "stop(block=False) returns at once"
    release.set()
    assert stopped.get(timeout=WAIT_S) is True
    assert handled == list(range(50))


def test_stop_of_the_dead_returns_false() -> None:
    ref = Subject.start()
    ref.stop(timeout=WAIT_S)
    assert ref.stop(timeout=WAIT_S) is False


def test_a_stop_that_takes_too_long_raises_pykkas_own_timeout_and_still_comes() -> None:
    release = threading.Event()
    ref = Subject.start()
    ref.tell(lambda: release.wait(WAIT_S))
    with pytest.raises(pykka.Timeout) as raised:
        ref.stop(timeout=0.01)
    assert not isinstance(raised.value, TimeoutError)
    release.set()
    wait_dead(ref)


def test_a_hung_handler_looks_alive() -> None:
    release = threading.Event()
    ref = Subject.start()
    ref.tell(lambda: release.wait(WAIT_S))
    assert ref.is_alive()
    assert ref in pykka.ActorRegistry.get_all()
    release.set()


def test_a_restart_is_another_actor_and_the_old_reference_stays_dead() -> None:
    first = Subject.start()
    first.stop(timeout=WAIT_S)
    second = Subject.start()
    assert first.actor_urn != second.actor_urn
    assert not first.is_alive()


def test_messages_are_passed_by_reference() -> None:
    news = object()
    ref = Subject.start()
    assert ref.ask(news, timeout=WAIT_S) is news


def test_an_actor_that_was_never_started_keeps_what_it_is_told_and_is_not_registered() -> None:
    actor = Subject()
    actor.actor_ref.tell("kept")
    assert actor.actor_ref.is_alive()
    assert isinstance(actor.actor_inbox, queue.Queue)
    assert actor.actor_inbox.get_nowait().message == "kept"
    assert pykka.ActorRegistry.get_all() == []


def test_threads_of_our_actors_do_not_hold_the_exit() -> None:
    daemons: list[bool] = []
    ref = Subject.start()
    ref.ask(lambda: daemons.append(threading.current_thread().daemon), timeout=WAIT_S)
    assert daemons == [True]
