"""What a supervisor knows of its children: the spec (frozen), the record (its own), the snapshot (shown)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import pykka

from engine.actor import Context
from engine.directory import Heartbeat

__all__ = [
    "Child",
    "ChildSnapshot",
    "ChildSpec",
    "ChildState",
    "Phase",
    "RestartLimit",
    "SupervisorSnapshot",
]

Factory = Callable[[Context], "pykka.ActorRef[Any]"]


class ChildState(StrEnum):
    """Where a child stands.

    ``parked``: given up for a while, tried again later. ``leaving``: told to drain and stop for good; one
    that does not stop is shown as ``stopping``.
    """

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    RESTARTING = "restarting"
    PARKED = "parked"
    HUNG = "hung"
    LEAVING = "leaving"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Phase(StrEnum):
    """Where the supervisor itself stands."""

    STARTING = "starting"
    RUNNING = "running"
    DRAINING = "draining"
    STOPPING = "stopping"
    STOPPED = "stopped"


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


class RestartLimit:
    """Restart intensity: at most ``intensity`` restarts within ``period_s`` (Erlang's rule)."""

    def __init__(self, intensity: int = 5, period_s: float = 60.0) -> None:
        self.intensity = intensity
        self.period_s = period_s
        self._stamps: deque[float] = deque()

    def exceeded_by_another(self, now_s: float) -> bool:
        """Record a restart at ``now_s``; True when it is one too many."""
        self._stamps.append(now_s)
        while now_s - self._stamps[0] > self.period_s:
            self._stamps.popleft()
        return len(self._stamps) > self.intensity

    @property
    def recent(self) -> int:
        """Number of restarts in the period that ended with the last one."""
        return len(self._stamps)

    def clear(self) -> None:
        """Forget all: a parked child that is tried again starts with a clean record."""
        self._stamps.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSnapshot:
    """One child as others see it. ``beat_age_s`` is the age of its last sign of life."""

    name: str
    state: ChildState
    generation: int
    restarts: int
    last_error: str | None
    since: datetime
    beat_age_s: float
    mailbox: int
    unknown: int


@dataclass(slots=True)
class Child:
    """The supervisor's own record of one child."""

    spec: ChildSpec
    limit: RestartLimit
    since: datetime
    state: ChildState = ChildState.WAITING
    generation: int = 0
    restarts: int = 0
    last_error: str | None = None
    ref: pykka.ActorRef[Any] | None = None
    heartbeat: Heartbeat = field(default_factory=lambda: Heartbeat(0.0))
    deadline_s: float = 0.0
    drained: bool = False
    told_to_stop: bool = False

    @property
    def is_up(self) -> bool:
        """Whether it starts, runs or hangs: its death would be news."""
        return self.state in (ChildState.STARTING, ChildState.RUNNING, ChildState.HUNG)

    @property
    def is_leaving(self) -> bool:
        """Whether it was told to go."""
        return self.state in (ChildState.LEAVING, ChildState.STOPPING)

    def change(self, state: ChildState, at: datetime) -> None:
        """Go over to ``state`` at the instant ``at``."""
        self.state = state
        self.since = at

    def snapshot(self, now_s: float, mailbox: int) -> ChildSnapshot:
        """Return this record as others may see it."""
        return ChildSnapshot(
            name=self.spec.name,
            state=self.state,
            generation=self.generation,
            restarts=self.restarts,
            last_error=self.last_error,
            since=self.since,
            beat_age_s=max(0.0, now_s - self.heartbeat.beat_at_s),
            mailbox=mailbox,
            unknown=self.heartbeat.unknown,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorSnapshot:
    """The whole family. ``unacknowledged`` counts what sources left open when they drained."""

    phase: Phase
    children: tuple[ChildSnapshot, ...]
    escalation: str | None = None
    unacknowledged: int = 0
