"""What a supervisor knows about its children: a record of each, the table of all, and their snapshots."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import pykka

from engine.directory import Heartbeat
from engine.spec import ChildSpec, Services

__all__ = [
    "Child",
    "ChildSnapshot",
    "ChildState",
    "ChildTable",
    "Phase",
    "RestartLimit",
    "SupervisorSnapshot",
]


class ChildState(StrEnum):
    """The state of a child.

    ``parked``: it died too often and is started again after a long pause. ``leaving``: it was told to drain
    and stop for good. A leaving child that does not stop in time becomes ``stopping``.
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
    """The state of the supervisor itself."""

    STARTING = "starting"
    RUNNING = "running"
    DRAINING = "draining"
    STOPPING = "stopping"
    STOPPED = "stopped"


class RestartLimit:
    """Restart intensity: at most ``intensity`` restarts within ``period_s`` (Erlang's rule)."""

    def __init__(self, intensity: int = 5, period_s: float = 60.0) -> None:
        self.intensity = intensity
        self.period_s = period_s
        self._stamps: deque[float] = deque()

    def exceeded_by_another(self, now_s: float) -> bool:
        """Record a restart at ``now_s``. Return True when it exceeds the limit."""
        self._stamps.append(now_s)
        while now_s - self._stamps[0] > self.period_s:
            self._stamps.popleft()
        return len(self._stamps) > self.intensity

    @property
    def recent(self) -> int:
        """Number of restarts in the period that ends with the newest restart."""
        return len(self._stamps)

    def clear(self) -> None:
        """Forget every restart. A parked child starts again with an empty record."""
        self._stamps.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSnapshot:
    """One child as others see it. ``beat_age_s`` is the age of its last heartbeat."""

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
        """Whether it starts, runs or hangs. Only then is its death an event to handle.

        A death is seen in two ways: the look finds the actor dead, or ``ChildDown`` arrives. The first one changes
        the state, so the second one is ignored and a death counts as one restart.
        """
        return self.state in (ChildState.STARTING, ChildState.RUNNING, ChildState.HUNG)

    @property
    def is_leaving(self) -> bool:
        """Whether it was told to drain and stop for good."""
        return self.state in (ChildState.LEAVING, ChildState.STOPPING)

    def change(self, state: ChildState, at: datetime) -> None:
        """Set the state, which holds since the instant ``at``."""
        self.state = state
        self.since = at

    def snapshot(self, now_s: float, mailbox: int) -> ChildSnapshot:
        """Return an immutable view of this record."""
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
    """The supervisor and all its children.

    ``unacknowledged`` counts the messages that sources had not acknowledged when they had drained.
    """

    phase: Phase
    children: tuple[ChildSnapshot, ...]
    escalation: str | None = None
    unacknowledged: int = 0


class ChildTable:
    """The records of all children. Only the supervisor's thread uses it."""

    def __init__(self, specs: Sequence[ChildSpec], now: datetime) -> None:
        names = [spec.name for spec in specs]
        if len(set(names)) != len(names):
            raise ValueError(f"child names must be unique: {names}")
        self._children = [Child(spec, RestartLimit(), now) for spec in specs]
        self._left: dict[str, int] = {}

    def __iter__(self) -> Iterator[Child]:
        """Iterate over the children in start order. The caller may remove a child meanwhile."""
        return iter(tuple(self._children))

    def __reversed__(self) -> Iterator[Child]:
        return reversed(tuple(self._children))

    def __len__(self) -> int:
        return len(self._children)

    def find(self, name: str) -> Child | None:
        """Return the child of this name."""
        return next((child for child in self._children if child.spec.name == name), None)

    def current(self, name: str, generation: int) -> Child | None:
        """Return the child that sent a message, or None when an earlier generation sent it.

        Messages of a dead generation may still be queued when its successor runs. They must not change the record
        of the successor: a late ``ChildDown`` would restart a healthy actor, and a late ``Drained`` would end its
        drain too early.
        """
        child = self.find(name)
        return child if child is not None and child.generation == generation else None

    def add(self, spec: ChildSpec, now: datetime) -> Child:
        """Add a child at the end.

        A removed child may have had the same name, and messages to it or from it may still be queued. Its
        generation numbers continue here, so that no such message is taken for one of the new child.
        """
        child = Child(spec, RestartLimit(), now, generation=self._left.get(spec.name, 0))
        self._children.append(child)
        return child

    def put_off(self, seconds: float) -> None:
        """Move the deadline of every child."""
        for child in self._children:
            child.deadline_s += seconds

    def remove(self, child: Child) -> None:
        """Remove a child. Its last generation is remembered for :meth:`add`."""
        self._children.remove(child)
        self._left[child.spec.name] = child.generation

    def sources(self) -> list[Child]:
        """Return the sources that can still answer. A source that is down has nothing in flight."""
        answering = (ChildState.RUNNING, ChildState.LEAVING)
        return [child for child in self._children if child.spec.source and child.state in answering]

    def snapshot(
        self, services: Services, phase: Phase, *, escalation: str | None, unacknowledged: int
    ) -> SupervisorSnapshot:
        """Return an immutable view of the supervisor and all children."""
        now_s, depth = services.clock.monotonic_s(), services.directory.depth
        return SupervisorSnapshot(
            phase=phase,
            children=tuple(child.snapshot(now_s, depth(child.spec.name)) for child in self._children),
            escalation=escalation,
            unacknowledged=unacknowledged,
        )

    def is_backed(self, child: Child) -> bool:
        """Return whether another child of its group runs. Then the daemon is still useful without this child."""
        return child.spec.group is not None and any(
            other is not child and other.spec.group == child.spec.group and other.state is ChildState.RUNNING
            for other in self._children
        )
