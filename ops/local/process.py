"""One owned child process: start, wait until ready, stop; every signal goes to a process id, never to a name."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import structlog

from engine.stillness import HELD_STILL_S
from ops.local._listeners import may_listen
from ops.local._processes import children_of, command_line_of, is_held

__all__ = [
    "Account",
    "LocalServerError",
    "OwnedProcess",
    "ProgramMissingError",
    "ServerBusyError",
    "ServerStartError",
    "wait_until",
]

_log = structlog.get_logger(__name__)

_POLL_S = 0.05
_HOLD_DEADLINE_S = 5.0
_HOLD_POLL_S = 0.002
_LOG_TAIL_BYTES = 2000
_LOG_LARGEST_BYTES = 20_000_000


class LocalServerError(RuntimeError):
    """A server of our own cannot be run on this machine; the text names the remedy."""


class ProgramMissingError(LocalServerError):
    """The server's program is not installed, or does not run here."""


class ServerBusyError(LocalServerError):
    """The server's folder is in the hands of another process."""


class ServerStartError(LocalServerError):
    """The server's process ended, or was not ready in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The system user a server runs as, when not our own."""

    name: str
    uid: int
    gid: int


def wait_until(probe: Callable[[], bool], *, deadline_s: float, every_s: float = _POLL_S) -> bool:
    """Ask `probe` until it says yes (True) or `deadline_s` has passed (False).

    While we were held still ourselves (Ctrl-Z) nobody could get ready before our eyes: it does not count.
    """
    left_s, looked_s = deadline_s, time.monotonic()
    pause = threading.Event()
    while not probe():
        now_s = time.monotonic()
        left_s, looked_s = left_s - min(now_s - looked_s, HELD_STILL_S), now_s
        if left_s <= 0:
            return False
        pause.wait(every_s)
    return True


