"""Every labelled example of the format catalogue, in every field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.parser import read
from engine.model import Kind, Signal

EXAMPLES = [
    json.loads(line) for line in Path(__file__).with_name("examples.jsonl").read_text("utf-8").splitlines()
]


def as_dict(signal: Signal) -> dict[str, Any]:
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


def expected(label: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: value for name, value in label.items() if name not in {"kind", "more"}}
    for name in ("buy_min", "buy_max", "target_final", "stop"):
        if fields[name] is not None:
            fields[name] = Decimal(fields[name])
    fields["targets"] = [Decimal(target) for target in fields["targets"]]
    return fields


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["id"]))
def test_example(example: Mapping[str, Any]) -> None:
    reading = read(example["text"])
    label = example["expect"]
    assert reading.kind == Kind(label["kind"])
    labels = [label, *label.get("more", [])] if reading.kind is Kind.SIGNAL else []
    assert [as_dict(signal) for signal in reading.signals] == [expected(each) for each in labels]
    assert [signal.position for signal in reading.signals] == list(range(len(labels)))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["id"]))
def test_digits_stay_as_written(example: Mapping[str, Any]) -> None:
    label = example["expect"]
    signals = read(example["text"]).signals
    for signal, each in zip(signals, [label, *label.get("more", [])], strict=False):
        assert [str(target) for target in signal.targets] == each["targets"]
        assert str(signal.stop) == str(each["stop"])
