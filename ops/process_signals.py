"""What the process does when the operating system signals it.

Python runs a handler in the main thread, between any two of its instructions. The main thread may hold a lock at that
moment, for example the one inside ``Event.wait``. A handler that wants this lock waits for ever. So each handler here
does one thing that takes no lock: it sets a ``HandlerSafeEvent``. Other code does the work. A command that has no loop to
look at an event exits from the handler instead, but not in the middle of what cannot be left half done.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType

import pykka.debug

__all__ = [
    "HandlerSafeEvent",
    "acting_on",
    "exiting_on_signals",
    "reread_on_hangup",
    "stop_on_signals",
    "uninterrupted",
]


class HandlerSafeEvent(threading.Event):
    """An event that a signal handler may set, whatever the main thread is doing.

    It takes no lock of Python. ``SimpleQueue.put`` may interrupt any call of the same queue (Python's documentation
    calls it reentrant).
    """

    def __init__(self) -> None:
        super().__init__()
        self._told = False
        self._wakes = SimpleQueue[None]()

    def is_set(self) -> bool:
        """Return whether it is set."""
        return self._told

    def set(self) -> None:
        """Set it and wake who waits."""
        self._told = True
        self._wakes.put(None)

    def clear(self) -> None:
        """Unset it. A wake that is left over ends no later wait."""
        self._told = False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, at most ``timeout`` seconds. Return whether it is set."""
        ends_s = None if timeout is None else time.monotonic() + timeout
        while not self._told:
            left_s = None if ends_s is None else max(0.0, ends_s - time.monotonic())
            try:
                self._wakes.get(timeout=left_s)
            except Empty:
                break
            if self._told:
                self._wakes.put(None)  # another thread may wait too
        return self._told


@contextmanager
def stop_on_signals() -> Iterator[HandlerSafeEvent]:
    """Yield an event that SIGTERM and SIGINT set. A second signal ends the process at once.

    Meanwhile SIGUSR1 logs the stack of every thread, which shows where a hung process waits.
    """
    stop = HandlerSafeEvent()

    def request(number: int, _: FrameType | None) -> None:
        if stop.is_set():
            sys.exit(128 + number)
        stop.set()

    former = {number: signal.signal(number, request) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with acting_on(signal.SIGUSR1, pykka.debug.log_thread_tracebacks):
            yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def reread_on_hangup(stop: HandlerSafeEvent) -> Iterator[HandlerSafeEvent]:
    """Yield an event that SIGHUP sets. If the signal comes from a closed terminal, it sets ``stop`` instead."""
    reread = HandlerSafeEvent()
    had_terminal = os.isatty(0)

    def request(_number: int, _: FrameType | None) -> None:
        (stop if had_terminal and not os.isatty(0) else reread).set()

    former = signal.signal(signal.SIGHUP, request)
    try:
        yield reread
    finally:
        signal.signal(signal.SIGHUP, former)


@contextmanager
def acting_on(number: signal.Signals, work: Callable[[], object]) -> Iterator[None]:
    """Run ``work`` after each such signal during the body, in a thread of its own."""
    told, over = HandlerSafeEvent(), threading.Event()

    def act() -> None:
        while told.wait() and not over.is_set():
            told.clear()
            work()

    def request(_number: int, _: FrameType | None) -> None:
        told.set()

    acting = threading.Thread(target=act, name=f"on-{number.name}", daemon=True)
    acting.start()
    former = signal.signal(number, request)
    try:
        yield
    finally:
        signal.signal(number, former)
        over.set()
        told.set()


class _Exits:
    """The wish to exit. It waits while something runs that must not be interrupted."""

    def __init__(self) -> None:
        self.depth = 0
        self._wanted: int | None = None

    def ask(self, number: int, _: FrameType | None) -> None:
        self._wanted = number
        self.follow()

    def follow(self) -> None:
        if self.depth == 0 and self._wanted is not None:
            number, self._wanted = self._wanted, None
            sys.exit(128 + number)


_EXITS = _Exits()


@contextmanager
def exiting_on_signals() -> Iterator[None]:
    """Turn SIGTERM and SIGINT into an exit that cleans up, during the body."""
    former = {number: signal.signal(number, _EXITS.ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let the body end before a signal exits. It must be short.

    An exit in the middle of a login leaves the server with a session that neither goes on nor ends. Dropping a database
    then waits for that session, up to a minute.
    """
    _EXITS.depth += 1
    try:
        yield
    finally:
        _EXITS.depth -= 1
        _EXITS.follow()
