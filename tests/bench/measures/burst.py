"""Cached reads while many messages come in: the reader must not wait for the parser, nor the parser for the reader."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from ops.local.sample import SAMPLE_CHANNEL
from tests.bench.feed import Feed, feed
from tests.bench.figures import Figure, Goal, in_turn
from tests.bench.load import Load
from tests.bench.measure import Measure
from tests.bench.measures.serving import PAGE, SIGNALS
from tests.bench.messages import wait_read
from tests.bench.scene import Scene

__all__ = ["MEASURE"]

PER_SECOND = 500
READS_PER_SECOND = 200


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

    def read(**pace: float) -> tuple[Load, float, float]:
        """Return the load, the rate of messages, and after how many seconds more the last one was read."""
        with ThreadPoolExecutor(1) as thread:
            fed = thread.submit(feed, plan)
            # the feeding has begun when the warm-up of the load is over
            load = engine.put(PAGE, seconds=seconds, warm_s=2.0, **pace)
            put = fed.result()
        fed_s = time.monotonic()
        wait_read(scene.gateway_url, channel=SAMPLE_CHANNEL)
        return load, put.put / put.seconds, time.monotonic() - fed_s

    found = in_turn(
        scene.scale.of(2, 1),
        {
            "cached page": read,
            f"cached page at {READS_PER_SECOND}/s": lambda: read(per_second=READS_PER_SECOND),
        },
    )
    for page, rounds in found.items():
        loads, rates, late = zip(*rounds, strict=True)
        goal = Goal(most=5) if page == "cached page" else None
        name = f"{page} beside {PER_SECOND} messages/s"
        yield Figure(name=name, unit="requests/s", values=tuple(load.per_second for load in loads))
        yield Figure(name=f"{name}, p50", unit="ms", values=tuple(load.p50_ms for load in loads))
        yield Figure(name=f"{name}, p99", unit="ms", values=tuple(load.p99_ms for load in loads), goal=goal)
        yield Figure(name=f"{name}, messages that came in", unit="messages/s", values=rates)
        yield Figure(name=f"{name}, until all were read", unit="s", values=late)


MEASURE = Measure(
    name="burst", what=f"p99 of the cached page while {PER_SECOND} messages a second come in", run=_run
)
