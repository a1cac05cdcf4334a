"""Trains the score in a process of its own: each week, and when there are twice as many results."""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from importlib.util import find_spec

from actors.analysis.score.examples import LEAST_RESULTS, Example, monday_before
from actors.analysis.score.report import Trained
from actors.enrichment.calculator import CalculatorError
from actors.enrichment.trades import example_of
from storage.postgres.score_models import ScoreModels

__all__ = ["TRAINING_NOT_INSTALLED", "Learning", "Training"]

#: what a user is told without the extra
TRAINING_NOT_INSTALLED = "the score needs the extra enrich: pip install 'tp-capital[enrich]'"
_MODULE = "actors.analysis.score.process"
#: a training takes a minute at most
_LONGEST_S = 900.0
_AGAIN_AFTER_FAILURE = timedelta(hours=1)


class Training:
    """One training in its process. Input and output are files, so nobody waits for it who does not want to."""

    def __init__(self, pages: Iterable[Sequence[Example]], *, now: datetime) -> None:
        with tempfile.TemporaryFile() as given:
            pickle.dump(now, given)
            for page in pages:
                pickle.dump(page, given)
            given.seek(0)
            self._told = tempfile.TemporaryFile()  # noqa: SIM115 - :meth:`close` closes it
            self._process = subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter
                [sys.executable, "-m", _MODULE],
                stdin=given,
                stdout=self._told,
                stderr=subprocess.DEVNULL,
            )

    def has_ended(self) -> bool:
        """Return whether its result is there."""
        return self._process.poll() is not None

    def result(self, *, longest_s: float = _LONGEST_S) -> Trained:
        """Wait for what it has learnt, and return it.

        Raises:
            CalculatorError: it has failed, or takes too long.
        """
        try:
            code = self._process.wait(longest_s)
            if code:
                raise CalculatorError(f"the process that trains the score ended with code {code}")
            self._told.seek(0)
            learnt: Trained = pickle.load(self._told)  # noqa: S301 - of our own process
        except subprocess.TimeoutExpired as error:
            raise CalculatorError(
                f"the process that trains the score took more than {longest_s:g} s"
            ) from error
        finally:
            self.close()
        return learnt

    def close(self) -> None:
        """End it, and give everything back. Idempotent."""
        self._process.kill()
        self._process.wait()
        self._told.close()


class Learning:
    """Begins a training when it is due, and stores what it has learnt. ``look`` is called again and again."""

    def __init__(self, models: ScoreModels, *, now: Callable[[], datetime]) -> None:
        self._models = models
        self._now = now
        self._training: Training | None = None
        self._not_before: datetime | None = None
        self.installed = find_spec("sklearn") is not None

    def begin(self) -> Training:
        """Begin a training with everything that is known."""
        pages = ([example_of(row) for row in page] for page in self._models.examples())
        return Training(pages, now=self._now())

    def store(self, learnt: Trained) -> None:
        """Store what a training has learnt."""
        self._models.put(asdict(learnt))

    def look(self) -> bool:
        """Return whether there is a new model. Never waits for a training.

        Raises:
            StorageError: the database is away.
            CalculatorError: the training has failed. The next one begins in an hour.
        """
        if self._training is not None:
            return self._training.has_ended() and self._end(self._training)
        now = self._now()
        if self.installed and (self._not_before is None or now >= self._not_before) and self._is_due(now):
            self._training = self.begin()
        return False

    def _end(self, training: Training) -> bool:
        self._training, self._not_before = None, self._now() + _AGAIN_AFTER_FAILURE
        self.store(training.result())
        self._not_before = None
        return True

    def _is_due(self, now: datetime) -> bool:
        newest = self._models.newest()
        least = LEAST_RESULTS
        if newest is not None and newest["trained_at"] >= monday_before(now):
            least = max(least, 2 * newest["results"])
        return self._models.count_results() >= least

    def is_running(self) -> bool:
        """Return whether a training was begun and is not stored yet."""
        return self._training is not None

    def close(self) -> None:
        """End a training that runs. Idempotent."""
        training, self._training = self._training, None
        if training is not None:
            training.close()
