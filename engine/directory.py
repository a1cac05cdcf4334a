"""Maps logical names to live actors. Only the supervisor writes it; every actor sends through it."""

from __future__ import annotations

import queue
from dataclasses import dataclass
from typing import Any, cast

import pykka

__all__ = ["Directory", "Entry", "Heartbeat"]


class Heartbeat:
    """The heartbeat and counters of one actor. Only the actor's own thread writes them.

    ``beat_at_s`` is the monotonic time when it last began or finished a message. The counters belong to the
    name, so each generation passes them on to the next.
    """

    __slots__ = ("beat_at_s", "handled", "unknown")

    def __init__(self, beat_at_s: float) -> None:
        self.beat_at_s = beat_at_s
        self.handled = 0
        self.unknown = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A live actor: its reference, its generation (raised at each restart) and its heartbeat."""

    ref: pykka.ActorRef[Any]
    generation: int
    heartbeat: Heartbeat


class Directory:
    """The actor of each name. An update is one dictionary assignment, so readers need no lock."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._misses: dict[str, int] = {}
        self._gone: set[str] = set()

    def enter(self, name: str, entry: Entry) -> None:
        """Register ``entry`` under ``name``, in place of an earlier one."""
        self._gone.discard(name)
        self._entries[name] = entry

    def remove(self, name: str) -> None:
        """Remove ``name`` for good. Messages that are still sent to it do not count as misses."""
        self._gone.add(name)
        self._entries.pop(name, None)
        self._misses.pop(name, None)

    def find(self, name: str) -> Entry | None:
        """Return the entry of ``name``, or None. Its actor may be dead."""
        return self._entries.get(name)

    def names(self) -> tuple[str, ...]:
        """Return all names in the order of their registration."""
        return tuple(self._entries)

    def send(self, name: str, message: object) -> bool:
        """Tell the actor ``name`` the message. Return False, and count a miss, when no live actor has this name.

        A lost message is safe by design: what it was about is not acknowledged and is fetched again.
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
        """Return the number of messages that found no live actor, by name."""
        return dict(self._misses)

    def depth(self, name: str) -> int:
        """Return the number of messages waiting in the mailbox of ``name``."""
        entry = self._entries.get(name)
        # ThreadingActor's inbox is a queue.Queue. Pykka's inbox protocol does not declare qsize.
        return cast("queue.Queue[object]", entry.ref.actor_inbox).qsize() if entry else 0
