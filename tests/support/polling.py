"""An un-started poller, the gateway it asks and recorders for everyone it talks to."""

from __future__ import annotations

from actors.poller import Poller, PollPolicy
from actors.snapshots import PollerSnapshot
from actors.source import Source
from engine.actor import SUPERVISOR
from engine.breaker import BreakerPolicy
from engine.messages import BatchCommitted, GenerationRaised, MessagesFetched, Tick
from engine.model import SourceMessage
from tests.support.gateway import FakeGateway
from tests.support.recording import CHANNEL, World

__all__ = ["BATCH_SIZE", "INTERVAL_S", "Polling", "SourceWorld"]

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


class Polling(SourceWorld):
    """A poller; ``new`` messages at the gateway are what it has to find."""

    def __init__(self, *new: SourceMessage, breaker: BreakerPolicy | None = None) -> None:
        super().__init__()
        self.backfill = self.recorder("backfill")
        self.gateway = FakeGateway(unread=list(new))
        self.poller = self.source = Poller(
            self.context("poller"),
            channel=CHANNEL,
            gateway=self.gateway.client,
            policy=PollPolicy(interval_s=INTERVAL_S, batch_size=BATCH_SIZE),
            breaker=breaker or BreakerPolicy(),
            instruments=self.instruments,
        )
        self.poller.on_start()
        self.supervisor.taken()

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

    def polls(self, result: str) -> float:
        """Return how many polls ended so."""
        return self.count("tpcapital_polls_total", channel=CHANNEL, result=result)
