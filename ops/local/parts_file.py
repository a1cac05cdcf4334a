"""Which processes of a local stack were started, in order: written at each start, read by whoever stops them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ops.local._listeners import may_listen
from ops.local._processes import command_line_of
from ops.local.private_files import write_private
from ops.local.process import LocalServerError

__all__ = ["PartState", "PartsFile", "StartedPart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedPart:
    """A part that was started. ``command`` tells it from a stranger that got its process id since."""

    name: str
    host: str
    port: int
    pid: int
    command: tuple[str, ...]
    log: str

    @property
    def running(self) -> bool:
        """Whether that very process is there now."""
        return command_line_of(self.pid) == self.command

    @property
    def listens(self) -> bool:
        """Whether it is this process that answers on its port."""
        return may_listen(self.pid, self.port)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartState:
    """How a part is. ``says`` is why it is not healthy, or what a healthy one adds."""

    part: StartedPart
    healthy: bool
    says: str


class PartsFile:
    """``parts.json`` in the stack's folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "parts.json"

    def read(self) -> tuple[StartedPart, ...]:
        """Return the parts in the order of their starts; none when no stack was started here.

        Raises:
            LocalServerError: the file was damaged.
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
