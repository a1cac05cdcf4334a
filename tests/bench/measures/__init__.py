"""The measures, in the order they run: those that want few signals stand before those that add many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module

from tests.bench.figures import Figure
from tests.bench.measure import Measure
from tests.bench.measures import (
    alerts,
    burst,
    dashboard,
    enrichment,
    grammar,
    growth,
    idle,
    ingest,
    memory,
    news,
    search,
    serving,
    start,
    telegram,
)
from tests.bench.scene import Scene

__all__ = ["MEASURES"]


def _later(module: str) -> Callable[[Scene], Iterator[Figure]]:
    """Import a measure when it is run: it uses parts that another tree may have elsewhere."""

    def run(scene: Scene) -> Iterator[Figure]:
        yield from import_module(f"{__name__}.{module}").run(scene)

    return run


MEASURES: tuple[Measure, ...] = (
    grammar.MEASURE,
    *start.MEASURES,
    serving.MEASURE,
    burst.MEASURE,
    dashboard.MEASURE,
    *news.MEASURES,
    alerts.MEASURE,
    telegram.MEASURE,
    ingest.MEASURE,
    enrichment.MEASURE,
    search.MEASURE,
    *memory.MEASURES,
    idle.MEASURE,
    growth.MEASURE,
    Measure(
        name="migrate_data",
        what="rows of the former service taken over, killed in between",
        run=_later("migrate_data"),
        on_demand=True,
    ),
    Measure(
        name="layouts",
        what="chunks, compressed chunks, native partitions; needs TimescaleDB",
        run=_later("layouts"),
        on_demand=True,
    ),
)
