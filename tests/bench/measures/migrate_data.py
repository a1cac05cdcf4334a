"""``migrate-data`` of an old table, killed in the middle and resumed; alone, after back-fill and before it.

100,000 messages of a former service's history are made, in a PostgreSQL of its own. The command is killed with SIGKILL
when half of the rows are taken, then run again. The signals must be the same whether back-fill comes first or last.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import psycopg

from actors.grammar import GRAMMAR_VERSION
from engine.model import ChannelMessage
from engine.timers import TimerThread
from ops.local.postgres import LocalPostgres
from ops.local.process import wait_until
from ops.stores import RETENTION
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from storage.postgres.schema import Strategy, migrate
from tests.bench.figures import Figure
from tests.bench.old_table import create_old_table, deliver, old_history, put_old_rows
from tests.bench.scene import Scene

__all__ = ["run"]

ORDERS = ("alone", "back-fill first", "back-fill last")
KILL_DEADLINE_S = 600.0
BORDER = timedelta(hours=1)


def run(scene: Scene) -> Iterator[Figure]:
    """Take the rows over in three orders."""
    now = datetime.now(UTC)
    history = list(old_history(scene.scale.of(100_000, 2_000), now=now))
    rows = [row for posted in history for row in posted.rows]
    messages = [posted.message for posted in history if posted.message]
    signals = {}
    with LocalPostgres(scene.folder / "migrate_data", settings={"fsync": "off"}) as server:
        for number, order in enumerate(ORDERS):
            name = f"order_{number}"
            server.create_database(name)
            # the border of retention moves on from order to order: what lies there is compared in none
            seconds, signals[order] = _one(
                server.dsn(name), order, rows, messages, since=now - RETENTION + BORDER
            )
            yield Figure(name=f"migrate-data, {order}", unit="rows/s", values=(len(rows) / seconds,))
    if signals["back-fill first"] != signals["back-fill last"]:
        raise RuntimeError("the signals differ by whether back-fill comes first or last")


def _one(
    url: str,
    order: str,
    rows: list[dict[str, object]],
    messages: Sequence[ChannelMessage],
    *,
    since: datetime,
) -> tuple[float, list[object]]:
    """Run one order in a database of its own; return its seconds, and its signals since then.

    Of signals of messages these are their keys, of other ones the number.
    """
    timers = TimerThread()
    migrate(url, schema="signals", strategy=Strategy.NEON, timers=timers)
    database = Database(url, schema="signals", pool_max=4, timers=timers)
    database.open()
    try:
        ledger = Ledger(database, grammar_version=GRAMMAR_VERSION)
        create_old_table(url)
        put_old_rows(url, rows)
        if order == "back-fill first":
            deliver(ledger, messages)
        half = len(rows) // 2
        began_s = time.perf_counter()
        killed = _start(url)
        # how far it is, seen from outside
        wait_until(
            lambda: _count(url, "select count(*) from signals.legacy_rows") >= half,
            deadline_s=KILL_DEADLINE_S,
        )
        killed.kill()
        killed.wait()
        resumed = _start(url)
        _, err = resumed.communicate()
        seconds = time.perf_counter() - began_s
        if resumed.returncode:
            raise RuntimeError(f"{order}: exit {resumed.returncode}: {err.decode()}")
        if order == "back-fill last":
            deliver(ledger, messages)
        with psycopg.connect(url) as connection:
            keys = connection.execute(
                "select channel, message_id, position from signals.tp_capital_signals where ts > %s order by 1, 2, 3",
                [since],
            ).fetchall()
        found = [key for key in keys if not key[1].startswith("legacy:")]
        left = len(keys) - len(found)
        return seconds, [found, left]
    finally:
        database.close()
        timers.close()


def _start(url: str) -> subprocess.Popen[bytes]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("TP_CAPITAL_", "PG"))}
    return subprocess.Popen(
        [sys.executable, "-c", "from ops.cli import main; main()", "migrate-data", "--json"],
        env=own
        | {
            "TP_CAPITAL_DB_STRATEGY": "neon",
            "TP_CAPITAL_DATABASE_URL": url,
            "TP_CAPITAL_LEGACY_DATABASE_URL": url,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _count(url: str, statement: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(statement.encode()).fetchone()
    return int(row[0]) if row else 0
