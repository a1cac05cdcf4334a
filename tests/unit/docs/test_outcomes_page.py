"""The rules in docs/outcomes.md, held to their tests and to the states of the code."""

from __future__ import annotations

import re
from pathlib import Path

from actors.analysis.market_outcome import Ending

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "outcomes.md").read_text("utf-8")


def test_each_rule_has_its_test_and_each_test_its_rule() -> None:
    tests = (ROOT / "tests" / "unit" / "analysis" / "test_outcome.py").read_text("utf-8")
    assert re.findall(r"\| `(test_\w+)` \|$", PAGE, re.MULTILINE) == re.findall(
        r"^def (test_\w+)", tests, re.MULTILINE
    )


def test_each_state_is_explained() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(Ending)
