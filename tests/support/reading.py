"""An un-started backfill, the gateway it reads and a table of checkpoints in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from random import Random
from typing import cast

from actors.backfill import Backfill, BackfillPolicy
from actors.shown.snapshots import BackfillSnapshot
from engine.model import SourceMessage
from storage.errors import StorageError
from storage.postgres.checkpoints import Checkpoint, Checkpoints
from storage.postgres.known import KnownMessages
from tests.support.gateway import FakeGateway
from tests.support.polling import SourceWorld
from tests.support.recording import CHANNEL, messages

__all__ = ["DELAY_S", "TAIL_S", "FakeCheckpoints", "Reading"]

DELAY_S, TAIL_S = 10.0, 300.0


class FakeCheckpoints:
    """The table, in memory."""

    def __init__(self, world: SourceWorld) -> None:
        self.world = world
        self.rows: dict[str, Checkpoint] = {}
        self.down: StorageError | None = None

    def _check(self) -> None:
        if self.down is not None:
            raise self.down

    def load(self, channels: Sequence[str]) -> dict[str, Checkpoint]:
        self._check()
        return {channel: row for channel, row in self.rows.items() if channel in channels}

    def save(self, checkpoint: Checkpoint, *, completed: bool) -> None:
        self._check()
        at = self.world.clock.now() if completed else None
        self.rows[checkpoint.channel] = replace(checkpoint, completed_at=at)

    def record_tail(self, channel: str, *, found: int, newest_received_at: datetime | None) -> None:
        self._check()
        row = self.rows[channel]
        newest = max((at for at in (row.newest_received_at, newest_received_at) if at), default=None)
        self.rows[channel] = replace(row, tail_found=row.tail_found + found, newest_received_at=newest)

    def restart(self, channels: Sequence[str]) -> None:
        self._check()
        for channel in channels:
            self.rows.pop(channel, None)


class Reading(SourceWorld):
    """A backfill, its gateway and its checkpoints."""

    def __init__(
        self,
        *numbers: int,
        known: Checkpoint | None = None,
        generation: int = 1,
        channels: Sequence[str] = (CHANNEL,),
    ) -> None:
        super().__init__()
        self.channels = channels
        self.in_ledger: set[str] = set()
        self.gateway = FakeGateway(rows=list(messages(*numbers)))
        self.checkpoints = FakeCheckpoints(self)
        if known is not None:
            self.checkpoints.rows[known.channel] = known
        self.backfill = self.source = self.make(generation)

    def make(self, generation: int = 1) -> Backfill:
        backfill = Backfill(
            self.context("backfill", generation),
            channels=self.channels,
            gateway=self.gateway.client,
            checkpoints=cast("Checkpoints", self.checkpoints),
            known_messages=cast("KnownMessages", self),
            policy=BackfillPolicy(delay_s=DELAY_S, tail_every_s=TAIL_S, sync_timeout_s=60),
            metrics=self.metrics,
            random=Random(1),
        )
        backfill.on_start()
        return backfill

    def missing(self, messages: Sequence[SourceMessage]) -> list[SourceMessage]:
        """Return what the ledger lacks, as the storage does; without more it lacks all."""
        return [message for message in messages if message.message_id not in self.in_ledger]

    def run(self, seconds: float = 20.0, *, new: int | None = None) -> list[str]:
        """Let time pass with every batch made durable at once; return what was delivered."""
        delivered: list[str] = []

        def handle() -> None:
            progress = True
            while progress:
                progress = False
                for batch in self.batches():
                    delivered.extend(m.message_id for m in batch.messages)
                    self.commit(batch, new=new)
                    progress = True

        for _ in range(int(seconds * 10)):
            self.pass_s(0.1)
            handle()
        return delivered

    @property
    def snapshot(self) -> BackfillSnapshot:
        return self.shown("backfill", BackfillSnapshot)

    @property
    def checkpoint(self) -> Checkpoint:
        return self.checkpoints.rows[CHANNEL]
