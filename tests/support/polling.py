"""An un-started poller, the gateway it asks and recorders for everyone it talks to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import cast

from actors.acknowledger import Acknowledger
from actors.poller import Poller, PollPolicy
from actors.shown.snapshots import AcknowledgerSnapshot, PollerSnapshot
from actors.sources.source import Source
from engine.actor import Actor
from engine.breaker import BreakerPolicy
from engine.directory import Entry, Heartbeat
from engine.messages import Acknowledge, BatchCommitted, GenerationRaised, MessagesFetched, Tick
from engine.model import SourceMessage
from engine.spec import SUPERVISOR
from storage.postgres.known import KnownMessages
from storage.postgres.second_looks import Promise, SecondLooks
from tests.support.gateway import FakeGateway
from tests.support.recording import CHANNEL, World, take_messages

__all__ = ["BATCH_SIZE", "INTERVAL_S", "FakeKnown", "FakeLooks", "Polling", "SourceWorld"]

INTERVAL_S = 5.0
BATCH_SIZE = 3


class SourceWorld(World):
    """The parser's end of a source, and its way back."""

    source: Source

    def __init__(self) -> None:
        super().__init__()
        self.parser = self.recorder("parser")
        self.supervisor = self.recorder(SUPERVISOR)

    def batches(self) -> list[MessagesFetched]:
        """Return the batches sent since the last call."""
        return [told for told in self.parser.taken() if isinstance(told, MessagesFetched)]

    def batch(self) -> MessagesFetched:
        """Return the only batch sent since the last call."""
        (batch,) = self.batches()
        return batch

    def commit(self, batch: MessagesFetched, *, new: int | None = None) -> None:
        """Tell the source that a batch is durable."""
        new = len(batch.messages) if new is None else new
        self.source.on_receive(
            BatchCommitted(
                batch_id=batch.batch_id,
                channel=batch.channel,
                new=new,
                duplicates=len(batch.messages) - new,
                signals=0,
                commit_number=1,
            )
        )

    def lose(self, name: str = "parser", generation: int = 2) -> None:
        """Tell the source that an actor died and came back."""
        self.source.on_receive(GenerationRaised(name=name, generation=generation))

    def tick(self, purpose: str) -> None:
        """Tell the source that something is due."""
        self.source.on_receive(Tick(purpose=purpose))

    def pass_s(self, seconds: float) -> None:
        """Let time pass, with the source's ticks."""
        self.advance(seconds, self.source)


class FakeLooks:
    """The promises of looks, in memory. ``down`` fails every call."""

    def __init__(self) -> None:
        self.spans: dict[str, tuple[datetime, datetime]] = {}
        self.orphans: list[Promise] = []
        self.down: Exception | None = None
        self.on_committed: list[str] = []

    def _called(self) -> None:
        if self.down is not None:
            raise self.down

    def promise(self, channel: str, since: datetime, until: datetime) -> None:
        self._called()
        before = self.spans.get(channel, (since, until))
        self.spans[channel] = (min(before[0], since), max(before[1], until))

    def keep(self, channel: str) -> None:
        self._called()
        self.spans.pop(channel, None)

    def settle(self, channel: str, owner: str) -> None:
        self._called()
        self.on_committed.append(owner)
        self.orphans = [promise for promise in self.orphans if promise.owner != owner]

    def promised(self, channel: str) -> tuple[Promise, ...]:
        self._called()
        own = [
            Promise(owner="own", since=span[0], until=span[1], own=True, orphaned=False)
            for span in (self.spans.get(channel),)
            if span is not None
        ]
        return (*own, *self.orphans)


class FakeKnown:
    """The ledger's texts, in memory: what a source delivered and was told is durable."""

    def __init__(self) -> None:
        self.texts: dict[str, object] = {}

    def learn(self, messages: tuple[SourceMessage, ...]) -> None:
        self.texts.update((m.message_id, getattr(m, "text", None)) for m in messages)

    def missing(self, messages: list[SourceMessage]) -> list[SourceMessage]:
        unknown = object()
        return [m for m in messages if self.texts.get(m.message_id, unknown) != getattr(m, "text", None)]


