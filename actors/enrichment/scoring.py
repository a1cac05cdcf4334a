"""Gives signals the score of the newest model, as long as its evidence lets it be shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from actors.analysis.questions import Scoring
from actors.analysis.score.features import Results, features_of
from actors.analysis.score.model import Fit, Score, fit_for
from actors.enrichment.calculator import Calculator
from actors.enrichment.trades import trade_of
from storage.postgres.score_models import ScoreModels

__all__ = ["UNREADABLE", "Scorer"]

Row = Mapping[str, Any]

#: why signals have no score although their model says that they may
UNREADABLE = "the stored model of the score cannot be read: `tp-capital score train` makes another one"
#: so long it takes until a new model, and new results of channels, are seen
_FRESH = timedelta(seconds=30)


class Scorer:
    """Reads models and results. All calls may raise ``StorageError``, and :meth:`of` a ``CalculatorError``."""

    def __init__(self, models: ScoreModels, calculator: Calculator, *, now: Callable[[], datetime]) -> None:
        self._models = models
        self._calculator = calculator
        self._now = now
        self._version = ""
        self._fits: Sequence[Fit] = ()
        self._results: Results | None = None
        self._fresh_until: datetime | None = None
        #: why there is no score, a sentence for a person
        self.error: str | None = None

    def version(self) -> str:
        """Return the version of the newest model, an empty text without one that can be read. It may be half a minute old."""
        now = self._now()
        if self._fresh_until is None or now >= self._fresh_until:
            newest = self._models.newest()
            if newest is None:
                self._version, self._fits = "", ()
            elif newest["version"] != self._version:
                fits = self._models.fits(newest["version"]) if newest["shown"] else ()
                self._fits = self._restored(fits)
                # another training may give the same version again, and then it can be read
                self._version = "" if self.error else newest["version"]
            self._results, self._fresh_until = None, now + _FRESH
        return self._version

    def _restored(self, stored: Sequence[Row]) -> Sequence[Fit]:
        """Return the fits, none if another version has stored them or they are damaged. Outcomes do not wait for them."""
        self.error = None
        try:
            return [Fit.restored(fit) for fit in stored]
        except (KeyError, TypeError, ValueError, AttributeError):
            self.error = UNREADABLE
            return ()

    def forget(self) -> None:
        """Read what is newest at the next call."""
        self._fresh_until = None

    def of(self, signals: Sequence[tuple[Row, Row | None, Row]]) -> list[Row | None]:
        """Return the scores of signals, as they are stored: each by its row, what was posted, and its indicators."""
        self.version()
        found: list[Row | None] = [None] * len(signals)
        if not self._fits:
            return found
        self._results = self._results or Results(self._models.results())
        asked = []
        for place, (row, trade, indicators) in enumerate(signals):
            fit = fit_for(self._fits, row["ts"])
            if fit is None or trade is None:
                continue
            features = features_of(trade_of(row, trade), indicators, self._results)
            if features is not None:
                asked.append((place, fit, features))
        scores = self._calculator.scores(Scoring([each[1:] for each in asked])) if asked else []
        for (place, _, _), score in zip(asked, scores, strict=True):
            found[place] = _stored(score)
        return found


def _stored(score: Score) -> Row:
    # so many places that a result more changes nothing that is shown
    return {
        "probability": round(score.probability, 4),
        "base_rate": round(score.base_rate, 4),
        "contributions": [{"name": name, "effect": round(by, 3)} for name, by in score.contributions],
        "model": score.model,
        "trained_until": score.trained_until.isoformat(),
    }
