"""The process that trains: reads examples from its input, writes what it has learnt to its output, and ends.

scikit-learn is loaded here only. It takes 200 MB, which are given back when the process ends.
"""

from __future__ import annotations

import pickle
import sys
from datetime import datetime

from actors.analysis.score.examples import Example
from actors.analysis.score.figures import evidence_of
from actors.analysis.score.report import trained
from actors.analysis.score.training import walk_forward

__all__: list[str] = []


def main() -> None:
    """Train once. The input is the present instant, then pages of examples."""
    # from the process that started this one
    now: datetime = pickle.load(sys.stdin.buffer)  # noqa: S301
    examples: list[Example] = []
    while True:
        try:
            examples += pickle.load(sys.stdin.buffer)  # noqa: S301
        except EOFError:
            break
    learnt = walk_forward(examples, now=now)
    evidence = evidence_of(learnt.foretold)
    pickle.dump(trained(learnt.fits, evidence, results=learnt.results, at=now), sys.stdout.buffer)


if __name__ == "__main__":
    main()
