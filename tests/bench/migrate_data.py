"""``migrate-data`` of an old table, killed in the middle and resumed; alone, after back-fill and before it.

BENCH_ROWS messages (100,000) of a former service's history are made, in a PostgreSQL of its own in a temporary folder.
The command is killed with SIGKILL when half of the rows are taken, then run again. Printed: seconds, and counts that
must be equal; a difference ends with exit code 1.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import psycopg

from actors.grammar import GRAMMAR_VERSION
from engine.model import ChannelMessage
from engine.timers import TimerThread
from ops.local.postgres import LocalPostgres
from ops.local.process import wait_until
from ops.logging import configure_logging
from ops.stores import RETENTION
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from storage.postgres.schema import Strategy, migrate
from tests.bench.old_table import create_old_table, deliver, old_history, put_old_rows

__all__ = ["main"]

MESSAGES = int(os.environ.get("BENCH_ROWS", "100000"))
KILL_DEADLINE_S = 600.0
BORDER = timedelta(hours=1)


def main() -> None:
    """Measure and print; exit 1 when the orders do not come to the same."""
    configure_logging(level="ERROR", form="console")
    now = datetime.now(UTC)
    history = list(old_history(MESSAGES, now=now))
    rows = [row for posted in history for row in posted.rows]
    messages = [posted.message for posted in history if posted.message]
    _say(f"{len(rows):,} old rows, {len(messages):,} messages at the gateway")
    signals = {}
    with (
        tempfile.TemporaryDirectory(prefix="tp-capital-bench-", dir="/tmp") as folder,
        LocalPostgres(Path(folder) / "data", settings={"fsync": "off"}) as server,
    ):
        for order in ("alone", "back-fill first", "back-fill last"):
            name = order.replace(" ", "_").replace("-", "_")
            with psycopg.connect(server.dsn(), autocommit=True) as connection:
                connection.execute(f"create database {name}".encode())
            # the border of retention moves on from order to order: what lies there is compared in none
            signals[order] = _one(server.dsn(name), order, rows, messages, since=now - RETENTION + BORDER)
    same = signals["back-fill first"] == signals["back-fill last"]
    _say(f"signals whichever comes first: {'the same' if same else 'DIFFERENT'}")
    sys.exit(0 if same else 1)


def _one(
    url: str,
    order: str,
    rows: list[dict[str, object]],
    messages: Sequence[ChannelMessage],
    *,
    since: datetime,
) -> list[object]:
    """Run one order in a database of its own; return its signals since then: keys of messages, other ones by number."""
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
        at_kill = _count(url, "select count(*) from signals.legacy_rows")
        resumed = _start(url)
        out, err = resumed.communicate()
        seconds = time.perf_counter() - began_s
        if resumed.returncode:
            sys.exit(f"{order}: exit {resumed.returncode}: {err.decode()}")
        report = orjson.loads(out)
        if order == "back-fill last":
            deliver(ledger, messages)
        fates = {fate: body["rows"] for fate, body in report["fates"].items()}
        _say(
            f"{order}: killed at {at_kill:,} rows, {seconds:.1f} s in all, {report['rows'] / seconds:,.0f} rows/s; "
            f"old {report['oldTable']['rows']:,} = taken {sum(fates.values()):,} {fates}; "
            f"verdicts {report['verdicts']}; problems {len(report['problems'])}"
        )
        with psycopg.connect(url) as connection:
            keys = connection.execute(
                "select channel, message_id, position from signals.tp_capital_signals where ts > %s order by 1, 2, 3",
                [since],
            ).fetchall()
        found = [key for key in keys if not key[1].startswith("legacy:")]
        left = len(keys) - len(found)
        _say(f"{order}: {len(found):,} signals of messages, {left:,} of old rows whose message is gone")
        return [found, left]
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


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
