"""The timer thread, the real one: delays of some milliseconds, events waited for, no sleep."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import pytest
import structlog

from engine.timers import TimerThread

WAIT_S = 5.0
FAR_S = 3600.0


@pytest.fixture
def timers() -> Iterator[TimerThread]:
    thread = TimerThread()
    yield thread
    thread.close()


def alive(timers: TimerThread) -> bool:
    """Whether a call set now is made: what was due before it has been served by then."""
    done = threading.Event()
    timers.call_later("barrier", 0, done.set)
    return done.wait(WAIT_S)


def test_a_call_is_made_on_the_timer_thread(timers: TimerThread) -> None:
    names: queue.Queue[str] = queue.Queue()
    timers.call_later("a", 0, lambda: names.put(threading.current_thread().name))
    assert names.get(timeout=WAIT_S) == "timers"


def test_calls_come_in_the_order_of_their_times_not_of_their_setting(timers: TimerThread) -> None:
    calls: queue.Queue[int] = queue.Queue()
    timers.call_later("late", 0.06, lambda: calls.put(3))
    timers.call_later("early", 0.02, lambda: calls.put(1))
    timers.call_later("between", 0.04, lambda: calls.put(2))
    assert [calls.get(timeout=WAIT_S) for _ in range(3)] == [1, 2, 3]


def test_calls_due_at_once_come_in_the_order_of_their_setting(timers: TimerThread) -> None:
    calls: queue.Queue[int] = queue.Queue()
    timers.call_later("negative is now", -5, lambda: calls.put(-1))
    for number in range(20):
        timers.call_later(number, 0, lambda number=number: calls.put(number))  # type: ignore[misc]
    assert [calls.get(timeout=WAIT_S) for _ in range(21)] == list(range(-1, 20))


def test_an_earlier_call_wakes_a_thread_that_waits_for_a_later_one(timers: TimerThread) -> None:
    timers.call_later("far", FAR_S, lambda: None)
    assert alive(timers)


def test_a_later_call_does_not_wake_the_thread(timers: TimerThread, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call of a database or gateway sets a deadline: waking for all of them would delay the threads at work."""
    timers.call_later("first", FAR_S, lambda: None)
    woken: list[None] = []
    monkeypatch.setattr(timers._changed, "notify", lambda: woken.append(None))
    timers.call_later("second", FAR_S + 1, lambda: None)
    assert woken == []
    timers.call_later("earlier", FAR_S - 1, lambda: None)
    assert woken == [None]


def test_the_thread_does_not_wait_for_a_cancelled_call(timers: TimerThread) -> None:
    timers.call_later("key", FAR_S, lambda: None)
    timers.cancel("key")
    with timers._changed:
        assert timers._wait_s() is None


def test_setting_a_key_again_replaces_its_call(timers: TimerThread) -> None:
    calls: queue.Queue[str] = queue.Queue()
    timers.call_later("key", 0.02, lambda: calls.put("first"))
    timers.call_later("key", 0.03, lambda: calls.put("second"))
    assert calls.get(timeout=WAIT_S) == "second"
    assert alive(timers)
    assert calls.empty()


def test_a_replaced_call_may_come_earlier_too(timers: TimerThread) -> None:
    done = threading.Event()
    timers.call_later("key", FAR_S, lambda: None)
    timers.call_later("key", 0, done.set)
    assert done.wait(WAIT_S)


def test_a_cancelled_call_is_not_made(timers: TimerThread) -> None:
    calls: list[str] = []
    timers.call_later("key", 0.01, lambda: calls.append("cancelled"))
    timers.cancel("key")
    timers.cancel("never set")
    done = threading.Event()
    timers.call_later("after it", 0.03, done.set)
    assert done.wait(WAIT_S)
    assert calls == []


def test_a_failing_call_does_not_end_the_others_time(timers: TimerThread) -> None:
    with structlog.testing.capture_logs() as logs:
        timers.call_later("bad", 0, lambda: 1 // 0)
        assert alive(timers)
    assert [log["event"] for log in logs] == ["timer.failed"]


def test_a_call_may_set_its_own_key_again(timers: TimerThread) -> None:
    done = threading.Event()
    timers.call_later("again", 0, lambda: timers.call_later("again", 0, done.set))
    assert done.wait(WAIT_S)


def test_close_drops_what_is_outstanding_and_ends_the_thread() -> None:
    timers = TimerThread()
    calls: list[str] = []
    timers.call_later("key", FAR_S, lambda: calls.append("dropped"))
    timers.close()
    assert not timers._thread.is_alive()
    timers.close()
    timers.call_later("key", 0, lambda: calls.append("too late"))
    assert calls == []


def test_close_from_a_call_does_not_wait_for_itself() -> None:
    timers = TimerThread()
    done = threading.Event()

    def close() -> None:
        timers.close()
        done.set()

    timers.call_later("close", 0, close)
    assert done.wait(WAIT_S)
    timers._thread.join(WAIT_S)
    assert not timers._thread.is_alive()
