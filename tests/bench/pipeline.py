"""The pipeline of actors beside a straight loop in one thread that does the same HTTP, reading and writing.

Both take the same 20,000 unprocessed messages out of a reference gateway, page by page of 1000, into a
PostgreSQL of their own, and acknowledge them. Printed: messages a second of each, and their ratio.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg
import requests
from rich.console import Console
from rich.table import Table

from actors.grammar import GRAMMAR_VERSION
from actors.grammar.outcome import OutcomePolicy, settle
from config import Settings, load_settings
from engine.model import ChannelMessage
from engine.timers import TimerThread
from ops.daemon.main import Daemon
from ops.gateway.importer import import_messages
from ops.http.server.listening import Listening
from ops.local.ports import free_port
from ops.local.postgres import LocalPostgres
from ops.local.process import OwnedProcess, wait_until
from ops.local.sample import SAMPLE_CHANNEL, load_sample
from ops.logging import configure_logging
from ops.stores import RETENTION
from storage.gateway.client import GatewayClient
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from storage.postgres.schema import Strategy, migrate

__all__ = ["main"]

MESSAGES = 20_000
BATCH = 1000
ROUNDS = 3
LIMIT_S = 300.0


def main() -> None:
    """Measure and print."""
    configure_logging(level="ERROR", form="console", stream=sys.stderr)
    loop: list[float] = []
    pipeline: list[float] = []
    folder = Path(tempfile.mkdtemp(prefix="tp-capital-bench-"))
    try:
        with LocalPostgres(folder / "postgres") as postgres, _gateway(postgres, folder) as url:
            for number in range(ROUNDS):
                for figures, measure in ((loop, _straight_loop), (pipeline, _pipeline)):
                    _fill(postgres.dsn("gateway"))
                    name = f"{measure.__name__}_{number}"
                    postgres.create_database(name)
                    figures.append(MESSAGES / measure(url, postgres.dsn(name)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    table = Table(title=f"{MESSAGES} messages in pages of {BATCH}, {ROUNDS} rounds in turn")
    for column in ("", "messages/s (median)", "all rounds"):
        table.add_column(column)
    for name, figures in (("straight loop, one thread", loop), ("pipeline of actors", pipeline)):
        table.add_row(name, f"{statistics.median(figures):,.0f}", ", ".join(f"{f:,.0f}" for f in figures))
    ratios = [ours / theirs for ours, theirs in zip(pipeline, loop, strict=True)]
    table.add_row(
        "ratio pipeline / loop", f"{statistics.median(ratios):.2f}", ", ".join(f"{r:.2f}" for r in ratios)
    )
    Console().print(table)


def _straight_loop(url: str, dsn: str) -> float:
    """Do the same work without actors; return its seconds."""
    timers = TimerThread()
    migrate(dsn, schema="signals", strategy=Strategy.NEON, timers=timers)
    database = Database(dsn, schema="signals", pool_max=4, timers=timers)
    database.open()
    ledger = Ledger(database, grammar_version=GRAMMAR_VERSION)
    gateway = GatewayClient(url, api_key=None, timeout_s=10, timers=timers)
    policy = OutcomePolicy(retention=RETENTION)
    began_s = time.perf_counter()
    while messages := gateway.unprocessed(SAMPLE_CHANNEL, limit=BATCH):
        readable = [m for m in messages if isinstance(m, ChannelMessage)]
        now = datetime.now(UTC)
        ledger.record([settle(m, now=now, policy=policy) for m in readable])
        gateway.mark_processed(SAMPLE_CHANNEL, [m.message_id for m in readable])
    seconds = time.perf_counter() - began_s
    gateway.close()
    database.close()
    timers.close()
    _check(dsn)
    return seconds


def _pipeline(url: str, dsn: str) -> float:
    """Let the daemon do it; return its seconds, from its first poll to its last acknowledgement."""
    timers = TimerThread()
    migrate(dsn, schema="signals", strategy=Strategy.NEON, timers=timers)
    timers.close()
    settings = _settings(url, dsn)
    daemon = Daemon(settings, Listening("127.0.0.1", settings.http.port))
    began_s = time.perf_counter()
    daemon.start()
    try:
        if not wait_until(lambda: _left(url) == 0, deadline_s=LIMIT_S, every_s=0.05):
            raise RuntimeError(f"not done within {LIMIT_S:g} s")
        seconds = time.perf_counter() - began_s
    finally:
        daemon.stop("bench")
    _check(dsn)
    return seconds


def _settings(url: str, dsn: str) -> Settings:
    environment = {
        "TP_CAPITAL_DB_STRATEGY": "neon",
        "TP_CAPITAL_DATABASE_URL": dsn,
        "TELEGRAM_GATEWAY_URL": url,
        "TP_CAPITAL_SIGNALS_CHANNEL_ID": SAMPLE_CHANNEL,
        "GATEWAY_BATCH_SIZE": str(BATCH),
        "TP_CAPITAL_BACKFILL_DELAY_S": "3600",
        "TP_CAPITAL_DOORBELL": "0",
        "PORT": str(free_port()),
    }
    with mock.patch.dict(os.environ, environment, clear=True):
        return load_settings(env_file=None)


def _left(url: str) -> int:
    answer: dict[str, Any] = requests.get(
        f"{url}/api/messages/unprocessed",
        params={"channel": SAMPLE_CHANNEL, "excludeProcessedBy": "tp-capital", "limit": "1"},
        timeout=10,
    ).json()
    return int(answer["count"])


def _check(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select count(*) from signals.ledger").fetchone()
    if row != (MESSAGES,):
        raise RuntimeError(f"the ledger holds {row} messages, not {MESSAGES}")


@contextmanager
def _gateway(postgres: LocalPostgres, folder: Path) -> Iterator[str]:
    postgres.create_database("gateway")
    port = free_port()
    environment = {**os.environ, "TELEGRAM_GATEWAY_DATABASE_URL": postgres.dsn("gateway")}
    process = OwnedProcess(
        "gateway",
        [sys.executable, "-m", "ops.cli", "gateway", "--port", str(port)],
        log_path=folder / "gateway.log",
        env=environment,
    )
    url = f"http://127.0.0.1:{port}"
    with process:
        process.start()

        def healthy() -> bool:
            try:
                return requests.get(f"{url}/health", timeout=2).ok
            except requests.RequestException:
                return False

        if not wait_until(healthy, deadline_s=30):
            raise RuntimeError("the gateway did not start")
        yield url


def _fill(dsn: str) -> None:
    """Put the messages in: the sample history over and over, each under an id of its own."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("truncate telegram_gateway.messages cascade")
    now = datetime.now(UTC)
    texts = [message for message in load_sample(now) if message.get("text")]
    messages = []
    for number in range(MESSAGES):
        at = (now - timedelta(seconds=MESSAGES - number)).isoformat()
        text = texts[number % len(texts)]["text"]
        messages.append(
            {
                "channelId": SAMPLE_CHANNEL,
                "messageId": str(number + 1),
                "text": text,
                "receivedAt": at,
                "telegramDate": at,
            }
        )
    import_messages(dsn, messages)


if __name__ == "__main__":
    main()
