"""Compares readings with labelled messages, in every field (format catalogue, section 11)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from actors.grammar import read
from engine.model import Kind, Market, Reading, Signal
from ops.commands.parsing import event_object, first_half

__all__ = ["assert_read_as_labelled", "labelled_messages", "reading_of"]


def labelled_messages(path: Path) -> list[dict[str, Any]]:
    """Return the messages of a file with one on each line."""
    with path.open(encoding="utf-8") as lines:  # str.splitlines would split at U+2028, too
        return [json.loads(line) for line in lines]


def assert_read_as_labelled(message: Mapping[str, Any]) -> None:
    """Read a message and compare kind, signals and their order, or its event, with its label."""
    reading = reading_of(message)
    label = message["expect"]
    assert reading.kind == Kind(label["kind"])
    if "event" in label:
        (event,) = reading.events
        assert _plain(event_object(event)) == _plain(label["event"])
    if "events" in label:
        assert [_plain(event_object(event)) for event in reading.events] == list(map(_plain, label["events"]))
    labels = [label, *label.get("more", [])] if reading.kind is Kind.SIGNAL else []
    assert [_as_dict(signal) for signal in reading.signals] == [_expected(each) for each in labels]
    assert [signal.position for signal in reading.signals] == list(range(len(labels)))


def reading_of(message: Mapping[str, Any]) -> Reading:
    """Read a message in its market, after the earlier message that it may complete."""
    market = Market(message.get("market", "b3"))
    before = message.get("before")
    half = None if before is None else first_half(before, market)
    return read(message["text"], market=market, half_of=half)


def _plain(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event's values with figures as decimals."""
    return {name: _decimal(value) for name, value in event.items()}


def _decimal(value: object) -> object:
    if isinstance(value, list):
        return [_decimal(each) for each in value]
    try:
        return Decimal(value) if isinstance(value, str) else value
    except InvalidOperation:
        return value


def _as_dict(signal: Signal) -> dict[str, Any]:
    return {
        "side": signal.side.value,
        "asset": signal.asset,
        "signal_type": signal.signal_type,
        "buy_min": signal.buy_min,
        "buy_max": signal.buy_max,
        "targets": list(signal.targets),
        "target_final": signal.target_final,
        "stop": signal.stop,
        "valid_until": signal.valid_until,
        "warnings": list(signal.warnings),
    }


def _expected(label: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: value for name, value in label.items() if name not in {"kind", "more"}}
    for name in ("buy_min", "buy_max", "target_final", "stop"):
        if fields[name] is not None:
            fields[name] = Decimal(fields[name])
    fields["targets"] = [Decimal(target) for target in fields["targets"]]
    return fields
