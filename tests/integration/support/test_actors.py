"""No actor outlives its test."""

import threading

import pykka

from tests.support.actors import stop_all_actors


class _Stuck(pykka.ThreadingActor):
    use_daemon_thread = True

    def on_receive(self, message: object) -> None:
        assert isinstance(message, threading.Event)
        message.wait(10)


class _Idle(pykka.ThreadingActor):
    use_daemon_thread = True


def test_a_stuck_actor_is_named_and_the_others_are_stopped() -> None:
    release = threading.Event()
    first, stuck, last = _Idle.start(), _Stuck.start(), _Idle.start()
    stuck.tell(release)
    try:
        assert stop_all_actors(timeout_s=0.1) == [str(stuck)]
        assert not first.is_alive()
        assert not last.is_alive()
        assert pykka.ActorRegistry.get_all() == []
    finally:
        release.set()
    assert stuck.actor_stopped.wait(5)


def test_none_is_fine() -> None:
    assert stop_all_actors(timeout_s=1) == []
