"""Immutable snapshots that actors publish. Publishing swaps one reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from engine.clock import Clock

__all__ = ["Published", "Snapshots"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Published(Generic[T]):
    """A snapshot and the time of its publication (monotonic seconds). The reader judges its age."""

    value: T
    at_s: float


class Snapshots:
    """Snapshots by the logical name of their publisher.

    Any thread may read them without a lock. A publisher replaces one dictionary entry, which is atomic, and a
    published snapshot never changes. Each name has one publisher, so no two threads write one entry.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[str, Published[object]] = {}

    def publish(self, name: str, snapshot: object) -> None:
        """Replace the snapshot of ``name``."""
        self._entries[name] = Published(snapshot, self._clock.monotonic_s())

    def remove(self, name: str) -> None:
        """Remove the snapshot of ``name`` if there is one. Its actor publishes no more."""
        self._entries.pop(name, None)

    def read(self, name: str, kind: type[T]) -> Published[T] | None:
        """Return the newest snapshot of ``name`` if there is one and it is a ``kind``.

        As long as nothing new is published, it is the same object.
        """
        entry = self._entries.get(name)
        if entry is None or not isinstance(entry.value, kind):
            return None
        return cast("Published[T]", entry)

    def all_of(self, kind: type[T]) -> dict[str, Published[T]]:
        """Return the newest snapshots of one kind, by name of publisher."""
        # A publisher may be added or removed meanwhile, and iteration fails when the dictionary changes its size.
        # dict.copy() is atomic for other threads. list(items()) is not: it allocates tuples, which can start
        # the garbage collector, and then another thread may run.
        return {
            name: Published(entry.value, entry.at_s)
            for name, entry in self._entries.copy().items()
            if isinstance(entry.value, kind)
        }

    def age_s(self, published: Published[T]) -> float:
        """Return the seconds since ``published`` was published."""
        return max(0.0, self._clock.monotonic_s() - published.at_s)
