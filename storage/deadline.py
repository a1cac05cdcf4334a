"""Total deadlines for calls. A socket timeout starts again with each byte; these deadlines do not."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

from engine.timers import Timers

__all__ = ["Deadline", "cut_after", "shut_down_fd", "shut_down_socket"]


class Deadline:
    """Whether the deadline cut the call. The caller reads it to tell a cut from another broken connection.

    The lock decides which comes first, the end of the call or the cut. Either the call is over and ``cut`` never
    runs, or ``cut`` runs to its end before :meth:`over` returns. So no cut can hit the next call on the socket.
    """

    __slots__ = ("_lock", "_over", "happened")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._over = False
        self.happened = False

    def fire(self, cut: Callable[[], None]) -> None:
        """Run ``cut`` unless the call is over. After the call its socket may serve another call."""
        with self._lock:
            if not self._over:
                self.happened = True
                cut()

    def over(self) -> None:
        """Record that the call has ended."""
        with self._lock:
            self._over = True


@contextlib.contextmanager
def cut_after(timers: Timers, deadline_s: float, cut: Callable[[], None]) -> Iterator[Deadline]:
    """Run the body. If it is still running after ``deadline_s`` seconds, run ``cut`` on the timer thread."""
    state = Deadline()
    key = ("cut", id(state))
    timers.call_later(key, deadline_s, lambda: state.fire(cut))
    try:
        yield state
    finally:
        state.over()
        timers.cancel(key)


def shut_down_fd(fd: int) -> None:
    """Shut down the socket of a file descriptor that another object owns. Its blocked calls return."""
    with (
        contextlib.suppress(OSError, ValueError),
        socket.fromfd(fd, socket.AF_INET, socket.SOCK_STREAM) as dup,
    ):
        dup.shutdown(socket.SHUT_RDWR)


def shut_down_socket(sock: socket.socket) -> None:
    """Shut down a socket. Its blocked calls return."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
