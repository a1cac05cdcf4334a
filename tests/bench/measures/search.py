"""Questions that find little or nothing among 120,000 signals, and the summary when nothing of it is kept."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.figures import Figure, Goal
from tests.bench.measure import Measure
from tests.bench.scene import Scene
from tests.bench.signal_rows import ABSENT_WORD, rare_word

__all__ = ["MEASURE"]

SIGNALS = 120_000


def _run(scene: Scene) -> Iterator[Figure]:
    engine = scene.with_signals(SIGNALS)
    asked, rounds = scene.scale.of(10, 4), scene.scale.of(3, 1)
    rare = [f"/signals?search={rare_word(number * 11_003)}&to={{n}}" for number in range(1, 11)]
    # each asked once: a summary that is kept would not be counted anew
    summaries = [f"/summary?days={days}&tz=America/Sao_Paulo" for days in range(61, 61 + asked * rounds)]
    for name, paths, most in (
        ("search, a word of one signal", rare, 20),
        ("search, a word of none", [f"/signals?search={ABSENT_WORD}"], 20),
        ("a type of no signal", ["/signals?type=Ausente{n}"], 20),
        ("/summary, counted anew", summaries, 60),
    ):
        loads = []
        for number in range(rounds):
            part = paths[number * asked :] + paths[: number * asked] if paths is summaries else paths
            loads.append(engine.put(*part, connections=1, answers=asked, seconds=10, warm_s=0))
        values = tuple(load.p50_ms for load in loads)
        yield Figure(
            name=f"{name}, {SIGNALS:,} signals", unit="ms (p50)", values=values, goal=Goal(most=most)
        )


MEASURE = Measure(
    name="search", what="rare and absent words and types, /summary, at 120,000 signals", run=_run
)
