"""An un-started writer and a ledger in memory that refuses what it is told to."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from random import Random
from typing import cast

from actors.shown.snapshots import WriterSnapshot
from actors.writer import Writer
from engine.messages import BatchCommitted, BatchDelayed, BatchParsed
from engine.model import Outcome, OutcomeKind, Side, Signal
from storage.errors import RowsRefusedError, StorageError
from storage.postgres.ledger import Ledger, Recorded
from tests.support.recording import CHANNEL, World, message

__all__ = ["FakeLedger", "Writing"]

SIGNAL = Signal(
    position=0,
    side=Side.BUY,
    asset="PETR4",
    signal_type="Swing Trade",
    buy_min=None,
    buy_max=None,
    targets=(),
    target_final=None,
    stop=None,
    valid_until=None,
    warnings=(),
)


class FakeLedger:
    """Keeps outcomes by key. ``refused`` ids are never taken as what they are; ``errors`` come first.

    ``broken`` ids make every write that holds one of them fail with this error.
    """

    def __init__(self) -> None:
        self.kept: dict[str, Outcome] = {}
        self.refused: set[str] = set()
        self.refuses_all = False
        self.errors: deque[StorageError] = deque()
        self.broken: dict[str, StorageError] = {}
        self.sizes: list[int] = []

    def record(self, outcomes: Sequence[Outcome], *, reread: bool = False) -> Recorded:
        self.sizes.append(len(outcomes))
        if self.errors:
            raise self.errors.popleft()
        for outcome in outcomes:
            if (error := self.broken.get(outcome.message.message_id)) is not None:
                raise error
            letter = outcome.kind is OutcomeKind.DEAD_LETTER
            if self.refuses_all or (outcome.message.message_id in self.refused and not letter):
                raise RowsRefusedError("invalid byte sequence: 0x00")
        news = [outcome for outcome in outcomes if outcome.message.message_id not in self.kept]
        self.kept.update((outcome.message.message_id, outcome) for outcome in outcomes)
        return Recorded(
            commit_number=len(self.sizes),
            after=len(self.sizes) - 1,
            new=frozenset((outcome.message.channel, outcome.message.message_id) for outcome in news),
            moved=frozenset(),
            duplicates=len(outcomes) - len(news),
            signals=sum(len(outcome.signals) for outcome in news),
            changed=sum(len(o.signals) for o in news),
        )


class Writing(World):
    """A writer, its ledger, who waits for it and the cache."""

    def __init__(self, prepare_errors: Sequence[StorageError] = ()) -> None:
        super().__init__()
        self.ledger = FakeLedger()
        self.prepare_errors = deque(prepare_errors)
        self.prepared = 0
        self.poller = self.recorder("poller:a")
        self.other = self.recorder("poller:b")
        self.backfill = self.recorder("backfill")
        self.cache = self.recorder("cache")
        self.writer = Writer(
            self.context("writer"),
            ledger=cast("Ledger", self.ledger),
            prepare=self._prepare,
            metrics=self.metrics,
            random=Random(1),
        )
        self.writer.on_start()

    def _prepare(self) -> None:
        self.prepared += 1
        if self.prepare_errors:
            raise self.prepare_errors.popleft()

    def write(
        self,
        batch_id: str,
        *numbers: int,
        source: str = "poller:a",
        channel: str = CHANNEL,
        signals: bool = False,
    ) -> None:
        outcomes = tuple(
            Outcome(
                message=message(number),
                kind=OutcomeKind.SIGNAL if signals else OutcomeKind.NOT_SIGNAL,
                reason="test",
                ts=message(number).received_at,
                signals=(SIGNAL,) if signals else (),
            )
            for number in numbers
        )
        self.writer.on_receive(
            BatchParsed(batch_id=batch_id, source=source, channel=channel, outcomes=outcomes)
        )

    def committed(self) -> list[BatchCommitted]:
        return [told for told in self.poller.taken() if isinstance(told, BatchCommitted)]

    def delayed(self) -> list[BatchDelayed]:
        return [told for told in self.poller.taken() if isinstance(told, BatchDelayed)]

    @property
    def snapshot(self) -> WriterSnapshot:
        return self.shown("writer", WriterSnapshot)

    def pass_s(self, seconds: float) -> None:
        self.advance(seconds, self.writer)
