"""Cutting calls that take too long: a socket time-out starts anew with each byte, this does not."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

from engine.timers import Timers

__all__ = ["Deadline", "cut_after", "shut_down_fd", "shut_down_socket"]


class Deadline:
    """Whether the call was cut. Read after the call to tell a cut from another broken connection."""

    __slots__ = ("_lock", "_over", "happened")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._over = False
        self.happened = False

    def fire(self, cut: Callable[[], None]) -> None:
        """Run ``cut`` unless the call is over: its socket may by then serve somebody else."""
        with self._lock:
            if not self._over:
                self.happened = True
                cut()

    def over(self) -> None:
        """Say that the call has ended."""
        with self._lock:
            self._over = True


@contextlib.contextmanager
def cut_after(timers: Timers, deadline_s: float, cut: Callable[[], None]) -> Iterator[Deadline]:
    """Run the body; if it is not over after ``deadline_s`` seconds, run ``cut`` on the timer thread."""
    state = Deadline()
    key = ("cut", id(state))
    timers.call_later(key, deadline_s, lambda: state.fire(cut))
    try:
        yield state
    finally:
        state.over()
        timers.cancel(key)


def shut_down_fd(fd: int) -> None:
    """Shut the socket behind a file descriptor that somebody else owns; its blocked calls return."""
    with (
        contextlib.suppress(OSError, ValueError),
        socket.fromfd(fd, socket.AF_INET, socket.SOCK_STREAM) as dup,
    ):
        dup.shutdown(socket.SHUT_RDWR)


def shut_down_socket(sock: socket.socket) -> None:
    """Shut a socket of ours; its blocked calls return."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
