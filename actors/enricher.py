"""Enricher: works out what prices say of signals, when signals change and when bars come.

It reads the feed of commits from its own position in the database, and the list of symbols whose bars have changed. It
writes beside signals, never a signal. Of several daemons the one that has the lease of maintenance enriches. Without
bars it does nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import date, datetime, timedelta
from random import Random

from actors.analysis.outcome import RULES_VERSION
from actors.enrichment.calculator import NOT_INSTALLED, Calculator, CalculatorError
from actors.enrichment.enriching import Enriched, Enrichment
from actors.enrichment.learning import Learning
from actors.enrichment.scoring import Scorer
from actors.enrichment.symbols import symbol_of
from actors.names import CACHE, MAINTENANCE
from actors.shown.enricher_snapshot import EnricherSnapshot
from actors.shown.event_log import Position
from actors.shown.snapshots import CacheSnapshot
from actors.sources.lease import may_work
from engine.actor import Actor, handles
from engine.backoff import Backoff, RetryState
from engine.messages import CommitSeen, SignalsCommitted, Tick
from engine.sessions import day_of
from engine.spec import Context
from storage.errors import StorageError
from storage.postgres.bars import Bars
from storage.postgres.enrichment import EnrichedSignals
from storage.postgres.feed_positions import FeedPosition, FeedPositions
from storage.postgres.signals import Signals

__all__ = ["Enricher"]

#: how often it looks for bars and tries again what failed
LOOK_EVERY_S = 5.0
#: how often it looks whether a training is due, and whether one that runs has ended
LEARN_EVERY_S, LEARNING_S = 300.0, 5.0
PAGE_SIZE = 200
#: pages and symbols of one look, so that other messages, such as the one to stop, are read in between
PAGES = 3
SYMBOLS = 5
BACKOFF = Backoff(first_s=1.0, cap_s=60.0)


class Enricher(Actor):
    """Enriches in its own thread. Libraries that compute indicators are loaded in a process of their own."""

    def __init__(
        self,
        context: Context,
        *,
        positions: FeedPositions,
        signals: Signals,
        bars: Bars,
        enriched: EnrichedSignals,
        enrichment: Enrichment,
        calculator: Calculator,
        scorer: Scorer,
        learning: Learning,
        kept: timedelta,
        random: Random,
    ) -> None:
        super().__init__(context)
        self._positions = positions
        self._signals = signals
        self._bars = bars
        self._enriched = enriched
        self._enrichment = enrichment
        self._calculator = calculator
        self._scorer = scorer
        self._learning = learning
        self._kept = kept
        self._retry = RetryState(backoff=BACKOFF, random=random)
        self._position: FeedPosition | None = None
        self._bars_until: datetime | None = None
        self._failures = 0
        #: the day on which it last looked for contracts that have ended
        self._ended_on: date | None = None
        #: the last symbol whose signals were judged by the present rules and scored by the present model; None: all were
        self._renewed: str | None = ""
        self._model = ""
        self._training_error: str | None = None
        self._written = 0
        #: our own commits, which say nothing new
        self._own: deque[int] = deque(maxlen=1000)

    def _open(self) -> None:
        self.tick_later("look", 0)
        self.tick_later("learn", LEARN_EVERY_S)

    def _close(self) -> None:
        self._calculator.close()
        self._learning.close()

    @handles(CommitSeen)
    def _on_commit_seen(self, _: CommitSeen) -> None:
        if self._bars_until is not None:
            self._look(also_bars=False)

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose == "look":
            more = self._look(also_bars=True)
            if more:
                self.tick_later("look", 0)
            else:
                self.tick_each("look", LOOK_EVERY_S)
        elif tick.purpose == "learn":
            self._learn()
            self.tick_later("learn", LEARNING_S if self._learning.is_running() else LEARN_EVERY_S)

    def _look(self, *, also_bars: bool) -> bool:
        """Enrich what is new. Return whether there is more to do at once."""
        now_s = self.clock.monotonic_s()
        if self._retry.wait_s(now_s) > 0:
            return False
        if not may_work(self.context.services.snapshots, MAINTENANCE, now_s):
            self._position = None  # another daemon enriches, and moves it
            return False
        more = False
        try:
            if also_bars:
                # what comes later is told by the changes
                self._bars_until = self._bars_until or self._bars.newest_close()
            if self._bars_until is not None:
                # It lies before the bars: what is committed while they are worked off is read after them.
                self._position = self._position or self._positions.begin()
                if also_bars and (today := day_of(self.clock.now())) != self._ended_on:
                    self._enrichment.end_contracts(today)
                    self._ended_on = today
                more = also_bars and (self._follow_bars() or self._renew())
                more = self._follow_signals() or more
        except (StorageError, CalculatorError) as error:
            self._position = None  # another daemon may have moved it, or this one without an answer
            self._failures += 1
            if self._retry.failed(str(error), at=self.clock.now(), now_s=now_s):
                self.log.warning("enrichment.waiting", error=str(error))
        else:
            self._retry.succeeded()
        self.publish(
            EnricherSnapshot(
                on=self._bars_until is not None,
                bars_until=self._bars_until,
                behind_s=self._behind_s(),
                written=self._written,
                failures=self._failures,
                processes=self._calculator.starts,
                note=None if self._calculator.installed else NOT_INSTALLED,
                error=self._retry.error or self._training_error or self._scorer.error,
                failing_since=self._retry.since,
            )
        )
        return more

    def _behind_s(self) -> float | None:
        """Return how much later than our position the newest commit is: its number is its instant in milliseconds."""
        newest = self._newest()
        if self._position is None or newest is None:
            return None
        return max(0, newest - self._position.number) / 1000

    def _newest(self) -> int | None:
        cache = self.context.services.snapshots.read(CACHE, CacheSnapshot)
        return cache.value.commit_number if cache else None

    def _follow_bars(self) -> bool:
        """Enrich the signals of symbols whose bars have changed."""
        changes = self._bars.changes(limit=SYMBOLS)
        if changes:
            self._bars_until = self._bars.newest_close()
        for change in changes:
            self._enrich_symbol(change.symbol, since=change.since)
            self._bars.settle([change])
        return len(changes) == SYMBOLS

    def _renew(self) -> bool:
        """Enrich signals that only earlier rules have judged, or another model has scored. Return whether more are left."""
        if (model := self._scorer.version()) != self._model:
            self._model, self._renewed = model, ""
        if self._renewed is not None:
            since = self.clock.now() - self._kept
            symbols = self._enriched.outdated(
                after=self._renewed, rules=RULES_VERSION, model=model, since=since, limit=SYMBOLS
            )
            for symbol in symbols:
                self._enrich_symbol(symbol, since=None)
            self._renewed = symbols[-1] if symbols else None
        return self._renewed is not None

    def _learn(self) -> None:
        """Train the score when it is due."""
        now_s = self.clock.monotonic_s()
        if self._bars_until is None or not may_work(self.context.services.snapshots, MAINTENANCE, now_s):
            return
        try:
            if self._learning.look():
                self._scorer.forget()
                self._training_error = None
        except CalculatorError as error:
            self._training_error = str(error)
            self.log.warning("score.training_failed", error=str(error))
        except StorageError as error:
            self.log.warning("score.waiting", error=str(error))

    def _enrich_symbol(self, symbol: str, *, since: datetime | None) -> None:
        for found in self._enrichment.of_symbol(symbol, since=since):
            self._write(found)
        self._written += self._enrichment.judge_replaced(symbol)

    def _follow_signals(self) -> bool:
        """Enrich signals that have changed, some pages of them. Return whether there are more."""
        newest = self._newest()
        if newest is None:
            return False
        goal = Position.end_of(newest)
        for _ in range(PAGES):
            if (
                self._position is None
                or (place := Position(self._position.number, self._position.id)) >= goal
            ):
                return False
            changes = self._signals.committed(after=place, upto=newest, limit=PAGE_SIZE)
            news = [
                row for row in changes.rows if row["superseded_at"] is None and row["number"] not in self._own
            ]
            self._write(self._enrichment.of(news))
            gone = {
                symbol_of(row["asset"], row["ts"]) for row in changes.rows if row["superseded_at"] is not None
            }
            for symbol in sorted(gone):
                self._written += self._enrichment.judge_replaced(symbol)
            reached = Position(*changes.reached) if changes.reached else goal
            after = replace(self._position, number=reached.number, id=reached.id)
            # None: another daemon has moved it. The next look reads it anew.
            self._position = after if self._positions.move(self._position, after) else None
        return True

    def _write(self, found: list[Enriched]) -> None:
        number = self._enrichment.write(found)
        self._written += sum(one.changed for one in found)
        if number is not None:
            self._own.append(number)
            self.send(CACHE, SignalsCommitted(commit_number=number, signals=0))
        self.beat()
