"""Weeks as chunks, as compressed chunks, with a continuous aggregate, and as native partitions, beside each other.

Needs a server with TimescaleDB, named by TP_CAPITAL_TEST_TIMESCALE_URL (a superuser's URL); two databases are made
there and dropped again. BENCH_SIGNALS signals (10 million) are spread over 89 days. Printed as they come: seconds
of seeding, size on disk, medians of the API's own queries.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib import resources

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from engine.timers import TimerThread
from storage.postgres.database import Database
from storage.postgres.page_query import SignalQuery
from storage.postgres.schema import Strategy, migrate
from storage.postgres.signals import Signals

__all__ = ["main"]

SIGNALS = int(os.environ.get("BENCH_SIGNALS", "10000000"))
ROUNDS = 5
TABLE = "signals.tp_capital_signals"
_KEYS = """
alter table {t} drop constraint tp_capital_signals_pkey;
alter table {t} drop constraint tp_capital_signals_channel_message_id_position_ts_key;
drop index signals.tp_capital_signals_newest, signals.tp_capital_signals_channel,
    signals.tp_capital_signals_asset, signals.tp_capital_signals_commit;
"""
_SEED = """
insert into {t} (id, ts, channel, message_id, position, signal_type, side, asset, buy_min, buy_max, targets,
    target_final, stop, warnings, raw_message, source, provenance, grammar_version, commit_number, ingested_at)
select g, at, '-10016491271' || g %% 8, g::text, 0, 'Swing Trade', case g %% 3 when 0 then 'sell' else 'buy' end,
    'PETR' || h %% 500, p, p + 0.15, array[p + 0.5, p + 1, p + 1.5], p + 2, p - 1, '{{}}',
    format(E'PETR%%s SWING TRADE\\nCOMPRA: %%s a %%s\\nALVO 1: %%s ALVO 2: %%s ALVO FINAL: %%s\\nSTOP: %%s',
        h %% 500, p, p + 0.15, p + 0.5, p + 1, p + 2, p - 1),
    'telegram', '{{}}', 'g1', g / 100, at
from (select g, now() - interval '89 days' * (1 - g / {n}::float8) as at, abs(hashint4(g)) as h,
        (abs(hashint4(g)) %% 9000 + 1000) / 100.0 as p from generate_series(1, {n}) as g) as made
"""
_SUMMARY = "select date_trunc('day', ts, 'UTC'), channel, side, count(*) from {t} group by 1, 2, 3"
_AGGREGATE = """
create materialized view signals.a_day with (timescaledb.continuous) as
select time_bucket('1 day', ts) as day, channel, side, count(*) as signals from {t} group by 1, 2, 3 with no data
"""


def main() -> None:
    """Measure and print."""
    admin_url = os.environ.get("TP_CAPITAL_TEST_TIMESCALE_URL")
    if not admin_url:
        sys.exit("TP_CAPITAL_TEST_TIMESCALE_URL names no server with TimescaleDB")
    ways = (("bench_hypertable", Strategy.TIMESCALE), ("bench_partitions", Strategy.NEON))
    timers = TimerThread()
    urls = [make_conninfo(admin_url, dbname=name) for name, _ in ways]
    try:
        for name, _ in ways:
            _run(admin_url, f"drop database if exists {name} with (force)", f"create database {name}")
        with ThreadPoolExecutor(2) as both:
            list(both.map(lambda url, way: _seed(url, way[1], timers), urls, ways))
        for url, (name, _) in zip(urls, ways, strict=True):
            _measure(name, url, timers)
        _time("compressing", lambda: _compress(urls[0]))
        _measure("compressed", urls[0], timers)
        _time("making the continuous aggregate", lambda: _aggregate(urls[0]))
        _say("aggregate", "summary", f"{_median_ms(lambda: _run(urls[0], 'table signals.a_day')):.1f} ms")
    finally:
        timers.close()
        for name, _ in ways:
            _run(admin_url, f"drop database if exists {name} with (force)")


def _seed(url: str, strategy: Strategy, timers: TimerThread) -> None:
    """Insert without keys and make them afterwards: that is several times faster."""
    migrate(url, schema="signals", strategy=strategy, timers=timers)
    keys = (resources.files("storage.postgres") / "layouts" / "keys.sql").read_text().format(schema="signals")
    _run(url, _KEYS.format(t=TABLE))
    _time(f"{strategy.value}: rows", lambda: _run(url, _SEED.format(t=TABLE, n=SIGNALS).replace("%%", "%")))
    _time(f"{strategy.value}: keys", lambda: _run(url, keys))
    _time(f"{strategy.value}: vacuum analyze", lambda: _run(url, f"vacuum analyze {TABLE}"))


def _compress(url: str) -> None:
    _run(
        url,
        f"alter table {TABLE} set (timescaledb.compress, timescaledb.compress_segmentby = 'channel',"
        " timescaledb.compress_orderby = 'ts desc, id desc')",
        # as a policy would: the newest weeks stay as they are
        f"select compress_chunk(c) from show_chunks('{TABLE}', older_than => interval '14 days') as c",
        f"vacuum analyze {TABLE}",
    )


def _aggregate(url: str) -> None:
    _run(url, _AGGREGATE.format(t=TABLE), "call refresh_continuous_aggregate('signals.a_day', null, null)")


def _measure(name: str, url: str, timers: TimerThread) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("select pg_size_pretty(pg_database_size(current_database()))").fetchone()
    _say(name, "database's size", str(row[0] if row else None))
    database = Database(url, schema="signals", pool_max=2, timers=timers)
    database.open()
    signals = Signals(database, retention=timedelta(days=90))
    month_ago = datetime.now(UTC) - timedelta(days=30)
    questions = {
        "latest page": SignalQuery(),
        "a page 30 days back": SignalQuery(after=(month_ago, SIGNALS)),
        "channel": SignalQuery(channel="-100164912713"),
        "asset": SignalQuery(asset="PETR77"),
        "asset, 30 days back": SignalQuery(asset="PETR77", until=month_ago),
        "search": SignalQuery(search="petr77 swing"),
    }
    try:
        for what, query in questions.items():
            _say(name, what, f"{_median_ms(lambda asked=query: signals.find(asked)):.1f} ms")  # type: ignore[misc] # mypy infers no lambda with a default
        _say(name, "one by id", f"{_median_ms(lambda: signals.get(SIGNALS // 2)):.1f} ms")
    finally:
        database.close()
    _say(name, "summary by day", f"{_median_ms(lambda: _run(url, _SUMMARY.format(t=TABLE)), 2):.0f} ms")


def _run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(sql.SQL(statement))


def _median_ms(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    work()
    return statistics.median(_seconds(work) for _ in range(rounds)) * 1000


def _seconds(work: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


def _time(what: str, work: Callable[[], object]) -> None:
    _say("seconds", what, f"{_seconds(work):.1f}")


def _say(*cells: str) -> None:
    sys.stdout.write(" | ".join(cells) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
