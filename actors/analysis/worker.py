"""The process that computes indicators: reads questions from its input, writes answers to its output, until the end.

The libraries of the extra ``enrich`` are loaded here only, so that the engine's memory and start stay as they are.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from actors.analysis.indicators import DayBars, Indicators
from engine.bars import Bar

__all__ = ["Question", "main"]


@dataclass(frozen=True, slots=True)
class Question:
    """Asks for the indicators of one symbol at instants, each with the entry whose distance is asked."""

    bars: Sequence[Bar]
    moments: Sequence[tuple[datetime, Decimal | None]]


def answer(question: Question) -> list[Indicators]:
    """Return the indicators at each moment."""
    days = DayBars(question.bars)
    return [days.at(instant, entry=entry) for instant, entry in question.moments]


def main() -> None:
    """Answer until the input ends."""
    while True:
        try:
            question: Question = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
        except EOFError:
            return
        pickle.dump(answer(question), sys.stdout.buffer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
