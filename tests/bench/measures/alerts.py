"""How long a message takes from the gateway to a signed webhook, beside the same way to an open stream."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import requests

from tests.bench.feed import Feed, feed
from tests.bench.figures import Figure, Goal, quantile
from tests.bench.measure import Measure
from tests.bench.scene import Scene
from tests.support.alerting import LOOPBACK, Receiver

__all__ = ["MEASURE"]

PER_SECOND = 5


def _run(scene: Scene) -> Iterator[Figure]:
    place = scene.place(TP_CAPITAL_DOORBELL="1", **LOOPBACK)
    key = place.environment["TP_CAPITAL_API_KEY"]
    with scene.running(place) as engine, Receiver() as receiver:
        rule = {"name": "bench", "kinds": ["signal"], "targets": [{"url": receiver.url}]}
        url = f"http://127.0.0.1:{engine.port}/alerts"
        requests.post(url, json=rule, headers={"X-API-Key": key}, timeout=30).raise_for_status()

        def one(seconds: float) -> tuple[list[float], list[float]]:
            """Return the milliseconds of each message to the webhook and to the stream."""
            before = receiver.count
            plan = Feed(
                gateway_url=scene.gateway_url,
                channel=place.channel,
                per_second=PER_SECOND,
                seconds=seconds,
                stream_port=engine.port,
            )
            streamed = feed(plan).latencies_ms
            taken = receiver.wait_for_requests(before + len(streamed), timeout_s=60)[before:]
            # a message has the instant right before it was put in
            to_wall_s = time.time() - time.monotonic()
            posted = [json.loads(request.body)["data"]["signal"]["ts"] for request in taken]
            pairs = zip(taken, posted, strict=True)
            return [(request.at + to_wall_s) * 1000 - at_ms for request, at_ms in pairs], streamed

        one(2)
        rounds = [one(scene.scale.of(20, 5)) for _ in range(scene.scale.of(3, 1))]
    goals = {"p50": Goal(most=100), "p99": Goal(most=300), "longest": None}
    for place_in_pair, name in enumerate(("webhook", "stream")):
        for part, share in (("p50", 0.5), ("p99", 0.99), ("longest", 1.0)):
            values = tuple(quantile(both[place_in_pair], share) for both in rounds)
            goal = goals[part] if name == "webhook" else None
            yield Figure(
                name=f"message to {name}, {PER_SECOND}/s, {part}", unit="ms", values=values, goal=goal
            )


MEASURE = Measure(
    name="alerts", what=f"message to a signed webhook and to the stream, {PER_SECOND} messages/s", run=_run
)