class OwnedProcess:
    """A server process that we started, or took over, and therefore must stop.

    Args:
        name: Short name for the log.
        command: Absolute program and its arguments; they are public on the machine, so they hold no secret.
        log_path: File that gets the process's output, appended.
        account: User to run as; only root can give one.
        stop_signal: Asks for an orderly end. `abort_signal` follows after the deadline, then SIGKILL.

    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log_path: Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        account: Account | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        abort_signal: signal.Signals | None = None,
    ) -> None:
        self.name = name
        self.command = tuple(command)
        self.log_path = log_path
        self._cwd = cwd
        self._env = env
        self._account = account
        self._stop_signal = stop_signal
        self._abort_signal = abort_signal
        self._child: subprocess.Popen[bytes] | None = None
        self._adopted_pid: int | None = None
        self._frozen: tuple[int, ...] = ()
        self._log_start = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The process id, also after its end; None before the start."""
        return self._child.pid if self._child else self._adopted_pid

    @property
    def running(self) -> bool:
        """Whether the process is there now."""
        if self._child:
            return self._child.poll() is None
        # Not our child, so its id could be given to another process: the arguments must still be its own.
        return self._adopted_pid is not None and command_line_of(self._adopted_pid) == self.command

    def start(self) -> None:
        """Start the process.

        Raises:
            ServerStartError: The program could not be executed.

        """
        if self.running:
            return
        self._adopted_pid = None
        # Its log may quote data: for the owner's eyes only. The open file is inherited, so a server under
        # another account needs no right to the folder it lies in.
        _rotate(self.log_path)
        log_fd = os.open(self.log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            self._log_start = os.fstat(log_fd).st_size
            self._child = subprocess.Popen(  # noqa: S603 - the caller's own absolute program
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log_fd,
                stderr=subprocess.STDOUT,
                cwd=self._cwd,
                env=self._env,
                # Ctrl-C reaches the terminal's whole process group: in a session of its own the server
                # stays up until we have drained.
                start_new_session=True,
                user=self._account.uid if self._account else None,
                group=self._account.gid if self._account else None,
                extra_groups=[] if self._account else None,
            )
        except OSError as exc:
            raise ServerStartError(f"{self.name}: {self.command[0]} could not be started: {exc}") from exc
        finally:
            os.close(log_fd)
        _log.info("process.started", name=self.name, pid=self.pid)

    def adopt(self, pid: int) -> None:
        """Take over a process an earlier run of ours left; the caller has made sure it is that one."""
        self._child = None
        self._adopted_pid = pid
        self.command = command_line_of(pid)
        # The earlier run may have been killed while it held the server still.
        self._frozen = (pid, *children_of(pid))
        self.thaw()
        _log.info("process.taken_over", name=self.name, pid=pid)

    def listens_on(self, port: int) -> bool:
        """Tell whether this very process listens on a port of this machine, not a stranger."""
        return self.pid is not None and self.running and may_listen(self.pid, port)

    def wait_ready(self, probe: Callable[[], bool], *, deadline_s: float, port: int | None = None) -> None:
        """Wait until `probe` says yes; with `port`, only when it is this very process that listens there.

        Nothing is asked, and no password sent, before that is known.

        Raises:
            ServerStartError: The process ended first, or the deadline passed; the process is left as it is.

        """
        ready = False

        def on_committed() -> bool:
            nonlocal ready
            # Asked in this order, another server on the same port cannot answer for one that has ended.
            ready = (port is None or self.listens_on(port)) and probe() and self.running
            return ready or not self.running

        wait_until(on_committed, deadline_s=deadline_s)
        if not ready:
            what = f"was not ready after {deadline_s:g} s" if self.running else "ended while starting"
            raise ServerStartError(f"{self.name} {what}. End of its log {self.log_path}:\n{self.log_tail()}")

    def log_tail(self) -> str:
        """Return the end of what this start wrote to the log."""
        with contextlib.suppress(OSError), self.log_path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - _LOG_TAIL_BYTES))
            return log.read().decode(errors="replace").strip()
        return ""

    def freeze(self) -> None:
        """Hold the process and its children still: connections stay open, nothing answers."""
        if (pid := self.pid) is None or not self.running:
            return
        # The parent first: held still, it can fork no child that we would miss. A signal sent is not yet a
        # signal taken, so it is waited for: a child forked in between would go on answering.
        self._frozen = (pid,)
        self._signal(signal.SIGSTOP)
        wait_until(lambda: is_held(pid), deadline_s=_HOLD_DEADLINE_S, every_s=_HOLD_POLL_S)
        children = children_of(pid)
        self._frozen += children
        for child in children:
            _send(child, signal.SIGSTOP)
        wait_until(lambda: all(map(is_held, children)), deadline_s=_HOLD_DEADLINE_S, every_s=_HOLD_POLL_S)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        frozen, self._frozen = self._frozen, ()
        for pid in frozen:
            _send(pid, signal.SIGCONT)

    def stop(self, *, deadline_s: float = 10.0) -> None:
        """Ask the process to end, abort it after `deadline_s`, kill it at last; again is harmless."""
        # A process held still would only see the signal once thawed.
        self.thaw()
        if not self.running:
            return
        for sign in (self._stop_signal, self._abort_signal):
            if sign is None:
                continue
            self._signal(sign)
            if wait_until(lambda: not self.running, deadline_s=deadline_s):
                _log.info("process.stopped", name=self.name, pid=self.pid, signal=sign.name)
                return
            _log.warning("process.stop_timeout", name=self.name, pid=self.pid, signal=sign.name)
        self.kill()

    def kill(self, *, deadline_s: float = 10.0) -> None:
        """End the process at once, with no chance to tidy up."""
        was_running = self.running
        self._signal(signal.SIGKILL)
        # Children held still would never notice that their parent is gone.
        self.thaw()
        if not was_running:
            return
        if wait_until(lambda: not self.running, deadline_s=deadline_s):
            _log.info("process.killed", name=self.name, pid=self.pid)
        else:
            _log.error("process.kill_timeout", name=self.name, pid=self.pid)

    def _signal(self, sign: signal.Signals) -> None:
        if self.pid is not None and self.running:
            _send(self.pid, sign)


def _rotate(log_path: Path) -> None:
    """Keep one former log when it has grown large: a part that lives for months must not fill the disk."""
    with contextlib.suppress(OSError):
        if log_path.stat().st_size > _LOG_LARGEST_BYTES:
            log_path.replace(log_path.with_name(f"{log_path.name}.1"))


def _send(pid: int, sign: signal.Signals) -> None:
    # Ended between the look and the signal: what was wanted has happened.
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, sign)
