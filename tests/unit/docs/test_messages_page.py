"""The examples of docs/messages.md are read as the page says; every warning and reason has its words."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from actors.grammar import read
from ops.commands.parsing import reading_object

PAGE = (Path(__file__).parents[3] / "docs" / "messages.md").read_text("utf-8")
EXAMPLES = re.findall(r"```message\n(.*?)\n```\n```json\n(.*?)\n```", PAGE, flags=re.DOTALL)


def part_of(expected: Any, actual: Any) -> Any:
    """Return ``actual`` cut down to the keys that ``expected`` names."""
    if isinstance(expected, dict):
        return {key: part_of(value, actual.get(key)) for key, value in expected.items()}
    if isinstance(expected, list) and expected and isinstance(expected[0], dict):
        return [part_of(e, a) for e, a in zip(expected, actual, strict=True)]
    return actual


@pytest.mark.parametrize(("text", "expected"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_page_says_what_the_grammar_reads(text: str, expected: str) -> None:
    wanted = json.loads(expected)
    assert part_of(wanted, reading_object(read(text))) == wanted


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == PAGE.count("```message") >= 10
