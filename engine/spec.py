"""How an actor is made: what it receives, and what its supervisor must know about it.

Messages, actors and the supervisor all import this file. It imports none of them, so there is no import cycle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pykka

from engine.clock import Clock
from engine.directory import Directory, Heartbeat
from engine.snapshot import Snapshots
from engine.timers import Timers

__all__ = ["SUPERVISOR", "ChildSpec", "Context", "Factory", "Services"]

#: logical name under which children reach their supervisor
SUPERVISOR = "supervisor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What every actor receives: the directory, the snapshots, the timers and the clock."""

    directory: Directory
    snapshots: Snapshots
    timers: Timers
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The identity of one actor, its logical name and generation (1, 2, ...), with its services and heartbeat."""

    name: str
    generation: int
    services: Services
    heartbeat: Heartbeat


Factory = Callable[[Context], "pykka.ActorRef[Any]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """How to run one child.

    ``factory`` starts the actor and returns its reference. A ``source`` is drained before it is stopped.
    ``parkable``: too many restarts park the child and do not end the daemon. The same holds for a child of a
    ``group`` while another child of that group runs. Adjacent children that belong to groups are stopped
    together. ``heartbeat_limit_s`` is longer than any outside call of the child. ``interrupt`` ends a long
    outside call, so that the child can drain and stop; the supervisor's thread calls it.
    """

    name: str
    factory: Factory
    source: bool = False
    parkable: bool = False
    group: str | None = None
    interrupt: Callable[[], None] | None = None
    start_s: float = 30.0
    shutdown_s: float = 2.0
    heartbeat_limit_s: float = 30.0

    @property
    def ping_after_s(self) -> float:
        """After so long without a heartbeat the child is pinged. Most children have work of their own before."""
        return self.heartbeat_limit_s / 10
