"""The file that lists the started processes of a demo or a stack, in order. Every start writes it; stopping reads it."""

from __future__ import annotations

import fcntl
import json
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from ops.local._listeners import may_listen
from ops.local._processes import command_line_of
from ops.local.ports import HOST
from ops.local.postgres import LocalPostgres
from ops.local.private_files import write_private
from ops.local.process import LocalServerError, OwnedProcess, ServerBusyError

__all__ = ["PartState", "PartsFile", "StartedPart"]

#: the engine drains for up to 10 s
_STOP_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedPart:
    """A part that was started. ``command`` distinguishes it from a later process with the same id."""

    name: str
    host: str
    port: int
    pid: int
    command: tuple[str, ...]
    log: str

    @classmethod
    def of(cls, name: str, process: OwnedProcess | LocalPostgres, *, port: int) -> Self:
        """Return the entry of a started process."""
        assert process.pid is not None  # noqa: S101 - it was started
        return cls(
            name=name,
            host=HOST,
            port=port,
            pid=process.pid,
            command=process.command,
            log=str(process.log_path),
        )

    @property
    def running(self) -> bool:
        """Whether that same process still runs."""
        return command_line_of(self.pid) == self.command

    def stop(self) -> bool:
        """Stop it, and return whether it ran."""
        if not self.running:
            return False
        fast = signal.SIGINT if self.name == "database" else signal.SIGTERM
        process = OwnedProcess(self.name, self.command, log_path=Path(self.log), stop_signal=fast)
        process.adopt(self.pid)
        process.stop(deadline_s=_STOP_S)
        return True

    @property
    def listens(self) -> bool:
        """Whether this process, and no other, answers on its port."""
        return may_listen(self.pid, self.port)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartState:
    """The state of a part. ``says`` tells why it is unhealthy, or a detail of a healthy part."""

    part: StartedPart
    healthy: bool
    says: str


class PartsFile:
    """``parts.json`` in the folder of a demo or a stack."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "parts.json"

    @contextmanager
    def locked(self, *, busy: str) -> Iterator[None]:
        """Lock the folder for this process. The kernel releases the lock if the process is killed.

        Raises:
            ServerBusyError: another process holds the lock; ``busy`` is the text.
        """
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ServerBusyError(busy) from None
            yield
        finally:
            os.close(folder)

    def read(self) -> tuple[StartedPart, ...]:
        """Return the parts in the order of their starts. Without a file there are none.

        Raises:
            LocalServerError: the file is damaged.
        """
        try:
            entries = json.loads(self._path.read_text())
            return tuple(StartedPart(**{**entry, "command": tuple(entry["command"])}) for entry in entries)
        except FileNotFoundError:
            return ()
        except (ValueError, TypeError, KeyError) as error:
            raise LocalServerError(
                f"{self._path} cannot be read ({error}): stop what still runs by hand, then remove it."
            ) from error

    def write(self, parts: Sequence[StartedPart]) -> None:
        """Replace the file as a whole."""
        write_private(self._path, json.dumps([asdict(part) for part in parts], indent=1))

    def stop_all(self) -> list[str]:
        """Stop all running parts, the last started first, and clear the file. Return the names of the stopped parts."""
        stopped = []
        parts = list(self.read())
        while parts:
            part = parts.pop()
            if part.stop():
                stopped.append(part.name)
            self.write(parts)
        return stopped
