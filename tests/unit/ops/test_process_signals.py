"""Signals that come in the middle of anything: no handler may wait for a lock that the interrupted code holds."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from ops.process_signals import (
    HandlerSafeEvent,
    acting_on,
    exiting_on_signals,
    stop_on_signals,
    uninterrupted,
)


@pytest.fixture
def signalled() -> Iterator[HandlerSafeEvent]:
    """Yield an event that a signal sets each millisecond or two of work."""
    event = HandlerSafeEvent()
    former = signal.signal(signal.SIGVTALRM, lambda *_: event.set())
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.001, 0.001)
    try:
        yield event
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, former)


@pytest.mark.timeout(60)
def test_a_signal_in_the_middle_of_a_wait_does_not_hang_the_process(signalled: HandlerSafeEvent) -> None:
    """With an Event of threading the handler waited for the lock that the interrupted wait held (found in CI)."""
    heard = 0
    while heard < 300:
        heard += signalled.wait(0)
        signalled.clear()


def test_a_wait_ends_with_the_event_or_its_time() -> None:
    event = HandlerSafeEvent()
    assert event.wait(0.001) is False
    event.set()
    assert event.is_set()
    assert event.wait(0) is True
    assert event.wait() is True
    event.clear()
    assert event.wait(0.001) is False  # the wake that was left over ends no later wait


@pytest.mark.timeout(60)
def test_all_who_wait_are_woken() -> None:
    event = HandlerSafeEvent()
    waiting = [threading.Thread(target=event.wait) for _ in range(3)]
    for thread in waiting:
        thread.start()
    event.set()
    for thread in waiting:
        thread.join()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_to_stop_and_a_second_one_ends_at_once(number: signal.Signals) -> None:
    with stop_on_signals() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        assert stop.wait(30)
        with pytest.raises(SystemExit) as ended:
            signal.raise_signal(number)
    assert ended.value.code == 128 + number


@pytest.mark.timeout(60)
def test_the_work_of_a_signal_runs_in_a_thread_of_its_own() -> None:
    threads, done = [], threading.Event()

    def work() -> None:
        threads.append(threading.current_thread())
        done.set()

    with acting_on(signal.SIGUSR2, work):
        os.kill(os.getpid(), signal.SIGUSR2)
        assert done.wait(30)
    assert threads[0] is not threading.main_thread()


@pytest.mark.timeout(60)
def test_sigusr1_logs_where_every_thread_waits(caplog: pytest.LogCaptureFixture) -> None:
    with stop_on_signals():
        os.kill(os.getpid(), signal.SIGUSR1)
        while "MainThread" not in caplog.text:
            threading.Event().wait(0.01)


@pytest.mark.timeout(60)
def test_an_exit_waits_for_what_must_not_be_interrupted() -> None:
    """A backup that was ended in the middle of a login waited a minute for its own session (found in a whole run)."""
    done = []

    def work() -> None:
        with uninterrupted():
            with uninterrupted():
                signal.raise_signal(signal.SIGTERM)
                done.append("login")
            done.append("all of it")
        done.append("more")

    with exiting_on_signals(), pytest.raises(SystemExit) as ended:
        work()
    assert (done, ended.value.code) == (["login", "all of it"], 128 + signal.SIGTERM)
    with exiting_on_signals(), pytest.raises(SystemExit) as ended:
        signal.raise_signal(signal.SIGINT)
    assert ended.value.code == 128 + signal.SIGINT
