"""How long a message takes from the gateway to the stream: with the doorbell, and by polling only."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.feed import Feed, feed
from tests.bench.figures import Figure, Goal, quantile
from tests.bench.measure import Measure
from tests.bench.scene import Scene

__all__ = ["MEASURES"]

PER_SECOND = 20
INTERVAL_MS = 1000


def _latencies(scene: Scene, **settings: str) -> list[list[float]]:
    """Return the milliseconds of each message, round by round."""
    place = scene.place(**settings)
    with scene.running(place) as engine:

        def one(seconds: float) -> list[float]:
            plan = Feed(
                gateway_url=scene.gateway_url,
                channel=place.channel,
                per_second=PER_SECOND,
                seconds=seconds,
                stream_port=engine.port,
            )
            return feed(plan).latencies_ms

        one(1)
        return [one(scene.scale.of(10, 3)) for _ in range(scene.scale.of(3, 1))]


def _figures(name: str, rounds: list[list[float]], p50: Goal, p99: Goal | None) -> Iterator[Figure]:
    for part, share, goal in (("p50", 0.5, p50), ("p99", 0.99, p99), ("longest", 1.0, None)):
        values = tuple(quantile(latencies, share) for latencies in rounds)
        yield Figure(name=f"{name}, {part}", unit="ms", values=values, goal=goal)


def _doorbell(scene: Scene) -> Iterator[Figure]:
    rounds = _latencies(scene, TP_CAPITAL_DOORBELL="1")
    yield from _figures("message to stream, doorbell", rounds, Goal(most=15), Goal(most=50))


def _polling(scene: Scene) -> Iterator[Figure]:
    rounds = _latencies(scene, TP_CAPITAL_DOORBELL="0", GATEWAY_POLLING_INTERVAL_MS=str(INTERVAL_MS))
    name = f"message to stream, polling each {INTERVAL_MS / 1000:g} s"
    yield from _figures(name, rounds, Goal(most=INTERVAL_MS / 2 + 20), None)


MEASURES = (
    Measure(name="doorbell", what=f"message to stream with doorbell, {PER_SECOND} messages/s", run=_doorbell),
    Measure(name="polling", what=f"message to stream by polling only, {PER_SECOND} messages/s", run=_polling),
)
