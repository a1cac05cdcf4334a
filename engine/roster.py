"""ChildTable: a supervisor's children in start order, and the generations of those that have left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from engine.actor import Services
from engine.children import Child, ChildSpec, ChildState, Phase, RestartLimit, SupervisorSnapshot

__all__ = ["ChildTable"]


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
