"""The grammar's speed on one core, over the sample history; beside it what it does per message."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from actors.grammar import read
from actors.grammar.text import prepare
from ops.local.sample import load_sample

__all__ = ["main"]

ROUNDS = 7
REPEATS = 20


def main() -> None:
    """Measure and print."""
    texts = [m["text"] for m in load_sample(datetime.now(UTC)) if m.get("text")] * REPEATS
    reading = [len(texts) / _seconds(texts, whole=True) for _ in range(ROUNDS)]
    preparing = [len(texts) / _seconds(texts, whole=False) for _ in range(ROUNDS)]
    table = Table(title=f"{len(texts)} messages of the sample history, {ROUNDS} rounds, one core")
    for column in ("", "messages/s (median)", "slowest", "fastest"):
        table.add_column(column)
    for name, figures in (("reading, all of it", reading), ("preparing the text alone", preparing)):
        row = (statistics.median(figures), min(figures), max(figures))
        table.add_row(name, *(f"{figure:,.0f}" for figure in row))
    Console().print(table)


def _seconds(texts: list[str], *, whole: bool) -> float:
    began_s = time.perf_counter()
    for text in texts:
        if whole:
            read(text)
        else:
            prepare(text)
    return time.perf_counter() - began_s


if __name__ == "__main__":
    main()
