"""The cache under a dashboard's load, beside the same engine without one.

Ten clients ask five questions each second for a minute, while one new signal a second arrives at the gateway; the
same again with an engine whose Redis is not there. Printed: hit rate, latencies, transactions of the database.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import requests
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from ops.gateway.importer import import_messages
from ops.local.own_programs import ENGINE_DATABASE, GATEWAY_DATABASE
from ops.local.ports import free_port
from ops.local.probes import http_problem
from ops.local.process import OwnedProcess, wait_until
from ops.local.sample import SAMPLE_CHANNEL
from ops.local.stack import Stack
from ops.local.stack_ports import StackPorts
from ops.logging import configure_logging

__all__ = ["main"]

CLIENTS = 10
SECONDS = int(os.environ.get("BENCH_SECONDS", "60"))
QUESTIONS = (
    "/signals?limit=100",
    "/signals?limit=50&side=buy",
    "/signals?limit=50&search=PETR",
    f"/signals?limit=100&channel={SAMPLE_CHANNEL}",
    "/api/v1/signals?limit=20&type=Swing%20Trade",
)
READY_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one engine did under the load."""

    latencies_ms: list[float]
    asked: dict[str, float]
    transactions: int

    def row(self) -> tuple[str, ...]:
        """Return the figures as cells of a table."""
        ordered = sorted(self.latencies_ms)
        pages = sum(self.asked.values())
        hits = self.asked.get("hit", 0.0)
        return (
            f"{len(ordered) / SECONDS:.0f}",
            f"{hits / pages:.1%}",
            f"{ordered[len(ordered) // 2]:.1f}",
            f"{ordered[len(ordered) * 99 // 100]:.1f}",
            f"{self.asked.get('miss', 0.0) / SECONDS:.1f}",
            f"{self.transactions / SECONDS:.1f}",
        )


def main() -> None:
    """Measure and print."""
    configure_logging(level="ERROR", form="console", stream=sys.stderr)
    folder = Path(tempfile.mkdtemp(prefix="tp-capital-bench-", dir="/tmp"))
    ports = StackPorts(**{name: free_port() for name in StackPorts.__dataclass_fields__})
    stack = Stack(folder, ports, gateway=True)
    try:
        stack.up()
        cached = _measure(stack, ports.engine)
        plain = _without_cache(stack, folder)
    finally:
        stack.down()
        shutil.rmtree(folder, ignore_errors=True)
    table = Table(title=f"{CLIENTS} clients, {len(QUESTIONS)} questions each second, {SECONDS} s")
    for column in ("", "requests/s", "hit rate", "p50 ms", "p99 ms", "pages built/s", "transactions/s"):
        table.add_column(column)
    table.add_row("with cache", *cached.row())
    table.add_row("without", *plain.row())
    table.add_row("ratio", *(_ratio(a, b) for a, b in zip(cached.row(), plain.row(), strict=True)))
    Console().print(table)


def _without_cache(stack: Stack, folder: Path) -> Figures:
    """Run an engine whose Redis does not listen."""
    port, nobody = free_port(), str(free_port())
    engine = OwnedProcess(
        "engine",
        [sys.executable, "-m", "ops.cli", "run"],
        log_path=folder / "plain.log",
        env={
            **os.environ,
            **stack.engine_environment(),
            "PORT": str(port),
            "REDIS_MASTER_PORT": nobody,
            "REDIS_REPLICA_PORT": nobody,
        },
    )
    with engine:
        engine.start()
        engine.wait_ready(lambda: http_problem(port, "/readyz") is None, deadline_s=READY_S)
        return _measure(stack, port)


def _measure(stack: Stack, port: int) -> Figures:
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: bool(_ask(requests.Session(), url + QUESTIONS[0])), deadline_s=READY_S)
    before, transactions = _asked(url), _transactions(stack)
    stop = threading.Event()
    posting = threading.Thread(target=_post_signals, args=(stack, stop))
    posting.start()
    try:
        with ThreadPoolExecutor(CLIENTS) as threads:
            begin_s = time.monotonic() + 0.5
            # spread over the second, as people's pages are
            jobs = [threads.submit(_client, url, begin_s + number / CLIENTS) for number in range(CLIENTS)]
            latencies = [ms for job in jobs for ms in job.result()]
    finally:
        stop.set()
        posting.join()
    after = _asked(url)
    return Figures(
        latencies_ms=latencies,
        asked={result: after[result] - before.get(result, 0.0) for result in after},
        transactions=_transactions(stack) - transactions,
    )


def _client(url: str, begin_s: float) -> list[float]:
    """Ask all questions once a second; return the latencies in ms."""
    latencies = []
    pause = threading.Event()
    with requests.Session() as session:
        for second in range(SECONDS):
            pause.wait(max(0.0, begin_s + second - time.monotonic()))
            for question in QUESTIONS:
                began_s = time.perf_counter()
                _ask(session, url + question)
                latencies.append((time.perf_counter() - began_s) * 1000)
    return latencies


def _ask(session: requests.Session, url: str) -> bytes:
    answer = session.get(url, timeout=10)
    answer.raise_for_status()
    return answer.content


def _post_signals(stack: Stack, stop: threading.Event) -> None:
    """Put one new signal a second into the gateway."""
    number = 1_000_000 + int(time.time())
    while not stop.wait(1.0):
        number += 1
        at = datetime.now(UTC).isoformat()
        text = f"Ativo: PETR4\nCompra: {number % 90 + 10},50\nAlvo 1: 110,00\nStop: 5,25"
        message = {
            "channelId": SAMPLE_CHANNEL,
            "messageId": str(number),
            "text": text,
            "receivedAt": at,
            "telegramDate": at,
        }
        import_messages(stack.owner_url(GATEWAY_DATABASE), [message])


def _asked(url: str) -> dict[str, float]:
    text = requests.get(f"{url}/metrics", timeout=10).text
    return {
        sample.labels["result"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "tpcapital_cache_requests_total"
    }


def _transactions(stack: Stack) -> int:
    with psycopg.connect(stack.owner_url(ENGINE_DATABASE)) as connection:
        row = connection.execute(
            "select xact_commit + xact_rollback from pg_stat_database where datname = %s", [ENGINE_DATABASE]
        ).fetchone()
    assert row is not None
    return int(row[0])


def _ratio(ours: str, theirs: str) -> str:
    a, b = (float(value.rstrip("%")) for value in (ours, theirs))
    return f"{a / b:.2f}" if b else "-"


if __name__ == "__main__":
    main()
