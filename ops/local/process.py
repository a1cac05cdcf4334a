"""One owned child process: start, wait until ready, stop. Every signal goes to a process id, never to a name."""

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

import psutil
import structlog

from engine.stillness import HELD_STILL_S
from ops.local._listeners import may_listen
from ops.local._processes import children_of, command_line_of, has_ended, is_held

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
    """A local server cannot run on this machine. The text names the remedy."""


class ProgramMissingError(LocalServerError):
    """The server's program is not installed, or does not run here."""


class ServerBusyError(LocalServerError):
    """Another process has locked the server's folder."""


class ServerStartError(LocalServerError):
    """The server's process ended, or was not ready in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The system user that runs a server, if it is not ours."""

    name: str
    uid: int
    gid: int


def wait_until(probe: Callable[[], bool], *, deadline_s: float, every_s: float = _POLL_S) -> bool:
    """Call `probe` until it returns true, and return True. Return False after `deadline_s`.

    Time in which this process itself was stopped (Ctrl-Z) does not count.
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
    """A server process that we started or took over, and must stop.

    Args:
        name: Short name for the log.
        command: Absolute path of the program and its arguments. They are public on the machine, so they hold no secret.
        log_path: File to which the process's output is appended.
        account: User that runs the process. Only root can choose one.
        stop_signal: Requests an orderly end. `abort_signal` follows after the deadline, then SIGKILL.

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
        self._adopted: psutil.Process | None = None
        self._frozen: tuple[int, ...] = ()
        self._log_start = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The process id, also after its end. It is None before the start."""
        if self._child:
            return self._child.pid
        return self._adopted.pid if self._adopted else None

    @property
    def running(self) -> bool:
        """Whether the process runs."""
        if self._child:
            return self._child.poll() is None
        # It is not our child, so another process may have its id now. psutil compares the time of its start.
        return self._adopted is not None and not has_ended(self._adopted)

    @property
    def exit_code(self) -> int | None:
        """The exit code of a child that ended, otherwise None."""
        return self._child.poll() if self._child else None

    def start(self) -> None:
        """Start the process.

        Raises:
            ServerStartError: The program could not be executed.

        """
        if self.running:
            return
        self._adopted = None
        # The log may quote data, so only its owner can read it. The process inherits the open file, so a server under
        # another account needs no right to its folder.
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
                # Ctrl-C reaches the whole process group of the terminal. In its own session the server stays up until
                # we have drained.
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
        """Take over a process of an earlier run. The caller has checked its identity."""
        self._child = self._adopted = None
        with contextlib.suppress(psutil.Error):
            self._adopted = psutil.Process(pid)
        self.command = command_line_of(pid)
        # The earlier run may have been killed while the server was frozen.
        self._frozen = (pid, *children_of(pid))
        self.thaw()
        _log.info("process.taken_over", name=self.name, pid=pid)

    def listens_on(self, port: int) -> bool:
        """Return whether this process, and no other, listens on a port of this machine."""
        return self.pid is not None and self.running and may_listen(self.pid, port)

    def wait_ready(self, probe: Callable[[], bool], *, deadline_s: float, port: int | None = None) -> None:
        """Wait until `probe` returns true. With `port`, first wait until this process itself listens there.

        Before that the probe is not called, so no password goes to another program.

        Raises:
            ServerStartError: The process ended first, or the deadline passed. The process is not stopped.

        """
        ready = False

        def on_committed() -> bool:
            nonlocal ready
            # In this order, another server on the same port cannot answer for a process that has ended.
            ready = (port is None or self.listens_on(port)) and probe() and self.running
            return ready or not self.running

        wait_until(on_committed, deadline_s=deadline_s)
        if not ready:
            what = f"was not ready after {deadline_s:g} s" if self.running else "ended while starting"
            raise ServerStartError(f"{self.name} {what}. End of its log {self.log_path}:\n{self.log_tail()}")

    def log_tail(self) -> str:
        """Return the end of the log since this start."""
        with contextlib.suppress(OSError), self.log_path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - _LOG_TAIL_BYTES))
            return log.read().decode(errors="replace").strip()
        return ""

    def freeze(self) -> None:
        """Stop the process and its children with SIGSTOP. Connections stay open, but nothing answers."""
        if (pid := self.pid) is None or not self.running:
            return
        # The parent comes first, because a stopped parent cannot fork a child that we would miss. A signal takes effect
        # a moment after it was sent. We wait for that, because a child that is forked meanwhile would still answer.
        self._frozen = (pid,)
        self._signal(signal.SIGSTOP)
        wait_until(lambda: is_held(pid), deadline_s=_HOLD_DEADLINE_S, every_s=_HOLD_POLL_S)
        children = children_of(pid)
        self._frozen += children
        for child in children:
            _send(child, signal.SIGSTOP)
        wait_until(lambda: all(map(is_held, children)), deadline_s=_HOLD_DEADLINE_S, every_s=_HOLD_POLL_S)

    def thaw(self) -> None:
        """Resume a frozen process."""
        frozen, self._frozen = self._frozen, ()
        for pid in frozen:
            _send(pid, signal.SIGCONT)

    def stop(self, *, deadline_s: float = 10.0) -> None:
        """Request the end of the process, abort it after `deadline_s`, and finally kill it. A repeated call is harmless."""
        # A frozen process would see the signal only after it resumes.
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
        """Kill the process at once. It cannot clean up."""
        was_running = self.running
        self._signal(signal.SIGKILL)
        # Frozen children would never notice that their parent is gone.
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
    """Move a large log aside and keep one former log. A part that runs for months must not fill the disk."""
    with contextlib.suppress(OSError):
        if log_path.stat().st_size > _LOG_LARGEST_BYTES:
            log_path.replace(log_path.with_name(f"{log_path.name}.1"))


def _send(pid: int, sign: signal.Signals) -> None:
    # The process ended before the signal, which is the wanted result.
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, sign)
