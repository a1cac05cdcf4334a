"""``tp-capital parse --explain``: shows a person what was read, where in the text, and by which rule."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from actors.grammar.reasons import REASONS
from engine.model import Event, Reading, Signal
from engine.safe_text import shown
from ops.terminal import markup

__all__ = ["explain"]

_SHOWN_CHARS = 60


def explain(text: str, reading: Reading, console: Console) -> None:
    """Print the reading of ``text``: its kind, the deciding rule, and each value with its place."""
    console.print(
        f"[bold]{reading.kind.value}[/]: {REASONS.get(reading.reason, reading.reason)} ({reading.reason})"
    )
    for signal in reading.signals:
        console.print(_signal_table(text, signal))
    for event in reading.events:
        console.print("event: " + markup(", ".join(_event_words(event))))


def _event_words(event: Event) -> Iterator[str]:
    """Yield each value of an event in words."""
    yield event.kind.value
    yield event.asset or "no asset named"
    if event.target is not None:
        yield "final target" if event.target == 0 else f"target {event.target}"
    if event.stop_hit:
        yield "stop hit"
    if event.breakeven:
        yield "break-even"
    if event.new_stop is not None:
        yield f"new stop {event.new_stop:f}"
    if event.new_targets:
        yield "new targets " + " / ".join(format(target, "f") for target in event.new_targets)
    if event.new_entry is not None:
        yield "new entry " + " to ".join(format(price, "f") for price in event.new_entry)
    if event.fraction is not None:
        yield f"{event.fraction * 100:f} % of the position"
    if event.price is not None:
        yield f"at {event.price:f}"
    if event.percent is not None:
        yield f"{event.percent:+f} %"


def _signal_table(text: str, signal: Signal) -> Table:
    table = Table(
        title=f"signal {signal.position}: {signal.side.value} {markup(signal.asset)}, {signal.signal_type}"
    )
    for column in ("field", "value", "at", "text", "rule"):
        table.add_column(column)
    for span in signal.provenance:
        line = text.count("\n", 0, span.start) + 1
        quoted = text[span.start : span.end].replace("\n", "⏎")[:_SHOWN_CHARS]
        place = f"line {line}, {span.start}-{span.end}"
        # Text, not str: rich would read brackets in a message as markup
        table.add_row(span.field, markup(span.value), place, Text(shown(quoted)), span.rule)
    if signal.warnings:
        table.caption = "warnings: " + ", ".join(signal.warnings)
    return table
