"""Events say only what their text says; tables, distances and odd figures are right or flagged.

The environment variable GRAMMAR_MESSAGES says over how many generated messages: 200000 for a proof by hand.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from actors.grammar import read
from engine.model import Event, Kind, Signal
from tests.support.written_events import WrittenEvent, WrittenRow, write_event, write_signals

COUNT = int(os.environ.get("GRAMMAR_MESSAGES", "2000"))
_VALUES = ("target", "new_stop", "new_targets", "new_entry", "fraction", "price", "percent")
#: so many at least are read whole, so that the promise is not kept by refusing all
LEAST_WHOLE = 0.6


def _differences(event: Event, meant: WrittenEvent) -> Iterator[str]:
    """Yield the values that the text does not carry."""
    if event.asset not in {None, meant.asset}:
        yield "asset"
    for name in _VALUES:
        value = getattr(event, name)
        if value not in (None, ()) and value != meant.values.get(name):
            yield name
    for name in ("stop_hit", "breakeven"):
        if getattr(event, name) and not meant.values.get(name):
            yield name


def test_an_event_carries_only_what_its_text_says() -> None:
    whole = 0
    wrong: list[tuple[str, int, str]] = []
    for number in range(COUNT):
        meant = write_event(number)
        reading = read(meant.text)
        kind = reading.kind.value
        # no cancel is lost or made, and no other event changes a state
        if (kind == "cancel") != (meant.kind == "cancel") or kind == "signal":
            wrong.append((f"kind {kind} for {meant.kind}", number, meant.text))
        if kind != "cancel":
            wrong += [
                (name, number, meant.text) for each in reading.events for name in _differences(each, meant)
            ]
        said = {name for name in meant.values if any(getattr(each, name) for each in reading.events)}
        whole += kind == meant.kind and (kind == "cancel" or said == set(meant.values))
    assert wrong == []
    assert whole >= LEAST_WHOLE * COUNT


def _is_right(signal: Signal, meant: WrittenRow) -> bool:
    return (
        (signal.side, signal.asset, signal.stop) == (meant.side, meant.asset, meant.stop)
        and signal.buy_min == signal.buy_max == meant.entry
        and signal.targets == meant.targets
    )


def test_tables_distances_and_odd_figures_are_right_or_flagged() -> None:
    whole = 0
    wrong: list[tuple[int, str]] = []
    for number in range(COUNT):
        meant = write_signals(number)
        reading = read(meant.text)
        assert reading.kind in {Kind.SIGNAL, Kind.NOT_SIGNAL}, (number, meant.text)
        rows = {row.asset: row for row in meant.rows}
        right = [s.asset in rows and _is_right(s, rows[s.asset]) for s in reading.signals]
        alone = {"multiple_signals"}
        if not all(ok or set(s.warnings) - alone for ok, s in zip(right, reading.signals, strict=True)):
            wrong.append((number, meant.text))
        whole += all(right) and len(right) == len(rows)
    assert wrong == []
    assert whole >= LEAST_WHOLE * COUNT
