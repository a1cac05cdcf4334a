"""What a supervisor knows of its children: the record of each, the table of all, and what it shows of them."""

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


class ChildTable:
    """The records of all children. Only their supervisor touches it."""

    def __init__(self, specs: Sequence[ChildSpec], now: datetime) -> None:
        names = [spec.name for spec in specs]
        if len(set(names)) != len(names):
            raise ValueError(f"child names must be unique: {names}")
        self._children = [Child(spec, RestartLimit(), now) for spec in specs]
        self._left: dict[str, int] = {}

    def __iter__(self) -> Iterator[Child]:
        """Go through the children in start order; one may leave meanwhile."""
        return iter(tuple(self._children))

    def __reversed__(self) -> Iterator[Child]:
        return reversed(tuple(self._children))

    def __len__(self) -> int:
        return len(self._children)

    def find(self, name: str) -> Child | None:
        """Return the child of this name."""
        return next((child for child in self._children if child.spec.name == name), None)

    def current(self, name: str, generation: int) -> Child | None:
        """Return the child a message speaks of; None when the sender is of an earlier generation."""
        child = self.find(name)
        return child if child is not None and child.generation == generation else None

    def add(self, spec: ChildSpec, now: datetime) -> Child:
        """Add a child at the end.

        Its generations go on where a former holder of the name ended: a word to that one, or of it, that is
        still under way (``BatchCommitted`` names its batch) must not be taken as the new one's.
        """
        child = Child(spec, RestartLimit(), now, generation=self._left.get(spec.name, 0))
        self._children.append(child)
        return child

    def put_off(self, seconds: float) -> None:
        """Move what each child has to be done by."""
        for child in self._children:
            child.deadline_s += seconds

    def remove(self, child: Child) -> None:
        """Take a child off; its generations are remembered."""
        self._children.remove(child)
        self._left[child.spec.name] = child.generation

    def sources(self) -> list[Child]:
        """Return the sources that can still answer; one that is down has nothing in flight."""
        answering = (ChildState.RUNNING, ChildState.LEAVING)
        return [child for child in self._children if child.spec.source and child.state in answering]

    def snapshot(
        self, services: Services, phase: Phase, *, escalation: str | None, unacknowledged: int
    ) -> SupervisorSnapshot:
        """Return the whole family as others may see it."""
        now_s, depth = services.clock.monotonic_s(), services.directory.depth
        return SupervisorSnapshot(
            phase=phase,
            children=tuple(child.snapshot(now_s, depth(child.spec.name)) for child in self._children),
            escalation=escalation,
            unacknowledged=unacknowledged,
        )

    def is_backed(self, child: Child) -> bool:
        """Return whether another child of its group runs: then the daemon is worth keeping without it."""
        return child.spec.group is not None and any(
            other is not child and other.spec.group == child.spec.group and other.state is ChildState.RUNNING
            for other in self._children
        )
