"""Stream: reads each change of signals once and appends it to the event log, which all clients share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from actors.names import CACHE
from actors.shown.event_log import EventLog, LoggedEvent, Position
from actors.shown.snapshots import CacheSnapshot, StreamSnapshot
from engine.actor import Actor, handles
from engine.messages import CommitSeen, Tick
from engine.spec import Context
from storage.errors import StorageError
from storage.postgres.signals import Signals

__all__ = ["Stream"]

#: how often a failed read is tried again
LOOK_EVERY_S = 1.0
PAGE_SIZE = 200


class Stream(Actor):
    """Keeps the event log at the newest commit. The log survives a restart, and the next generation continues it."""

    def __init__(
        self,
        context: Context,
        *,
        signals: Signals,
        event_log: EventLog,
        event_of: Callable[[Mapping[str, Any]], LoggedEvent],
    ) -> None:
        super().__init__(context)
        self._signals = signals
        self._event_log = event_log
        self._event_of = event_of
        self._number: int | None = None
        self._error: str | None = None

    def _open(self) -> None:
        # An earlier generation may have received the newest commit number. The cache still publishes it.
        cache = self.context.services.snapshots.read(CACHE, CacheSnapshot)
        self._number = cache.value.commit_number if cache else None
        self.tick_later("look", 0)

    @handles(CommitSeen)
    def _on_commit_seen(self, news: CommitSeen) -> None:
        self._number = news.commit_number
        if news.set_back:
            self._restart(Position.end_of(news.commit_number))
        self._follow()

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose == "look":
            self._follow()

    def _follow(self) -> None:
        try:
            self._read()
            self._error = None
        except StorageError as error:
            if self._error is None:
                self.log.warning("stream.read_failed", error=str(error))
            self._error = str(error)
            self.tick_later("look", LOOK_EVERY_S)
        newest = self._event_log.newest
        self.publish(StreamSnapshot(commit_number=newest.number if newest else None, error=self._error))

    def _read(self) -> None:
        """Read up to the newest commit, one page at a time."""
        if self._number is None:
            return
        goal = Position.end_of(self._number)
        newest = self._event_log.newest
        if newest is None or goal < newest:
            self._restart(goal)
            return
        while newest < goal and not self._event_log.pass_over(goal):
            changes = self._signals.committed(after=newest, upto=goal.number, limit=PAGE_SIZE)
            events = [self._event_of(row) for row in changes.rows]
            newest = Position(*changes.reached) if changes.reached else goal
            self._event_log.append(events, newest)
            self.beat()

    def _restart(self, goal: Position) -> None:
        """Begin the event log at the newest commit. Readers that have read further are told to read all anew."""
        if (newest := self._event_log.newest) is not None:
            self.log.warning("stream.restarted", commit_number=goal.number, was=newest.number)
        self._event_log.restart(goal)
