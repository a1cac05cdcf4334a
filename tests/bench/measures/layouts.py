"""Weeks as chunks, as compressed chunks, with a continuous aggregate, and as native partitions, beside each other.

Needs a server with TimescaleDB, named by TP_CAPITAL_TEST_TIMESCALE_URL (a superuser's URL); two databases are made
there and dropped again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from engine.timers import TimerThread
from storage.postgres.database import Database
from storage.postgres.orders import After
from storage.postgres.page_query import SignalQuery
from storage.postgres.schema import Strategy, migrate
from storage.postgres.signals import Signals
from tests.bench.figures import Figure
from tests.bench.scene import Scene
from tests.bench.signal_rows import add_signals

__all__ = ["run"]

ROUNDS = 5
TABLE = "signals.tp_capital_signals"
_SUMMARY = "select date_trunc('day', ts, 'UTC'), channel, side, count(*) from {t} group by 1, 2, 3"
_AGGREGATE = """
create materialized view signals.a_day with (timescaledb.continuous) as
select time_bucket('1 day', ts) as day, channel, side, count(*) as signals from {t} group by 1, 2, 3 with no data
"""


def run(scene: Scene) -> Iterator[Figure]:
    """Ask both layouts the same questions."""
    admin_url = os.environ.get("TP_CAPITAL_TEST_TIMESCALE_URL")
    if not admin_url:
        raise RuntimeError("TP_CAPITAL_TEST_TIMESCALE_URL names no server with TimescaleDB")
    count = scene.scale.of(10_000_000, 100_000)
    ways = (("bench_hypertable", Strategy.TIMESCALE), ("bench_partitions", Strategy.NEON))
    timers = TimerThread()
    urls = [make_conninfo(admin_url, dbname=name) for name, _ in ways]
    try:
        for url, (name, strategy) in zip(urls, ways, strict=True):
            _execute(admin_url, f"drop database if exists {name} with (force)", f"create database {name}")
            migrate(url, schema="signals", strategy=strategy, timers=timers)
            add_signals(url, schema="signals", count=count)
            yield from _measure(name, url, timers, count)
        _compress(urls[0])
        yield from _measure("compressed", urls[0], timers, count)
        _execute(
            urls[0],
            _AGGREGATE.format(t=TABLE),
            "call refresh_continuous_aggregate('signals.a_day', null, null)",
        )
        yield _timed("aggregate, summary", lambda: _execute(urls[0], "table signals.a_day"))
    finally:
        timers.close()
        for name, _ in ways:
            _execute(admin_url, f"drop database if exists {name} with (force)")


def _compress(url: str) -> None:
    _execute(
        url,
        f"alter table {TABLE} set (timescaledb.compress, timescaledb.compress_segmentby = 'channel',"
        " timescaledb.compress_orderby = 'ts desc, id desc')",
        # as a policy would: the newest weeks stay as they are
        f"select compress_chunk(c) from show_chunks('{TABLE}', older_than => interval '14 days') as c",
        f"vacuum analyze {TABLE}",
    )


def _measure(name: str, url: str, timers: TimerThread, count: int) -> Iterator[Figure]:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("select pg_database_size(current_database()) / 1e6").fetchone()
    assert row is not None
    yield Figure(name=f"{name}, size", unit="MB", values=(float(row[0]),))
    database = Database(url, schema="signals", pool_max=2, timers=timers)
    database.open()
    signals = Signals(database, retention=timedelta(days=90))
    month_ago = datetime.now(UTC) - timedelta(days=30)
    questions = {
        "latest page": SignalQuery(),
        "a page 30 days back": SignalQuery(after=After(ts=month_ago, id=count)),
        "channel": SignalQuery(channel=("-100164912713",)),
        "asset": SignalQuery(asset=("PETR77",)),
        "asset, 30 days back": SignalQuery(asset=("PETR77",), until=month_ago),
        "search": SignalQuery(search="petr77 swing"),
    }
    try:
        for what, query in questions.items():
            yield _timed(f"{name}, {what}", lambda asked=query: signals.find(asked))  # type: ignore[misc] # mypy infers no lambda with a default
        yield _timed(f"{name}, one by id", lambda: signals.get(count // 2))
    finally:
        database.close()
    yield _timed(f"{name}, summary by day", lambda: _execute(url, _SUMMARY.format(t=TABLE)))


def _timed(name: str, work: Callable[[], object]) -> Figure:
    work()
    values = []
    for _ in range(ROUNDS):
        began_s = time.perf_counter()
        work()
        values.append((time.perf_counter() - began_s) * 1000)
    return Figure(name=name, unit="ms", values=tuple(values))


def _execute(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(sql.SQL(statement))
