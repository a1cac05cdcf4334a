"""Writer: stores each batch in one transaction and tells its source.

While the database is unavailable, the writer keeps the batches and retries; it does not crash. A failure may also be
caused by one batch alone. The result of another batch tells the two apart, so a source does not wait for the batch
of another source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from random import Random

from actors.names import CACHE, CONSUMER, POLLER
from actors.shown.lag import lag_s
from actors.shown.metrics import Metrics
from actors.shown.snapshots import WriterSnapshot
from engine.actor import Actor, handles
from engine.backoff import Backoff, RetryState
from engine.messages import BatchCommitted, BatchDelayed, BatchParsed, SignalsCommitted, Tick
from engine.model import ChannelMessage, Outcome, OutcomeKind
from engine.spec import Context
from storage.errors import (
    DatabaseMisconfiguredError,
    DatabaseUnavailableError,
    RowsRefusedError,
    StorageError,
)
from storage.postgres.ledger import Ledger, Recorded
from storage.postgres.ledger_rows import dead_letter_of

__all__ = ["Writer"]

BACKOFF = Backoff(first_s=0.25, cap_s=5.0)
#: one failure may be the fault of its batch. Two in a row suggest the database, so the round ends
FAILURES_IN_ROW = 2

Key = tuple[str, str]


class Writer(Actor):
    """The only actor that writes signals and ledger.

    ``prepare`` brings the schema up to date, or raises an error that says why it is not.
    """

    def __init__(
        self,
        context: Context,
        *,
        ledger: Ledger,
        prepare: Callable[[], None],
        metrics: Metrics,
        random: Random,
    ) -> None:
        super().__init__(context)
        self._ledger = ledger
        self._prepare = prepare
        self._metrics = metrics
        self._schema_ready = False
        self._waiting: dict[Key, BatchParsed] = {}
        #: the keys of waiting batches that have failed
        self._failed: set[Key] = set()
        #: those of them that failed while the database stored another batch
        self._odd: set[Key] = set()
        self._away = False
        self._retry = RetryState(backoff=BACKOFF, random=random)
        self._misconfigured = False
        self._last_commit_at: datetime | None = None
        self._last_commit_number = 0
        self._last_lag_s: float | None = None

    def _open(self) -> None:
        self._work(())

    @handles(BatchParsed)
    def _on_batch_parsed(self, batch: BatchParsed) -> None:
        # Keep only the newest batch of a source and channel: the source has given up an older one.
        key = batch.source, batch.channel
        self._waiting[key] = batch
        if self._away:
            self._delay(batch)
        else:
            self._work([key])

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose == "retry":
            self._work(tuple(self._waiting))

    # ── writing ──────────────────────────────────────────────────────────────

    def _work(self, keys: Iterable[Key]) -> None:
        """Prepare the schema if needed, then write these batches. A failed batch waits."""
        failure: StorageError | None = None
        try:
            if not self._schema_ready:
                self._prepare()
                self._schema_ready, self._away = True, False
                self.log.info("schema.ready")
        except (DatabaseUnavailableError, DatabaseMisconfiguredError) as error:
            failure, self._away = error, True
        else:
            failure = self._write_each(keys)
        if failure is not None:
            self._wait(failure)
        elif not self._failed:
            if self._retry.failures:
                self.log.info("writer.recovered", failures=self._retry.failures)
            self._retry.succeeded()
            self._misconfigured = False
        if not self._waiting and self._schema_ready:
            self._away = False
        self._publish()

    def _write_each(self, keys: Iterable[Key]) -> StorageError | None:
        """Write these batches, but stop early when the database is unavailable. Return the last failure.

        It decides between an unavailable database and an odd batch. A success proves that the database works, so
        the waiting batches that have failed are odd. Another failure of an odd batch then proves nothing about
        the database. ``_away`` is set only when a batch failed that was not odd.
        """
        failure: StorageError | None = None
        in_row, database_suspected = 0, False
        for key in keys:
            try:
                self._write(self._waiting[key])
            except (DatabaseUnavailableError, DatabaseMisconfiguredError) as error:
                self.beat()
                failure = error
                # It moves to the end, so that the next round begins with another batch.
                self._waiting[key] = self._waiting.pop(key)
                self._failed.add(key)
                in_row += 1
                database_suspected = database_suspected or key not in self._odd
                if in_row == FAILURES_IN_ROW:
                    break
            else:
                self._forget(key)
                self._odd |= self._failed
                in_row, database_suspected, self._away = 0, False, False
        self._away = self._away or database_suspected
        return failure

    def _forget(self, key: Key) -> None:
        del self._waiting[key]
        self._failed.discard(key)
        self._odd.discard(key)

    def _write(self, batch: BatchParsed) -> None:
        with self._metrics.write_seconds.time():
            parts = self._record(batch.outcomes, reread=batch.reread)
        committed = BatchCommitted(
            batch_id=batch.batch_id,
            channel=batch.channel,
            new=sum(len(part.new) + len(part.moved) for part in parts),
            duplicates=sum(part.duplicates for part in parts),
            signals=sum(part.signals for part in parts),
            commit_number=max((part.commit_number for part in parts), default=0),
        )
        self._last_commit_at = self.clock.now()
        self._last_commit_number = max(self._last_commit_number, committed.commit_number)
        # before the source, whose acknowledgement nobody waits for
        self.send(
            CACHE,
            SignalsCommitted(
                commit_number=committed.commit_number,
                signals=committed.signals,
                after=max(parts, key=lambda part: part.commit_number).after,
                changed=any(part.changed for part in parts),
            ),
        )
        self.send(batch.source, committed)
        self._count(batch, parts, committed)

    def _record(self, outcomes: Sequence[Outcome], *, reread: bool) -> list[Recorded]:
        """Record outcomes. Halve a refused batch until the bad row is alone, which becomes a dead letter."""
        try:
            return [self._ledger.record(outcomes, reread=reread)]
        except RowsRefusedError as error:
            self.beat()
            if len(outcomes) > 1:
                middle = len(outcomes) // 2
                return [
                    *self._record(outcomes[:middle], reread=reread),
                    *self._record(outcomes[middle:], reread=reread),
                ]
            return [self._to_dead_letter(outcomes[0], error)]

    def _to_dead_letter(self, outcome: Outcome, refusal: RowsRefusedError) -> Recorded:
        """Store a refused row as a dead letter. If that is refused too, the cause is not the row."""
        letter = dead_letter_of(outcome, reason="refused", error=str(refusal))
        try:
            # reread=True stores the letter even when an earlier text of the message is stored.
            recorded = self._ledger.record([letter], reread=True)
        except RowsRefusedError as error:
            raise DatabaseMisconfiguredError(
                f"the database refuses every row, even a plain one: {error}"
            ) from error
        self.log.error("message.refused", message_id=outcome.message.message_id, error=str(refusal))
        return recorded

    # ── waiting ──────────────────────────────────────────────────────────────

    def _wait(self, error: StorageError) -> None:
        self._metrics.write_failures.inc()
        self._misconfigured = isinstance(error, DatabaseMisconfiguredError)
        now_s = self.clock.monotonic_s()
        if self._retry.failed(str(error), at=self.clock.now(), now_s=now_s):
            self.log.error(
                "writer.waiting", error=str(error), kind=type(error).__name__, batches=len(self._waiting)
            )
        delay_s = self._retry.wait_s(now_s)
        self.tick_later("retry", delay_s)
        for key, batch in tuple(self._waiting.items()):
            if not self._delay(batch, delay_s):
                # Its source died or was removed. Nobody waits for it, and its messages are fetched again.
                self._forget(key)

    def _delay(self, batch: BatchParsed, delay_s: float = BACKOFF.cap_s) -> bool:
        """Tell a source that its batch waits. Return False when that source is gone."""
        delayed = BatchDelayed(
            batch_id=batch.batch_id, channel=batch.channel, retry_in_s=delay_s, cause=str(self._retry.error)
        )
        return self.send(batch.source, delayed)

    # ── showing ──────────────────────────────────────────────────────────────

    def _count(self, batch: BatchParsed, parts: Sequence[Recorded], committed: BatchCommitted) -> None:
        source = batch.source.partition(":")[0]
        news = frozenset().union(*(part.new | part.moved for part in parts))
        fresh = [o for o in batch.outcomes if (o.message.channel, o.message.message_id) in news]
        for kind, count in Counter(outcome.kind for outcome in fresh).items():
            self._metrics.messages.labels(source, kind.value).inc(count)
        self._metrics.duplicates.labels(source).inc(committed.duplicates)
        self._metrics.batches.labels(source).inc()
        self._metrics.signals.inc(committed.signals)
        if source in (POLLER, CONSUMER):
            now = self.clock.now()
            for outcome in fresh:
                if isinstance(outcome.message, ChannelMessage) and outcome.kind is OutcomeKind.SIGNAL:
                    message, services = outcome.message, self.context.services
                    lag = lag_s(message.received_at, channel=message.channel, services=services)
                    if lag is None:
                        continue
                    self._last_lag_s = lag
                    self._observe_lag("received", lag)
                    if message.telegram_date is not None:
                        self._observe_lag("telegram", (now - message.telegram_date).total_seconds())

    def _observe_lag(self, since: str, lag: float) -> None:
        self._metrics.lag_seconds.labels(since).observe(max(0.0, lag))

    def _publish(self) -> None:
        self.publish(
            WriterSnapshot(
                schema_ready=self._schema_ready,
                error=self._retry.error,
                misconfigured=self._misconfigured,
                failing_since=self._retry.since,
                waiting=len(self._waiting),
                last_commit_at=self._last_commit_at,
                last_commit_number=self._last_commit_number,
                last_lag_s=self._last_lag_s,
            )
        )
