"""Every labelled example of the format catalogue, in every field."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.labels import assert_read_as_labelled, labelled_messages, reading_of

EXAMPLES = [
    example
    for name in ("examples.jsonl", "examples2.jsonl")
    for example in labelled_messages(Path(__file__).with_name(name))
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["id"]))
def test_example(example: Mapping[str, Any]) -> None:
    assert_read_as_labelled(example)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["id"]))
def test_digits_stay_as_written(example: Mapping[str, Any]) -> None:
    label = example["expect"]
    signals = reading_of(example).signals
    for signal, each in zip(signals, [label, *label.get("more", [])], strict=False):
        assert [str(target) for target in signal.targets] == each["targets"]
        assert str(signal.stop) == str(each["stop"])
