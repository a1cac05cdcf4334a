"""The inputs of the checks. Tests pass their own clock and disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from config import Settings
from engine.clock import Clock, SystemClock
from engine.timers import Timers
from ops.doctor.clocks import ClockOffsets

__all__ = ["CheckContext", "DiskUsage"]


class DiskUsage(Protocol):
    """The result of :func:`shutil.disk_usage`."""

    @property
    def total(self) -> int:
        """The size of the disk in bytes."""
        ...

    @property
    def free(self) -> int:
        """The bytes that an ordinary user can still write."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContext:
    """The settings, the machine, and measurements that families of checks share.

    ``folder`` is the daemon's working folder, with its ``.env`` and the data of a local stack. ``connect_s`` limits
    the seconds for a connection, ``answer_s`` those for an answer.
    """

    settings: Settings
    timers: Timers
    # a serverless database may need a few seconds to start
    connect_s: int = 6
    answer_s: float = 3.0
    clock: Clock = field(default_factory=SystemClock)
    folder: Path = field(default_factory=Path.cwd)
    disk_usage: Callable[[Path], DiskUsage] = shutil.disk_usage
    clocks: ClockOffsets = field(default_factory=ClockOffsets)
