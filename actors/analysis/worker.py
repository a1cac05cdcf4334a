"""The process that computes indicators and scores: reads questions from its input, writes answers to its output, until the end.

The libraries of the extra ``enrich`` are loaded here only, so that the engine's memory and start stay as they are.
"""

from __future__ import annotations

import pickle
import sys

from actors.analysis.indicators import DayBars, Indicators
from actors.analysis.questions import Question, Scoring
from actors.analysis.score.model import Score

__all__ = ["main"]


def answer(question: Question | Scoring) -> list[Indicators] | list[Score]:
    """Return the indicators at each moment, or the score of each signal."""
    if isinstance(question, Scoring):
        return [fit.score(features) for fit, features in question.asked]
    days = DayBars(question.bars)
    return [days.at(instant, entry=entry) for instant, entry in question.moments]


def main() -> None:
    """Answer until the input ends."""
    while True:
        try:
            question: Question | Scoring = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
        except EOFError:
            return
        pickle.dump(answer(question), sys.stdout.buffer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
