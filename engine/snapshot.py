"""What actors show the world: immutable snapshots on a board, one reference swapped at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.clock import Clock

__all__ = ["Published", "Snapshots"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Published(Generic[T]):
    """A snapshot and the instant of its publishing (monotonic seconds); the reader judges its age."""

    value: T
    at_s: float


class Snapshots:
    """Snapshots by the logical name of their publisher.

    Safe to read from any thread without a lock: a publisher replaces one dictionary entry, which is
    atomic, and what it put there never changes. Each name has one publisher.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[str, Published[object]] = {}

    def publish(self, name: str, snapshot: object) -> None:
        """Replace the snapshot of ``name``."""
        self._entries[name] = Published(snapshot, self._clock.monotonic_s())

    def remove(self, name: str) -> None:
        """Forget the snapshot of ``name``, which publishes no more; without one, nothing happens."""
        self._entries.pop(name, None)

    def read(self, name: str, kind: type[T]) -> Published[T] | None:
        """Return the newest snapshot of ``name`` if there is one and it is a ``kind``."""
        entry = self._entries.get(name)
        if entry is None or not isinstance(entry.value, kind):
            return None
        return Published(entry.value, entry.at_s)

    def all_of(self, kind: type[T]) -> dict[str, Published[T]]:
        """Return the newest snapshots of one kind, by publisher."""
        # a publisher that comes or goes resizes the dictionary. A copy is one step for other threads;
        # list(items()) is not: its tuples let the garbage collector, and with it another thread, in between
        return {
            name: Published(entry.value, entry.at_s)
            for name, entry in self._entries.copy().items()
            if isinstance(entry.value, kind)
        }

    def age_s(self, published: Published[T]) -> float:
        """Return the seconds since ``published`` was shown."""
        return max(0.0, self._clock.monotonic_s() - published.at_s)
