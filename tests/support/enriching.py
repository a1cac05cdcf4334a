"""An enricher that was not started, on a real database, and the bars that it is given."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from actors.enricher import Enricher
from actors.enrichment.calculator import Calculator
from actors.enrichment.enriching import Enrichment
from actors.enrichment.learning import Learning
from actors.enrichment.scoring import Scorer
from actors.grammar import GRAMMAR_VERSION
from actors.names import CACHE, ENRICHER
from actors.shown.snapshots import CacheSnapshot
from engine.messages import CommitSeen, SignalsCommitted, Tick
from ops.stores import RETENTION
from storage.postgres.bars import Bars
from storage.postgres.database import Database
from storage.postgres.enrichment import EnrichedSignals
from storage.postgres.feed_positions import FeedPositions
from storage.postgres.instruments import Instruments
from storage.postgres.ledger import Ledger
from storage.postgres.page_query import SignalQuery
from storage.postgres.replaced_signals import ReplacedSignals
from storage.postgres.score_models import ScoreModels
from storage.postgres.signals import Signals
from storage.postgres.stored_readings import StoredReadings
from tests.support.recording import World

__all__ = ["Enriching"]


class Enriching(World):
    """An un-started enricher on a real database."""

    def __init__(self, database: Database, calculator: Calculator) -> None:
        super().__init__()
        self.ledger = Ledger(database, grammar_version=GRAMMAR_VERSION)
        self.signals = Signals(database, retention=RETENTION)
        self.bars = Bars(database)
        self.instruments = Instruments(database)
        self.enriched = EnrichedSignals(database, self.ledger)
        self.models = ScoreModels(database)
        self.scorer = Scorer(self.models, calculator, now=database.now)
        self.learning = Learning(self.models, now=database.now)
        self.enrichment = Enrichment(
            signals=self.signals,
            bars=self.bars,
            instruments=self.instruments,
            enriched=self.enriched,
            readings=StoredReadings(database),
            replaced=ReplacedSignals(database),
            calculator=calculator,
            scorer=self.scorer,
            kept=RETENTION,
            now=database.now,
        )
        self.cache = self.recorder(CACHE)
        self.enricher = Enricher(
            self.context(ENRICHER),
            positions=FeedPositions(database, reader=ENRICHER),
            signals=self.signals,
            bars=self.bars,
            enriched=self.enriched,
            enrichment=self.enrichment,
            calculator=calculator,
            scorer=self.scorer,
            learning=self.learning,
            kept=RETENTION,
            random=Random(1),
        )

    def see(self) -> None:
        """Let the enricher see the newest commit, as the cache tells it."""
        number = self.ledger.commit_number()
        self.snapshots.publish(CACHE, CacheSnapshot(commit_number=number, error=None))
        self.enricher.on_receive(CommitSeen(commit_number=number))

    def look(self) -> None:
        """Let the enricher look for bars until it has worked off all."""
        self.snapshots.publish(CACHE, CacheSnapshot(commit_number=self.ledger.commit_number(), error=None))
        self.enricher.on_receive(Tick(purpose="look"))

    def rows(self) -> dict[str, Mapping[str, Any]]:
        """Return what is known, by asset."""
        page = self.signals.find(SignalQuery())
        return {
            row["asset"]: row for row in self.enriched.of([signal["id"] for signal in page.rows]).values()
        }

    def commits(self) -> int:
        """Return how many commits the cache was told of since the last call."""
        return sum(isinstance(told, SignalsCommitted) for told in self.cache.taken())
