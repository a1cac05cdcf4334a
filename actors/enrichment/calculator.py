"""Asks the process that computes indicators and scores. It is started when it is needed, and replaced when it fails."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from importlib.util import find_spec
from typing import Any

from actors.analysis.indicators import Indicators
from actors.analysis.questions import Question, Scoring
from actors.analysis.score.model import Score

__all__ = ["NOT_INSTALLED", "Calculator", "CalculatorError"]

#: what a user is told without the extra
NOT_INSTALLED = "indicators need the extra enrich: pip install 'tp-capital[enrich]'"
#: a question takes a fraction of a second, loading the libraries a few
_LONGEST_S = 60.0
_MODULE = "actors.analysis.worker"


class CalculatorError(Exception):
    """The process has ended, or gave no answer in time."""


class Calculator:
    """One process at most. Used by one thread; :meth:`interrupt` may come from any."""

    def __init__(self, *, longest_s: float = _LONGEST_S) -> None:
        self._longest_s = longest_s
        self._process: subprocess.Popen[bytes] | None = None
        #: how often a process was started
        self.starts = 0
        self.installed = find_spec("talib") is not None

    def ask(self, question: Question) -> list[Indicators]:
        """Return the answer. Without the extra every value is missing, and says so.

        Raises:
            CalculatorError: the process has ended, or gave no answer in time. The next question starts another one.
        """
        if not self.installed:
            names = Indicators().values
            return [Indicators(missing=dict.fromkeys(names, "not_installed")) for _ in question.moments]
        answer: list[Indicators] = self._ask(question)
        return answer

    def scores(self, question: Scoring) -> list[Score]:
        """Return the score of each signal. It needs no library, so it is there without the extra too.

        Raises:
            CalculatorError: as :meth:`ask`.
        """
        answer: list[Score] = self._ask(question)
        return answer

    def _ask(self, question: Question | Scoring) -> Any:
        process = self._process = self._process or self._start()
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        deadline = threading.Timer(self._longest_s, process.kill)
        deadline.daemon = True
        deadline.start()
        try:
            pickle.dump(question, process.stdin)
            process.stdin.flush()
            answer = pickle.load(process.stdout)  # noqa: S301 - of our own process
        except (OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
            self.close()
            raise CalculatorError(
                f"the process that computes indicators ended with code {process.returncode}"
            ) from error
        finally:
            deadline.cancel()
        return answer

    def interrupt(self) -> None:
        """End the process, so that a question that is being answered fails."""
        if (process := self._process) is not None:
            process.kill()

    def close(self) -> None:
        """End the process. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.communicate()

    def _start(self) -> subprocess.Popen[bytes]:
        self.starts += 1
        return subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter
            [sys.executable, "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # it computes short series: threads of its libraries would only take memory
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