class Polling(SourceWorld):
    """A poller and its acknowledger; ``new`` messages at the gateway are what they have to find.

    ``between`` is called before the acknowledger handles what the poller asks of it.
    """

    def __init__(self, *new: SourceMessage, breaker: BreakerPolicy | None = None) -> None:
        super().__init__()
        self.backfill = self.recorder("backfill")
        self.gateway = FakeGateway(unread=list(new))
        self.looks, self.known = FakeLooks(), FakeKnown()
        self.between: Callable[[], None] = lambda: None
        self.acknowledger = self._acknowledger()
        self.poller = self.source = Poller(
            self.context("poller"),
            channel=CHANNEL,
            acknowledger="acknowledger",
            gateway=self.gateway.client,
            policy=PollPolicy(interval_s=INTERVAL_S, batch_size=BATCH_SIZE),
            breaker=breaker or BreakerPolicy(),
            metrics=self.metrics,
        )
        self._enter("poller", self.poller)
        self.acknowledger.on_start()
        self.poller.on_start()
        self.supervisor.taken()

    def _acknowledger(self, generation: int = 1) -> Acknowledger:
        made = Acknowledger(
            self.context("acknowledger", generation),
            channel=CHANNEL,
            poller="poller",
            gateway=self.gateway.client,
            looks=cast("SecondLooks", self.looks),
            known=cast("KnownMessages", self.known),
            metrics=self.metrics,
            random=Random(1),
        )
        self._enter("acknowledger", made, generation)
        return made

    def _enter(self, name: str, actor: Actor, generation: int = 1) -> None:
        entry = Entry(actor.actor_ref, generation, Heartbeat(self.clock.monotonic_s()))
        self.directory.enter(name, entry)

    def restart_acknowledger(self) -> None:
        """Let the acknowledger die with all it knows, and another one take its place."""
        for purpose in ("acknowledge", "look", "adopt"):
            self.timers.cancel(("acknowledger", purpose))
        self.acknowledger = self._acknowledger(2)
        self.acknowledger.on_start()
        self.lose("acknowledger")
        self.pump()

    def pump(self) -> None:
        """Let poller and acknowledger handle what they tell each other, until both have nothing more to do."""
        told = True
        while told:
            told = False
            for actor in (self.acknowledger, self.poller):
                for message in take_messages(actor):
                    told = True
                    if isinstance(message, Acknowledge):
                        self.between()
                    actor.on_receive(message)

    def commit(self, batch: MessagesFetched, *, new: int | None = None) -> None:
        self.known.learn(batch.messages)
        if batch.source == "acknowledger":
            self.source = self.acknowledger
        super().commit(batch, new=new)
        self.source = self.poller
        self.pump()

    def tick(self, purpose: str) -> None:
        super().tick(purpose)
        self.pump()

    def pass_s(self, seconds: float) -> None:
        self.advance(seconds, self.poller, self.acknowledger)
        self.pump()

    def poll(self) -> None:
        """Let the tick of the next poll come, whenever it is set for."""
        due_s = self.due_in_s(self.poller, "poll")
        assert due_s is not None, "no poll is to come"
        self.pass_s(due_s)

    @property
    def next_poll_s(self) -> float | None:
        """Seconds until the next poll."""
        return self.due_in_s(self.poller, "poll")

    @property
    def snapshot(self) -> PollerSnapshot:
        """What the poller shows."""
        return self.shown("poller", PollerSnapshot)

    @property
    def acks_snapshot(self) -> AcknowledgerSnapshot:
        """What the acknowledger shows."""
        return self.shown("acknowledger", AcknowledgerSnapshot)

    def polls(self, result: str) -> float:
        """Return how many polls ended so."""
        return self.count("tpcapital_polls_total", channel=CHANNEL, result=result)
