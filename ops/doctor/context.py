"""What the checks look at and measure with; tests pass their own clock and disk."""

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
    """What :func:`shutil.disk_usage` returns."""

    @property
    def total(self) -> int:
        """The bytes the disk has."""
        ...

    @property
    def free(self) -> int:
        """The bytes an ordinary user may still write."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContext:
    """The settings, the machine, and what families of checks learn for one another.

    ``folder`` is where the daemon runs, with its ``.env`` and the data of a local stack. ``connect_s`` and
    ``answer_s`` are how many seconds a connection and an answer may take.
    """

    settings: Settings
    timers: Timers
    # a serverless database may take a few seconds to wake
    connect_s: int = 6
    answer_s: float = 3.0
    clock: Clock = field(default_factory=SystemClock)
    folder: Path = field(default_factory=Path.cwd)
    disk_usage: Callable[[Path], DiskUsage] = shutil.disk_usage
    clocks: ClockOffsets = field(default_factory=ClockOffsets)
