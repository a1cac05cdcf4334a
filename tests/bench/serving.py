"""Reading over HTTP beside a bare answer: how much of the time is ours, and how much the server's itself.

An engine of the stack (PgBouncer, Redis) with 10,000 signals is asked by 16 connections for the newest page, cached
and not, and for its health; a server of the same configuration with nothing behind it for answers of just those
sizes. One after the other, several rounds; printed: the round in the middle of each, and the ratio to the bare one.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import requests
from rich.console import Console
from rich.table import Table

from ops.local.own_programs import ENGINE_DATABASE
from ops.local.ports import free_port
from ops.local.probes import http_problem
from ops.local.process import OwnedProcess
from ops.local.stack import Stack
from ops.local.stack_ports import StackPorts
from ops.logging import configure_logging
from tests.bench.load import Load, put_load

__all__ = ["main"]

CONNECTIONS = 16
SIGNALS = 10_000
SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))
ROUNDS = 3
READY_S = 30.0
PAGE = "/signals?limit=100"
#: 80 days of signals with a text as long as those of the sample history
_FILL = """
insert into signals.tp_capital_signals (ts, channel, message_id, position, signal_type, side, asset, buy_min, buy_max,
    targets, target_final, stop, warnings, raw_message, source, provenance, grammar_version, commit_number, ingested_at)
select now() - interval '80 days' * (number / %(count)s::float8), '-1001649127710', number::text, 0, 'Swing Trade',
    'buy', 'PETR4', 30.15, 30.40, '{31.2,32.5,34}', 34, 28.905, '{}', repeat('Ativo: PETR4 Compra: 30,15 ', 6),
    'telegram', '{}', 'bench', 0, now()
from generate_series(1, %(count)s) as number
"""


def main() -> None:
    """Measure and print."""
    configure_logging(level="ERROR", form="console", stream=sys.stderr)
    folder = Path(tempfile.mkdtemp(prefix="tp-capital-bench-", dir="/tmp"))
    ports = StackPorts(**{name: free_port() for name in StackPorts.__dataclass_fields__})
    stack = Stack(folder, ports)
    try:
        stack.up()
        with psycopg.connect(stack.owner_url(ENGINE_DATABASE), autocommit=True) as connection:
            connection.execute(_FILL, {"count": SIGNALS})
            connection.execute("analyze signals.tp_capital_signals")
        with _bare(folder) as bare_port:
            _measure(ports.engine, bare_port)
    finally:
        stack.down()
        shutil.rmtree(folder, ignore_errors=True)


def _measure(engine_port: int, bare_port: int) -> None:
    page, health = _size(engine_port, PAGE), _size(engine_port, "/health")
    # a time to come, another one each: the same page to a reader, a question of its own to the cache
    instants = itertools.count(4_000_000_000_000)
    questions: dict[str, tuple[int, Callable[[], str]]] = {
        f"bare, {page:,} bytes": (bare_port, lambda: f"/{page}"),
        f"{PAGE} cached": (engine_port, lambda: PAGE),
        f"{PAGE} not cached": (engine_port, lambda: f"{PAGE}&to={next(instants)}"),
        f"bare, {health:,} bytes": (bare_port, lambda: f"/{health}"),
        "/health": (engine_port, lambda: "/health"),
    }
    rounds: dict[str, list[Load]] = {name: [] for name in questions}
    for _ in range(ROUNDS):
        for name, (port, path) in questions.items():
            rounds[name].append(put_load(port, path, connections=CONNECTIONS, seconds=SECONDS))
    title = f"{CONNECTIONS} connections, {SIGNALS:,} signals, {ROUNDS} rounds of {SECONDS:g} s"
    table = Table(title=title)
    for column in ("", "requests/s", "p50 ms", "p99 ms", "requests/s beside bare"):
        table.add_column(column, justify="right" if column else "left")
    beside = 0.0
    for name, loads in rounds.items():
        middle = sorted(loads, key=lambda load: load.per_second)[len(loads) // 2]
        beside = middle.per_second if name.startswith("bare") else beside
        figures = (middle.per_second, middle.quantile_ms(0.5), middle.quantile_ms(0.99))
        ratio = middle.per_second / beside
        table.add_row(name, f"{figures[0]:,.0f}", f"{figures[1]:.1f}", f"{figures[2]:.1f}", f"{ratio:.2f}")
    Console().print(table)


def _size(port: int, path: str) -> int:
    answer = requests.get(
        f"http://127.0.0.1:{port}{path}", headers={"Accept-Encoding": "identity"}, timeout=10
    )
    answer.raise_for_status()
    return len(answer.content)


@contextmanager
def _bare(folder: Path) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.bare", str(port)]
    with OwnedProcess("bare", command, log_path=folder / "bare.log") as process:
        process.start()
        process.wait_ready(lambda: http_problem(port, "/1") is None, deadline_s=READY_S)
        yield port


if __name__ == "__main__":
    main()
