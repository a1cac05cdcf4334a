"""Cached reads while many messages come in: the reader must not wait for the parser."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from ops.local.sample import SAMPLE_CHANNEL
from tests.bench.feed import Feed, feed
from tests.bench.figures import Figure, Goal
from tests.bench.measure import Measure
from tests.bench.measures.serving import PAGE, SIGNALS
from tests.bench.messages import wait_read
from tests.bench.scene import Scene

__all__ = ["MEASURE"]

PER_SECOND = 500
CONNECTIONS = 16


def _run(scene: Scene) -> Iterator[Figure]:
    engine = scene.with_signals(SIGNALS)
    seconds = scene.scale.of(10, 3)
    plan = Feed(
        gateway_url=scene.gateway_url,
        channel=SAMPLE_CHANNEL,
        per_second=PER_SECOND,
        seconds=seconds + 3,
        at_once=25,
    )
    loads, rates = [], []
    for _ in range(scene.scale.of(3, 1)):
        with ThreadPoolExecutor(1) as thread:
            fed = thread.submit(feed, plan)
            # the feeding has begun when the warm-up of the load is over
            loads.append(engine.put(PAGE, connections=CONNECTIONS, seconds=seconds, warm_s=2.0))
            put = fed.result()
        rates.append(put.put / put.seconds)
        wait_read(scene.gateway_url, channel=SAMPLE_CHANNEL)
    yield Figure(name=f"messages that came in, {PER_SECOND}/s wanted", unit="messages/s", values=tuple(rates))
    name = "cached page meanwhile"
    yield Figure(name=name, unit="requests/s", values=tuple(load.per_second for load in loads))
    yield Figure(name=f"{name}, p50", unit="ms", values=tuple(load.p50_ms for load in loads))
    yield Figure(
        name=f"{name}, p99", unit="ms", values=tuple(load.p99_ms for load in loads), goal=Goal(most=5)
    )


MEASURE = Measure(
    name="burst", what=f"p99 of the cached page while {PER_SECOND} messages a second come in", run=_run
)
