"""Reading over HTTP beside a bare answer of the same size: how much of the time is ours, how much the server's."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.figures import Figure, Goal, in_turn, ratios
from tests.bench.load import Load
from tests.bench.measure import Measure
from tests.bench.scene import Scene, size_of

__all__ = ["MEASURE", "PAGE", "SIGNALS"]

PAGE = "/signals?limit=100"
SIGNALS = 10_000


def _run(scene: Scene) -> Iterator[Figure]:
    engine, bare = scene.with_signals(SIGNALS), scene.bare
    page, health = (f"/{size_of(engine, path)}" for path in (PAGE, "/health"))
    seconds = scene.scale.of(4, 1)
    found = in_turn(
        scene.scale.of(4, 2),
        {
            "bare page": lambda: bare.put(page, seconds=seconds),
            "cached": lambda: engine.put(PAGE, seconds=seconds),
            "not cached": lambda: engine.put(PAGE + "&to={n}", seconds=seconds),
            "bare health": lambda: bare.put(health, seconds=seconds),
            "health": lambda: engine.put("/health", seconds=seconds),
        },
    )
    yield from _beside("page cached", found["cached"], "bare page", found["bare page"], Goal(least=0.6))
    # 3.5 times the 194 a second that were measured on a quiet machine of two cores
    yield from _beside("page not cached", found["not cached"], None, found["bare page"], Goal(least=680))
    yield from _beside("/health", found["health"], "bare /health", found["bare health"], Goal(least=0.6))


def _beside(
    name: str, ours: list[Load], bare_name: str | None, bare: list[Load], goal: Goal
) -> Iterator[Figure]:
    """Yield the ratio, which has the goal if the bare server is shown; else our own rate has it."""
    if bare_name:
        yield Figure(name=bare_name, unit="requests/s", values=tuple(load.per_second for load in bare))
    rates, beside = [load.per_second for load in ours], [load.per_second for load in bare]
    yield Figure(name=name, unit="requests/s", values=tuple(rates), goal=None if bare_name else goal)
    yield Figure(
        name=f"{name}, beside bare", unit="x", values=ratios(rates, beside), goal=goal if bare_name else None
    )
    yield Figure(
        name=f"{name}, processor time of an answer beside bare",
        unit="x",
        values=ratios([load.cpu_us for load in ours], [load.cpu_us for load in bare]),
    )
    yield Figure(name=f"{name}, p50", unit="ms", values=tuple(load.p50_ms for load in ours))
    yield Figure(name=f"{name}, p99", unit="ms", values=tuple(load.p99_ms for load in ours))


MEASURE = Measure(
    name="serving", what="/signals cached and not, /health: 16 connections, 10,000 signals", run=_run
)
