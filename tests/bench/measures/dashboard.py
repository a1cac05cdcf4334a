"""The cache under a dashboard's load, beside the same engine without one.

Ten clients ask five questions each second, spread over it, while one new signal a second arrives.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import requests
from prometheus_client.parser import text_string_to_metric_families

from ops.local.own_programs import ENGINE_DATABASE
from ops.local.ports import free_port
from tests.bench.feed import Feed, feed
from tests.bench.figures import Figure, in_turn
from tests.bench.load import Load
from tests.bench.measure import Measure
from tests.bench.measures.serving import SIGNALS
from tests.bench.messages import wait_read
from tests.bench.scene import Place, Scene, Server
from tests.bench.signal_rows import add_signals

__all__ = ["MEASURE"]

CLIENTS = 10
QUESTIONS = (
    "/signals?limit=100",
    "/signals?limit=50&side=buy",
    "/signals?limit=50&search=PETR",
    "/signals?limit=100&asset=PETR4",
    "/api/v1/signals?limit=20&type=Swing%20Trade",
)


def _run(scene: Scene) -> Iterator[Figure]:
    place, nobody = scene.place(), str(free_port())
    scene.migrate(place)
    add_signals(scene.engine_url, schema=place.schema, count=SIGNALS)

    def one(**settings: str) -> tuple[Load, float, float]:
        with scene.running(place, **settings) as engine:
            return _measure(scene, place, engine)

    found = in_turn(
        1,
        {
            "with Redis": one,
            "without": lambda: one(REDIS_MASTER_PORT=nobody, REDIS_REPLICA_PORT=nobody),
        },
    )
    for how, rounds in found.items():
        loads, hits, transactions = zip(*rounds, strict=True)
        name = f"dashboards {how}"
        yield Figure(name=f"{name}, answered from the cache", unit="%", values=hits)
        yield Figure(name=f"{name}, p50", unit="ms", values=tuple(load.p50_ms for load in loads))
        yield Figure(name=f"{name}, p99", unit="ms", values=tuple(load.p99_ms for load in loads))
        yield Figure(name=f"{name}, database", unit="transactions/s", values=transactions)


def _measure(scene: Scene, place: Place, engine: Server) -> tuple[Load, float, float]:
    """Return the load, the share of answers from the cache, and transactions a second."""
    seconds = scene.scale.of(15, 4)
    plan = Feed(gateway_url=scene.gateway_url, channel=place.channel, per_second=1, seconds=seconds)
    asked, transactions = _asked(engine), _transactions(scene)
    with ThreadPoolExecutor(1) as thread:
        fed = thread.submit(feed, plan)
        rate = CLIENTS * len(QUESTIONS)
        load = engine.put(*QUESTIONS, connections=CLIENTS, per_second=rate, seconds=seconds)
        fed.result()
    transactions = _transactions(scene) - transactions
    wait_read(scene.gateway_url, channel=place.channel)
    asked = {result: count - asked.get(result, 0.0) for result, count in _asked(engine).items()}
    hits = sum(count for result, count in asked.items() if result not in ("miss", "stale"))
    return load, hits / sum(asked.values()) * 100, transactions / seconds


def _asked(engine: Server) -> dict[str, float]:
    """Return how many pages were asked for, by what became of it."""
    text = requests.get(f"http://127.0.0.1:{engine.port}/metrics", timeout=10).text
    return {
        sample.labels["result"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "tpcapital_cache_requests_total"
    }


def _transactions(scene: Scene) -> float:
    with psycopg.connect(scene.engine_url) as connection:
        row = connection.execute(
            "select xact_commit + xact_rollback from pg_stat_database where datname = %s", [ENGINE_DATABASE]
        ).fetchone()
    assert row is not None
    return float(row[0])


MEASURE = Measure(
    name="dashboard",
    what=f"{CLIENTS} dashboards with and without Redis, one signal a second",
    run=_run,
    in_quick=False,
)
