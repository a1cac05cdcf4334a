"""How an actor is made: what it is given, and what its supervisor is told of it.

Messages name a spec, actors know messages, the supervisor knows both: this file knows none of them.
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
    """What every actor is given: whom to reach, where to show itself, and time."""

    directory: Directory
    snapshots: Snapshots
    timers: Timers
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One actor's place in the world: its logical name and its generation (1, 2, ...)."""

    name: str
    generation: int
    services: Services
    heartbeat: Heartbeat


Factory = Callable[[Context], "pykka.ActorRef[Any]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """How to run one child.

    ``factory`` starts the actor and returns its reference. A ``source`` is drained before the stop.
    ``parkable``: too many restarts park it instead of ending the daemon; so they do one of a ``group``
    while another child of that group runs. Neighbours that are of a group, whichever, are stopped together.
    ``heartbeat_limit_s`` is longer than any outside call the child makes. ``interrupt`` ends a long outside
    call of the child, so that it can drain and stop; it is called from the supervisor's thread.
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
