"""A world for un-started actors: a directory of recorders, a board, a clock and timers that stand still.

An un-started pykka actor takes messages into its ``actor_inbox`` and handles none: it records them.
"""

from __future__ import annotations

import queue
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

import pykka
from prometheus_client import CollectorRegistry

from actors.shown.metrics import Metrics
from actors.shown.snapshots import ChannelEntry, ChannelsSnapshot
from engine.actor import Actor
from engine.directory import Directory, Entry, Heartbeat
from engine.model import ChannelMessage, MalformedMessage
from engine.snapshot import Snapshots
from engine.spec import Context, Services
from tests.support.clock import START, FakeClock, FakeTimers

__all__ = ["CHANNEL", "Recorder", "World", "malformed", "message", "messages", "take_messages"]

CHANNEL = "-1001"
T = TypeVar("T")


class Recorder(pykka.ThreadingActor):
    """Records what it is told, for it is never started."""

    use_daemon_thread = True

    def taken(self) -> list[object]:
        """Return what it was told since the last call."""
        return take_messages(self)

    def die(self) -> None:
        """Be dead to whoever tells it something."""
        self.actor_stopped.set()


def take_messages(actor: pykka.ThreadingActor) -> list[object]:
    """Empty an un-started actor's mailbox and return what was in it."""
    inbox = cast("queue.Queue[Any]", actor.actor_inbox)
    taken = []
    while not inbox.empty():
        taken.append(inbox.get_nowait().message)
    return taken


@dataclass
class World:
    """Everything an actor is given, and recorders for the actors it talks to."""

    clock: FakeClock = field(default_factory=FakeClock)
    directory: Directory = field(default_factory=Directory)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.timers = FakeTimers(self.clock)
        self.snapshots = Snapshots(self.clock)
        self.metrics = Metrics(self.registry)
        self.services = Services(
            directory=self.directory, snapshots=self.snapshots, timers=self.timers, clock=self.clock
        )

    def recorder(self, name: str) -> Recorder:
        """Enter a recorder under ``name``."""
        recorder = Recorder()
        self.directory.enter(name, Entry(recorder.actor_ref, 1, Heartbeat(self.clock.monotonic_s())))
        return recorder

    def context(self, name: str, generation: int = 1) -> Context:
        """Return what the actor ``name`` is made with."""
        return Context(
            name=name,
            generation=generation,
            services=self.services,
            heartbeat=Heartbeat(self.clock.monotonic_s()),
        )

    def shown(self, name: str, kind: type[T]) -> T:
        """Return the snapshot that ``name`` shows."""
        published = self.snapshots.read(name, kind)
        assert published is not None, f"{name} shows no {kind.__name__}"
        return published.value

    def add_channel(self, at: datetime) -> None:
        """Let the channel be read since ``at``."""
        entry = ChannelEntry(channel=CHANNEL, label=None, source="api", added_at=at)
        self.snapshots.publish("channels", ChannelsSnapshot(channels=(entry,), complete=True, error=None))

    def count(self, series: str, **labels: str) -> float:
        """Return the value of a counter; 0 when it has not moved."""
        return self.registry.get_sample_value(series, labels) or 0.0

    def advance(self, seconds: float, *actors: Actor) -> None:
        """Let time pass; the ticks that fall due are handled by their actors at once."""

        def handle() -> None:
            for actor in actors:
                for told in take_messages(actor):
                    actor.on_receive(told)

        self.timers.advance(seconds, handle)

    def due_in_s(self, actor: Actor, purpose: str) -> float | None:
        """Return the seconds until a tick of ``actor``; None when it has set none."""
        return self.timers.due_in_s((actor.context.name, purpose))


def message(number: int, *, channel: str = CHANNEL, gateway_id: str | None = None) -> ChannelMessage:
    """Return message ``number`` of a channel, received ``number`` seconds after the clocks' start."""
    return ChannelMessage(
        channel=channel,
        message_id=str(number),
        gateway_id=gateway_id or f"g{number}",
        ack_id=str(number),
        text=f"text {number}",
        caption=None,
        source="telegram",
        status="received",
        received_at=START + timedelta(seconds=number),
        telegram_date=None,
        updated_at=None,
    )


def messages(*numbers: int) -> tuple[ChannelMessage, ...]:
    """Return these messages."""
    return tuple(message(number) for number in numbers)


def malformed(gateway_id: str) -> MalformedMessage:
    """Return a message without a usable id: it cannot be acknowledged."""
    return MalformedMessage(
        channel=CHANNEL,
        message_id=f"id:{gateway_id}",
        gateway_id=gateway_id,
        ack_id=None,
        error="messageId: missing",
        raw="{}",
    )
