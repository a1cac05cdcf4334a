"""The grammar's speed on one core; beside it the part of it that only prepares the text."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from actors.grammar import read
from actors.grammar.text import prepare
from tests.bench.figures import Figure, Goal, in_turn
from tests.bench.measure import Measure
from tests.bench.messages import sample_texts
from tests.bench.scene import Scene

__all__ = ["MEASURE"]


def _run(scene: Scene) -> Iterator[Figure]:
    texts = sample_texts() * scene.scale.of(10, 2)

    def rate(work: Callable[[str], object]) -> float:
        began_s = time.process_time()
        for text in texts:
            work(text)
        return len(texts) / (time.process_time() - began_s)

    rate(read)
    found = in_turn(scene.scale.of(7, 3), {"reading": lambda: rate(read), "preparing": lambda: rate(prepare)})
    yield Figure(
        name="grammar, one core",
        unit="messages/s of processor time",
        values=tuple(found["reading"]),
        goal=Goal(least=6000),
    )
    yield Figure(
        name="of it: preparing the text",
        unit="messages/s of processor time",
        values=tuple(found["preparing"]),
    )


MEASURE = Measure(name="grammar", what="reading the sample history on one core", run=_run)
