"""The engine's memory after many messages, and after many different questions."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from tests.bench.figures import Figure, Goal
from tests.bench.measure import Measure
from tests.bench.measures.serving import PAGE, SIGNALS
from tests.bench.messages import put_messages, wait_read
from tests.bench.scene import Scene
from tests.bench.signal_rows import add_signals

__all__ = ["MEASURES"]

MILLION = 1_000_000
STEPS = 10


def _messages(scene: Scene) -> Iterator[Figure]:
    count = MILLION if scene.scale.large else scene.scale.of(200_000, 10_000)
    step = count // STEPS
    place = scene.place(GATEWAY_POLLING_INTERVAL_MS="100")
    with scene.running(place) as engine:
        at_start = engine.rss_mb
        held: list[tuple[int, float]] = []
        for number in range(STEPS):
            read = (number + 1) * step
            put_messages(scene.gateway_url, channel=place.channel, first=number * step + 1, count=read)
            wait_read(scene.gateway_url, channel=place.channel)
            held.append((read, engine.rss_mb))
    yield Figure(name="memory at the start", unit="MB", values=(at_start,))
    last = held[-1][1]
    goal = Goal(most=120)
    yield Figure(name=f"memory after {count:,} messages", unit="MB", values=(last,), goal=goal)
    # the first half fills what is bounded
    slope, _ = statistics.linear_regression(*zip(*held[STEPS // 2 :], strict=True))
    yield Figure(name="growth in the second half", unit="MB a 100,000 messages", values=(slope * 100_000,))
    if count < MILLION:
        estimate = last + max(0.0, slope) * (MILLION - count)
        yield Figure(name=f"estimate after {MILLION:,} messages", unit="MB", values=(estimate,), goal=goal)


def _questions(scene: Scene) -> Iterator[Figure]:
    asked, place = scene.scale.of(14_000, 1_400), scene.place()
    with scene.running(place) as engine:
        add_signals(scene.engine_url, schema=place.schema, count=SIGNALS)
        engine.put(PAGE + "&to={n}", answers=asked, seconds=600, warm_s=0)
        yield Figure(
            name=f"memory after {asked:,} different questions",
            unit="MB",
            values=(engine.rss_mb,),
            goal=Goal(most=150),
        )


MEASURES = (
    Measure(name="memory", what="memory after 200,000 messages (--large: 1 million)", run=_messages),
    Measure(name="questions", what="memory after 14,000 different questions", run=_questions),
)
