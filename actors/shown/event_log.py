"""The event log: the latest committed events, kept once for all clients.

One actor appends, and many streams read, each from its own place. No reader has a queue, so a slow reader uses no
memory but its connection.

The lock covers each change and each read of the events, so a reader never sees half a change. Listeners are called
outside the lock, because they may call the log again.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from storage.pages import EVENTS_BYTES

__all__ = ["EventLog", "EventPage", "LoggedEvent", "Position", "Reached"]

_LAST_ID = 2**63 - 1


class Position(NamedTuple):
    """A place in the order of commits: everything up to signal ``id`` of commit ``number`` has been read."""

    number: int
    id: int

    @classmethod
    def end_of(cls, number: int) -> Position:
        """Return the place after the last signal of a commit."""
        return cls(number, _LAST_ID)

    def __str__(self) -> str:
        """Return the form that clients receive: ``12-345``, or ``12`` at the end of a commit."""
        return str(self.number) if self.id == _LAST_ID else f"{self.number}-{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEvent:
    """An added, changed or removed signal, with the values that readers filter by, and the bytes to send.

    ``outcome`` is what prices say of it, None for nothing. ``kind`` is the event's name.
    """

    place: Position
    channel: str
    asset: str
    signal_type: str
    side: str
    outcome: str | None = None
    kind: str = "signal"
    frame: bytes


class Reached(Enum):
    """Where a reader's place lies, compared with the event log."""

    #: the log holds everything after the place
    WITHIN = "within"
    #: the log no longer holds all of it, so the reader must ask the database
    BEHIND = "behind"
    #: the place is newer than the log: another daemon of this database sent it, or the database was restored
    AHEAD = "ahead"
    #: the newest commit number of the database is not known yet
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Some events in order, and the place that a reader has reached after them.

    ``newest`` is the log's own place. ``turn`` counts how often the log was reset because the database was restored:
    the commits that a reader knows from an earlier turn no longer exist.
    """

    reached: Reached
    turn: int
    events: Sequence[LoggedEvent] = ()
    place: Position | None = None
    newest: Position | None = None


class EventLog:
    """The newest events within ``max_bytes``, and the listeners to wake. It is safe for threads."""

    def __init__(self, *, max_bytes: int = EVENTS_BYTES) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._listeners: set[Callable[[], None]] = set()
        self._events: list[LoggedEvent] = []
        self._bytes = 0
        self._floor: Position | None = None
        self._newest: Position | None = None
        self._began: Position | None = None
        self._turn = 0

    @property
    def began(self) -> Position | None:
        """The place where the log first began, or None while the database's number is not known."""
        return self._began

    @property
    def turn(self) -> int:
        """How often the log was reset."""
        return self._turn

    @property
    def newest(self) -> Position | None:
        """The place up to which the log has read, or None while the database's number is not known."""
        return self._newest

    def restart(self, place: Position) -> None:
        """Begin at ``place``: at the start, or because the database has lost commits."""
        with self._lock:
            self._events, self._bytes = [], 0
            self._turn += self._newest is not None
            self._floor = self._newest = place
            self._began = self._began or place
        self.wake()

    def append(self, events: Sequence[LoggedEvent], newest: Position) -> None:
        """Append the events up to ``newest``. Drop the oldest events above ``max_bytes``."""
        with self._lock:
            self._events += events
            self._bytes += sum(len(event.frame) for event in events)
            self._newest = newest
            gone = 0
            while self._bytes > self._max_bytes:
                self._bytes -= len(self._events[gone].frame)
                gone += 1
            if gone:
                self._floor = self._events[gone - 1].place
                del self._events[:gone]
        self.wake()

    def pass_over(self, newest: Position) -> bool:
        """Advance to ``newest`` without its events, if there is no listener. A later reader asks the database."""
        with self._lock:
            if self._listeners:
                return False
            self._events, self._bytes = [], 0
            self._floor = self._newest = newest
            return True

    def after(self, place: Position, *, max_events: int) -> EventPage:
        """Return the events after ``place``."""
        with self._lock:
            if self._newest is None or self._floor is None:
                return EventPage(reached=Reached.UNKNOWN, turn=self._turn)
            if place > self._newest:
                return EventPage(reached=Reached.AHEAD, turn=self._turn, newest=self._newest)
            if place < self._floor:
                return EventPage(reached=Reached.BEHIND, turn=self._turn, newest=self._newest)
            start = bisect_right(self._events, place, key=lambda event: event.place)
            events = self._events[start : start + max_events]
            all_of_it = start + len(events) == len(self._events)
            reached = self._newest if all_of_it else events[-1].place
            return EventPage(
                reached=Reached.WITHIN, turn=self._turn, events=events, place=reached, newest=self._newest
            )

    def listen(self, wake: Callable[[], None]) -> None:
        """Call ``wake``, in the appending thread, whenever there are more events."""
        with self._lock:
            self._listeners.add(wake)

    def unlisten(self, wake: Callable[[], None]) -> None:
        """Stop calling ``wake``."""
        with self._lock:
            self._listeners.discard(wake)

    def wake(self) -> None:
        """Wake all listeners."""
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()
