"""``tp-capital`` as processes of their own that start at once: forked off one process that has imported everything.

A start of the interpreter with all imports takes over a second of a processor, and a run has hundreds of them. The
fork server is multiprocessing's. It has no threads and opens nothing, so a fork of it is as good as a new process.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ops.cli import COMMANDS, main

__all__ = ["ForkedCommand", "run_forked"]

_CONTEXT = multiprocessing.get_context("forkserver")
# the module of the test run too: each fork would import it anew, as multiprocessing's children do
_CONTEXT.set_forkserver_preload(
    ["__main__", *sorted({place.partition(":")[0] for place in COMMANDS.values()})]
)
_DEADLINE_S = 100.0


class ForkedCommand:
    """One command as a process, with what tests ask of a ``subprocess.Popen``.

    Args:
        environment: All its variables.
        folder: Where it works.
        log: File to which its standard output is appended.
        errors: File for its standard error, if that is another one.
        given: File that is its standard input.

    """

    def __init__(
        self,
        *arguments: str,
        environment: Mapping[str, str],
        folder: Path,
        log: Path,
        errors: Path | None = None,
        given: Path = Path(os.devnull),
    ) -> None:
        streams = (given, log, errors or log)
        self._process = _CONTEXT.Process(
            target=_become, args=(arguments, dict(environment), folder, streams), daemon=True
        )
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Return the exit code, the negative signal if one has ended it; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout_s: float) -> int:
        """Wait for its end and return the exit code."""
        self._process.join(timeout_s)
        if (code := self.poll()) is None:
            raise subprocess.TimeoutExpired("tp-capital", timeout_s)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, unless it has ended."""
        self.send_signal(signal.SIGKILL)


def run_forked(
    *arguments: str, environment: Mapping[str, str], folder: Path, given: bytes = b""
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with ``given`` on its standard input."""
    with tempfile.TemporaryDirectory() as place:
        stdin, stdout, stderr = (Path(place, name) for name in ("in", "out", "err"))
        stdin.write_bytes(given)
        command = ForkedCommand(
            *arguments, environment=environment, folder=folder, log=stdout, errors=stderr, given=stdin
        )
        try:
            code = command.wait(_DEADLINE_S)
        finally:
            command.kill()
        return subprocess.CompletedProcess(
            arguments, code, stdout.read_text("utf-8"), stderr.read_text("utf-8")
        )


def _become(
    arguments: tuple[str, ...], environment: dict[str, str], folder: Path, streams: tuple[Path, Path, Path]
) -> None:
    """Be the command, as a shell would have started it."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, path in enumerate(streams):
        kind = os.O_WRONLY | os.O_APPEND | os.O_CREAT if number else os.O_RDONLY
        opened = os.open(path, kind, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - the fork server has closed its own
    sys.argv = ["tp-capital", *arguments]
    main()
