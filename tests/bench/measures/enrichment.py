"""Reading messages in and serving pages while signals are enriched, beside the same without."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from psycopg import sql

from ops.local.process import wait_until
from tests.bench.figures import Figure, in_turn, ratios
from tests.bench.load import Load
from tests.bench.measure import Measure
from tests.bench.messages import put_messages, wait_read
from tests.bench.scene import Place, Scene, Server
from tests.bench.signal_rows import add_signals

__all__ = ["MEASURE"]

SIGNALS = 10_000
#: one price after the other far apart, so that some signals end and some do not
_ADD_BARS = """
insert into {bars} (symbol, interval, opened_at, closed_at, open, high, low, close, volume, distribution, source)
select 'PETR' || s, '1d', day + interval '13 hours', day + interval '21 hours', p, p * 1.02, p * 0.98, p * 1.01, 1000,
    100, 'csv'
from (select s, date_trunc('day', now()) - d * interval '1 day' as day, 10 + (s * 7919 + d * 104729) % 9000 / 100.0 as p
    from generate_series(0, 499) as s, generate_series(1, 365) as d) as made
"""
_BEGIN = """
delete from {enrichment};
delete from {outcomes};
insert into {changes} (symbol, since) select distinct symbol, now() - interval '400 days' from {bars}
on conflict (symbol) do nothing
"""
_LONGEST_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    messages_s: float
    page: Load
    #: the part of the signals that was not enriched yet when all had been measured
    left: float


class _Enriching:
    """The tables of an engine whose signals are to be enriched."""

    def __init__(self, url: str, schema: str) -> None:
        self._url = url
        names = ("bars", "bar_changes", "signal_outcomes", "signal_enrichment")
        bars, changes, outcomes, enrichment = (sql.Identifier(schema, name) for name in names)
        self._add = sql.SQL(_ADD_BARS).format(bars=bars)
        self._begin = sql.SQL(_BEGIN).format(
            bars=bars, changes=changes, outcomes=outcomes, enrichment=enrichment
        )
        self._stop = sql.SQL("delete from {}").format(changes)
        self._count = sql.SQL("select count(*) from {}").format(outcomes)

    def add_bars(self) -> None:
        with psycopg.connect(self._url) as connection:
            connection.execute(self._add)

    def begin(self) -> None:
        """Have all signals enriched anew, and wait until the first ones are."""
        with psycopg.connect(self._url) as connection:
            connection.execute(self._begin)
        self.wait(1)

    def stop(self) -> None:
        """Leave the rest as it is."""
        with psycopg.connect(self._url) as connection:
            connection.execute(self._stop)

    def count(self) -> int:
        with psycopg.connect(self._url) as connection:
            (found,) = connection.execute(self._count).fetchone() or (0,)
            return int(found)

    def wait(self, count: int) -> None:
        """Wait until so many signals are enriched."""
        if not wait_until(lambda: self.count() >= count, deadline_s=_LONGEST_S, every_s=0.1):
            raise RuntimeError(f"{self.count()} of {count} signals were enriched within {_LONGEST_S:g} s")


def _run(scene: Scene) -> Iterator[Figure]:
    place = scene.place(GATEWAY_POLLING_INTERVAL_MS="100")
    with scene.running(place) as engine:
        enriching = _Enriching(scene.engine_url, place.schema)
        add_signals(scene.engine_url, schema=place.schema, count=SIGNALS)
        enriching.add_bars()
        enriching.begin()
        began_s, began_cpu_s = time.perf_counter(), engine.cpu_s
        enriching.wait(SIGNALS)
        alone_s, alone_cpu_s = time.perf_counter() - began_s, engine.cpu_s - began_cpu_s

        numbers = itertools.count()

        def measure() -> _Found:
            return _measure(scene, place, engine, enriching, number=next(numbers))

        def beside() -> _Found:
            enriching.begin()
            found = measure()
            enriching.stop()
            return found

        rounds = in_turn(scene.scale.of(4, 1), {"without": measure, "beside": beside})
    yield Figure(name=f"{SIGNALS:,} signals of 500 symbols enriched", unit="s", values=(alone_s,))
    yield Figure(name="the same, processor time of the engine", unit="s", values=(alone_cpu_s,))
    without, while_enriching = rounds["without"], rounds["beside"]
    for name, unit, of in (
        ("messages", "messages/s", lambda found: found.messages_s),
        ("page not cached", "requests/s", lambda found: found.page.per_second),
        ("page not cached, p50", "ms", lambda found: found.page.p50_ms),
        ("page not cached, p99", "ms", lambda found: found.page.p99_ms),
    ):
        plain, loaded = tuple(map(of, without)), tuple(map(of, while_enriching))
        yield Figure(name=f"{name}, without", unit=unit, values=plain)
        yield Figure(name=f"{name}, while signals are enriched", unit=unit, values=loaded)
        yield Figure(name=f"{name}, beside without", unit="x", values=ratios(loaded, plain))
    left = tuple(found.left * 100 for found in while_enriching)
    yield Figure(name="signals left to enrich when that was measured", unit="%", values=left)


def _measure(scene: Scene, place: Place, engine: Server, enriching: _Enriching, *, number: int) -> _Found:
    count = scene.scale.of(2_000, 1_000)
    first, last = number * count + 1, (number + 1) * count
    put_messages(scene.gateway_url, channel=place.channel, first=first, count=last)
    began_s = time.perf_counter()
    wait_read(scene.gateway_url, channel=place.channel)
    messages_s = count / (time.perf_counter() - began_s)
    page = engine.put("/signals?limit=100&to={n}", seconds=scene.scale.of(3, 1))
    return _Found(messages_s=messages_s, page=page, left=max(0.0, 1 - enriching.count() / SIGNALS))


MEASURE = Measure(
    name="enrichment",
    what="messages and pages while 10,000 signals of 500 symbols are enriched, beside the same without",
    run=_run,
    on_demand=True,
)
