"""The engine beside a straight loop of one thread that does the same requests, reading and writing."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench.figures import Figure, Goal, in_turn, ratios
from tests.bench.measure import Measure
from tests.bench.messages import put_messages, wait_read
from tests.bench.scene import Scene
from tests.bench.straight_loop import loop_over

__all__ = ["MEASURE"]


def _run(scene: Scene) -> Iterator[Figure]:
    count = scene.scale.of(20_000, 4_000)

    def loop() -> tuple[float, float]:
        place = scene.place()
        scene.migrate(place)
        looped = loop_over(place, lambda: put_messages(scene.gateway_url, channel=place.channel, count=count))
        return looped.seconds, looped.cpu_s

    def engine() -> tuple[float, float]:
        # the first look comes soon: only the work is to be compared
        place = scene.place(GATEWAY_POLLING_INTERVAL_MS="100")
        with scene.running(place) as server:
            put_messages(scene.gateway_url, channel=place.channel, count=count)
            began_s, began_cpu_s = time.perf_counter(), server.cpu_s
            wait_read(scene.gateway_url, channel=place.channel)
            return time.perf_counter() - began_s, server.cpu_s - began_cpu_s

    found = in_turn(scene.scale.of(3, 1), {"loop": loop, "engine": engine})
    (loop_s, loop_cpu), (engine_s, engine_cpu) = (
        tuple(zip(*found[name], strict=True)) for name in ("loop", "engine")
    )
    name = f"{count:,} messages"
    yield Figure(name=f"{name}, straight loop", unit="messages/s", values=tuple(count / s for s in loop_s))
    yield Figure(name=f"{name}, engine", unit="messages/s", values=tuple(count / s for s in engine_s))
    yield Figure(
        name=f"{name}, engine beside the loop",
        unit="x",
        values=ratios(loop_s, engine_s),
        goal=Goal(least=0.95),
    )
    yield Figure(
        name=f"{name}, processor time beside the loop's",
        unit="x",
        values=ratios(engine_cpu, loop_cpu),
        goal=Goal(most=1.15),
    )


MEASURE = Measure(name="ingest", what="20,000 waiting messages, beside a straight loop", run=_run)
