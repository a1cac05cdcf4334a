"""The enricher as a child of the supervisor, and the enrichment that the command runs without it."""

from __future__ import annotations

import functools
from random import Random

from actors.enricher import Enricher
from actors.enrichment.calculator import Calculator
from actors.enrichment.enriching import Enrichment
from actors.enrichment.learning import Learning
from actors.enrichment.scoring import Scorer
from actors.names import ENRICHER
from engine.spec import ChildSpec
from ops.stores import RETENTION, Stores
from storage.postgres.bars import Bars
from storage.postgres.feed_positions import FeedPositions
from storage.postgres.instruments import Instruments
from storage.postgres.replaced_signals import ReplacedSignals
from storage.postgres.score_models import ScoreModels
from storage.postgres.stored_readings import StoredReadings

__all__ = ["enricher_spec", "enrichment_of", "scorer_of"]

#: a question to the process that computes may take a minute, and a write as long as one of the writer
_BEAT_S = 180.0


def scorer_of(stores: Stores, calculator: Calculator) -> Scorer:
    """Return what gives signals their score."""
    return Scorer(ScoreModels(stores.database), calculator, now=stores.database.now)


def enrichment_of(stores: Stores, calculator: Calculator, scorer: Scorer) -> Enrichment:
    """Return what works out what prices say."""
    return Enrichment(
        signals=stores.signals,
        bars=Bars(stores.database),
        instruments=Instruments(stores.database),
        enriched=stores.enriched,
        readings=StoredReadings(stores.database),
        replaced=ReplacedSignals(stores.database),
        calculator=calculator,
        scorer=scorer,
        kept=RETENTION,
        now=stores.database.now,
    )


def enricher_spec(stores: Stores) -> ChildSpec:
    """Return the spec of the actor that enriches signals."""
    calculator = Calculator()
    scorer = scorer_of(stores, calculator)
    factory = functools.partial(
        Enricher.start,
        positions=FeedPositions(stores.database, reader=ENRICHER),
        signals=stores.signals,
        bars=Bars(stores.database),
        enriched=stores.enriched,
        enrichment=enrichment_of(stores, calculator, scorer),
        calculator=calculator,
        scorer=scorer,
        learning=Learning(ScoreModels(stores.database), now=stores.database.now),
        kept=RETENTION,
        random=Random(),  # noqa: S311 - jitter, not cryptography
    )
    return ChildSpec(
        name=ENRICHER,
        factory=factory,
        parkable=True,
        interrupt=calculator.interrupt,
        heartbeat_limit_s=_BEAT_S,
    )
