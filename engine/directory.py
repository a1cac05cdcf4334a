"""Logical name to live actor. Only the supervisor writes; everyone sends through it."""

from __future__ import annotations

import queue
from dataclasses import dataclass
from typing import Any, cast

import pykka

__all__ = ["Directory", "Entry", "Heartbeat"]


class Heartbeat:
    """What one actor shows of its being alive, written by its own thread only.

    ``beat_at_s`` is the monotonic time of the last message it began or finished; the counters run
    over the life of the name, so they are handed from one generation to the next.
    """

    __slots__ = ("beat_at_s", "handled", "unknown")

    def __init__(self, beat_at_s: float) -> None:
        self.beat_at_s = beat_at_s
        self.handled = 0
        self.unknown = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A live actor: its reference, its generation (raised at each restart) and its vitals."""

    ref: pykka.ActorRef[Any]
    generation: int
    heartbeat: Heartbeat


class Directory:
    """The phone book. Replacing an entry is one dictionary assignment, so readers need no lock."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._misses: dict[str, int] = {}
        self._gone: set[str] = set()

    def enter(self, name: str, entry: Entry) -> None:
        """Make ``entry`` the holder of ``name``."""
        self._gone.discard(name)
        self._entries[name] = entry

    def remove(self, name: str) -> None:
        """Forget ``name``: it is not down but gone, so what is still told to it is no miss."""
        self._gone.add(name)
        self._entries.pop(name, None)
        self._misses.pop(name, None)

    def find(self, name: str) -> Entry | None:
        """Return the holder of ``name``, dead or alive, or None."""
        return self._entries.get(name)

    def names(self) -> tuple[str, ...]:
        """Return all names held, in order of entering."""
        return tuple(self._entries)

    def send(self, name: str, message: object) -> bool:
        """Tell ``name`` the message; False, and counted, when nobody alive holds the name.

        Losing it is safe by design: whatever it spoke of is unacknowledged and comes again.
        """
        entry = self._entries.get(name)
        if entry is not None:
            try:
                entry.ref.tell(message)
            except pykka.ActorDeadError:
                pass
            else:
                return True
        if name not in self._gone:
            self._misses[name] = self._misses.get(name, 0) + 1
        return False

    def misses(self) -> dict[str, int]:
        """Return how many messages found nobody, by name."""
        return dict(self._misses)

    def depth(self, name: str) -> int:
        """Return the number of messages waiting in the mailbox of ``name``."""
        entry = self._entries.get(name)
        # ThreadingActor's inbox is a queue.Queue; Pykka's protocol for inboxes does not promise qsize
        return cast("queue.Queue[object]", entry.ref.actor_inbox).qsize() if entry else 0
