"""The event log: what was committed lately, kept once for all who listen.

One actor appends, many streams read, each from its own place: there is no queue per reader, so a slow one
costs nothing but its connection.
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
    """A place in the order of commits: all up to signal ``id`` of commit ``number`` has been seen."""

    number: int
    id: int

    @classmethod
    def end_of(cls, number: int) -> Position:
        """Return the place after everything of a commit."""
        return cls(number, _LAST_ID)

    def __str__(self) -> str:
        """Return the form a client is given: ``12-345``, or ``12`` at the end of a commit."""
        return str(self.number) if self.id == _LAST_ID else f"{self.number}-{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEvent:
    """A signal that came or went, with what readers filter by, and the form in which it is sent."""

    place: Position
    channel: str
    asset: str
    signal_type: str
    side: str
    frame: bytes


class Reached(Enum):
    """What a reader's place is to the event log."""

    #: everything after the place is here
    WITHIN = "within"
    #: some of it is no longer kept: read it from the database
    BEHIND = "behind"
    #: the place lies ahead of the event log: another daemon of this database has told it, or the database was restored
    AHEAD = "ahead"
    #: the database has not told its number yet
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Some events, in order, and the place a reader has reached with them; ``newest`` is the event log's own.

    ``turn``: how often the event log was set back. What a reader holds of an earlier turn was taken back.
    """

    reached: Reached
    turn: int
    events: Sequence[LoggedEvent] = ()
    place: Position | None = None
    newest: Position | None = None


class EventLog:
    """The newest events within ``max_bytes``, and who is woken when there are more. Safe for threads."""

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
        """The place the event log first began at; None before the database has told its number."""
        return self._began

    @property
    def turn(self) -> int:
        """How often the event log was set back."""
        return self._turn

    @property
    def newest(self) -> Position | None:
        """The place up to which the event log has read; None before the database has told its number."""
        return self._newest

    def restart(self, place: Position) -> None:
        """Begin at ``place``: for the first time, or because the database counts from earlier on again."""
        with self._lock:
            self._events, self._bytes = [], 0
            self._turn += self._newest is not None
            self._floor = self._newest = place
            self._began = self._began or place
        self.wake()

    def append(self, events: Sequence[LoggedEvent], newest: Position) -> None:
        """Add what was committed up to ``newest``; the oldest make room."""
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
        """Move on to ``newest`` without its events, if nobody listens; who comes later asks the database."""
        with self._lock:
            if self._listeners:
                return False
            self._events, self._bytes = [], 0
            self._floor = self._newest = newest
            return True

    def after(self, place: Position, *, max_events: int) -> EventPage:
        """Return what follows ``place``."""
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
        """Have ``wake`` called, in the appending thread, whenever there is more."""
        with self._lock:
            self._listeners.add(wake)

    def unlisten(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` no longer."""
        with self._lock:
            self._listeners.discard(wake)

    def wake(self) -> None:
        """Wake all who listen."""
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()
