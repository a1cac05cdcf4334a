"""What the score finds where the chance of each signal is planted: ``python -m tests.bench.scoring``, some twenty minutes.

It prints two tables: data with an effect, and data without one, for as many seeds as asked.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from actors.analysis.score.evidence import Evidence, Foretold
from actors.analysis.score.figures import evidence_of
from actors.analysis.score.training import walk_forward
from ops.terminal import say
from tests.support.planted import WEEKS, end_of, planted


def learnt(seed: int, effect: float) -> tuple[Sequence[Foretold], Sequence[Foretold]]:
    """Return what was foretold of the signals of one seed, and the planted chances of the same."""
    examples, chances = planted(seed, effect=effect)
    foretold = walk_forward(examples, now=end_of(WEEKS)).foretold
    told_at = {one.posted_at for one in foretold}
    true = [
        Foretold(one.posting.posted_at, chances[one.key], 0.5, one.hit)
        for one in examples
        if one.hit is not None and one.posting.posted_at in told_at
    ]
    return foretold, true


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--planted", type=int, default=5, help="seeds with an effect")
    parser.add_argument("--empty", type=int, default=40, help="seeds without an effect")
    asked = parser.parse_args()
    say(
        "| seed | foretold | AUC | planted | AUC, 2nd half | planted | skill | 95 % | slope | intercept | shown |"
    )
    say("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    every: list[Foretold] = []
    for seed in range(asked.planted):
        foretold, true = learnt(seed, 1.0)
        found, every = evidence_of(foretold), [*every, *foretold]
        half = len(foretold) // 2
        aucs = (evidence_of(part).auc for part in (foretold, true, foretold[half:], true[half:]))
        say(
            f"| {seed} | {found.foretold} | {' | '.join(f'{auc:.3f}' for auc in aucs)} | {_interval(found)} "
            f"| {found.slope:.2f} | {found.intercept:.2f} | {_shown(found)} |"
        )
    say("\n| told | hits | 95 % | signals |\n| --- | --- | --- | --- |")
    for point in evidence_of(every).reliability if every else ():
        say(
            f"| {point.probability:.3f} | {point.share:.3f} | {point.share_low:.3f} to {point.share_high:.3f} "
            f"| {point.number} |"
        )
    say("\n| seed | foretold | AUC | skill | 95 % | shown |\n| --- | --- | --- | --- | --- | --- |")
    shown = 0
    for seed in range(asked.empty):
        found = evidence_of(learnt(seed, 0.0)[0])
        shown += found.enough
        say(f"| {seed} | {found.foretold} | {found.auc:.3f} | {_interval(found)} | {_shown(found)} |")
    say(f"\nwithout an effect shown in {shown} of {asked.empty}")


def _interval(found: Evidence) -> str:
    return f"{found.skill:.4f} | {found.skill_low:.4f} to {found.skill_high:.4f}"


def _shown(found: Evidence) -> str:
    return "yes" if found.enough else "no"


if __name__ == "__main__":
    main()
