"""Announcer: publishes what was committed to the broker, as events for other systems.

It reads the feed of commits from its own position in the database. The position moves after the broker has confirmed
the events before it. So each event is published at least once, in the order of commits, and a broker that is away holds
up nobody else. Of several daemons the one that has the lease of maintenance publishes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Any, Protocol

from actors.names import CACHE, HEALTH, MAINTENANCE
from actors.shown.event_log import Position
from actors.shown.health_report import HealthReport, Status
from actors.shown.snapshots import AnnouncerSnapshot, CacheSnapshot
from actors.sources.lease import may_work
from engine.actor import Actor, handles
from engine.backoff import Backoff, RetryState
from engine.messages import CommitSeen, Tick
from engine.spec import Context
from storage.broker.values import Outgoing
from storage.errors import StorageError
from storage.postgres.channels import Channels
from storage.postgres.feed_positions import FeedPosition, FeedPositions
from storage.postgres.signals import Signals

__all__ = ["Announcer", "EventForms", "EventPublisher"]

#: how often it looks for changes of channels and of health, and tries again what failed
LOOK_EVERY_S = 1.0
PAGE_SIZE = 200
BACKOFF = Backoff(first_s=0.5, cap_s=15.0)


class EventPublisher(Protocol):
    """What brings events to the broker (:class:`storage.broker.publisher.ConfirmedPublisher`)."""

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Publish, and return when the broker has confirmed all of them."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class EventForms(Protocol):
    """What gives events their form (:class:`ops.events.cloud_events.CloudEvents`)."""

    def of_change(self, row: Mapping[str, Any]) -> Outgoing:
        """Return the event for a change of a signal."""
        ...

    def of_channel(self, channel: str, told: Mapping[str, Any], *, identity: str, at: datetime) -> Outgoing:
        """Return the event for a change of a channel."""
        ...

    def of_health(
        self, status: str, former: str | None, checks: Mapping[str, str], *, at: datetime
    ) -> Outgoing:
        """Return the event for a change of health."""
        ...


class Announcer(Actor):
    """Publishes in its own thread. A call to the broker ends within seconds, so it never looks hung."""

    def __init__(
        self,
        context: Context,
        *,
        positions: FeedPositions,
        signals: Signals,
        channels: Channels,
        publisher: EventPublisher,
        forms: EventForms,
        random: Random,
    ) -> None:
        super().__init__(context)
        self._positions = positions
        self._signals = signals
        self._channels = channels
        self._publisher = publisher
        self._forms = forms
        self._retry = RetryState(backoff=BACKOFF, random=random)
        self._position: FeedPosition | None = None
        self._health: Status | None = None

    def _open(self) -> None:
        self.tick_later("look", 0)

    def _close(self) -> None:
        self._publisher.close()

    @handles(CommitSeen)
    def _on_commit_seen(self, _: CommitSeen) -> None:
        self._look(also_others=False)

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose == "look":
            self._look(also_others=True)
            self.tick_each("look", LOOK_EVERY_S)

    def _look(self, *, also_others: bool) -> None:
        """Publish what is new. ``also_others``: changes of channels and health too."""
        now_s = self.clock.monotonic_s()
        cache = self.context.services.snapshots.read(CACHE, CacheSnapshot)
        newest = cache.value.commit_number if cache else None
        if newest is None or self._retry.wait_s(now_s) > 0:
            return
        if not may_work(self.context.services.snapshots, MAINTENANCE, now_s):
            self._position = None  # another daemon publishes, and moves it
            return
        try:
            # It lies beside the commits: a restored database has its own. It may be ahead of what our cache has seen.
            self._position = self._position or self._positions.begin()
            if also_others:
                self._tell_channels()
                self._tell_health()
            self._tell_signals(newest)
        except StorageError as error:
            self._position = None  # another daemon may have moved it, or this one without an answer
            if self._retry.failed(str(error), at=self.clock.now(), now_s=now_s):
                self.log.warning("events.waiting", error=str(error))
        else:
            if self._retry.failures:
                self.log.info("events.recovered", failures=self._retry.failures)
            self._retry.succeeded()
        position_now = self._position
        self.publish(
            AnnouncerSnapshot(
                commit_number=position_now.number if position_now else None,
                error=self._retry.error,
                failing_since=self._retry.since,
            )
        )

    def _tell_signals(self, newest: int) -> None:
        goal = Position.end_of(newest)
        while (
            self._position is not None
            and (place := Position(self._position.number, self._position.id)) < goal
        ):
            changes = self._signals.committed(after=place, upto=newest, limit=PAGE_SIZE)
            reached = Position(*changes.reached) if changes.reached else goal
            self._publish([self._forms.of_change(row) for row in changes.rows])
            self._move(replace(self._position, number=reached.number, id=reached.id))
            self.beat()

    def _tell_channels(self) -> None:
        """Tell how the channels differ from those that were told. The first time there is nothing to tell."""
        assert self._position is not None  # noqa: S101 - the caller has read it
        known = self._position.channels
        channels = {row.channel: row.label for row in self._channels.load()}
        if known == channels:
            return
        if known is not None:
            identity = str(Position(self._position.number, self._position.id))
            now = self.clock.now()
            told = {
                **{
                    channel: {"change": "removed", "label": known[channel]}
                    for channel in known.keys() - channels
                },
                **{
                    channel: {"change": "labelled" if channel in known else "added", "label": label}
                    for channel, label in channels.items()
                    if channel not in known or known[channel] != label
                },
            }
            self._publish(
                [
                    self._forms.of_channel(channel, said, identity=identity, at=now)
                    for channel, said in sorted(told.items())
                ]
            )
        self._move(replace(self._position, channels=channels))

    def _tell_health(self) -> None:
        """Tell a change of this daemon's health. It is not kept over a restart: the first report is told again."""
        shown = self.context.services.snapshots.read(HEALTH, HealthReport)
        if shown is None or shown.value.status is self._health:
            return
        checks = {
            name: finding.status.value
            for name, finding in shown.value.findings.items()
            if finding.status is not Status.HEALTHY
        }
        former = self._health.value if self._health else None
        self._publish([self._forms.of_health(shown.value.status.value, former, checks, at=self.clock.now())])
        self._health = shown.value.status

    def _publish(self, events: Sequence[Outgoing]) -> None:
        if events:
            self._publisher.publish(events)
            self.log.debug("events.published", count=len(events))

    def _move(self, after: FeedPosition) -> None:
        assert self._position is not None  # noqa: S101 - the caller has read it
        # None: another daemon has moved it. The next look reads it anew; what both published has the same ids.
        self._position = after if self._positions.move(self._position, after) else None
