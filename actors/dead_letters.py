"""Dead letters: the source that rereads messages that could not be read or stored, when they are due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from random import Random

from actors.shown.metrics import Metrics
from actors.shown.snapshots import DeadLettersSnapshot
from actors.sources.source import InFlightBatch, Source
from engine.actor import handles
from engine.backoff import Backoff, RetryState
from engine.messages import BatchCommitted, LettersDue, Tick
from engine.spec import Context
from storage.errors import StorageError
from storage.gateway.messages import decode_raw
from storage.postgres.dead_letters import DeadLetters

__all__ = ["DeadLetterSource"]

LOOK_EVERY_S = 5.0
BATCH_SIZE = 50
BACKOFF = Backoff(first_s=2.0, cap_s=60.0)


class DeadLetterSource(Source):
    """Delivers each letter again after its back-off. The ledger replaces it if it succeeds now.

    ``now`` returns the database's time, which limits the instants of a message: a machine's clock may be wrong.
    """

    def __init__(
        self,
        context: Context,
        *,
        letters: DeadLetters,
        now: Callable[[], datetime],
        metrics: Metrics,
        random: Random,
    ) -> None:
        super().__init__(context, metrics=metrics)
        self._letters = letters
        self._now = now
        self._retry = RetryState(backoff=BACKOFF, random=random)
        self._waiting: int | None = None
        self._moved = False

    def _open(self) -> None:
        self.publish(DeadLettersSnapshot(waiting=None, error=None))
        self.tick_later("look", 0)

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose == "look":
            self._look()
        else:
            super()._on_tick(tick)

    @handles(LettersDue)
    def _on_letters_due(self, _: LettersDue) -> None:
        self._look()

    def on_committed(self, flight: InFlightBatch, committed: BatchCommitted) -> None:
        """Record the result. Nothing is acknowledged here: that was done when the messages became dead letters."""
        self._moved = self._moved or committed.new > 0
        self.log.info(
            "dead_letters.retried",
            channel=flight.channel,
            count=len(flight.messages),
            still_dead=committed.duplicates,
        )

    def fetch_next(self) -> None:
        """Look again at once if any letter succeeded. Otherwise wait: the same letters may be due again."""
        if self._moved:
            self._look()
        else:
            self.tick_later("look", LOOK_EVERY_S)

    def _look(self) -> None:
        if not self.idle:
            return
        try:
            self._waiting = self._letters.count()
            due = self._letters.due(limit=BATCH_SIZE)
        except StorageError as error:
            now_s = self.clock.monotonic_s()
            self._retry.failed(str(error), at=self.clock.now(), now_s=now_s)
            self.publish(DeadLettersSnapshot(waiting=self._waiting, error=str(error)))
            self.tick_later("look", self._retry.wait_s(now_s))
            return
        self._retry.succeeded()
        self.publish(DeadLettersSnapshot(waiting=self._waiting, error=None))
        if not due:
            self.tick_each("look", LOOK_EVERY_S)
            return
        self._moved = False
        channel, now = due[0].channel, self._now()
        self.deliver(
            channel,
            [decode_raw(letter.raw, channel=channel, now=now) for letter in due if letter.channel == channel],
            # the letter may come from a request to reread a stored message
            reread=True,
        )
