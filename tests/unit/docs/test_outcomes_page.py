"""The rules in docs/outcomes.md, held to their tests and to the states of the code."""

from __future__ import annotations

import re
from pathlib import Path

from actors.analysis.claims import Verified
from actors.analysis.indicators import Indicators
from actors.analysis.market_outcome import Ending
from ops.http.routes.record import RecordFigures

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "outcomes.md").read_text("utf-8")


def test_each_rule_has_its_test_and_each_test_its_rule() -> None:
    tests = (ROOT / "tests" / "unit" / "analysis" / "test_outcome.py").read_text("utf-8")
    assert re.findall(r"\| `(test_\w+)` \|$", PAGE, re.MULTILINE) == re.findall(
        r"^def (test_\w+)", tests, re.MULTILINE
    )


def test_each_word_of_the_tables_is_explained() -> None:
    sections = dict(section.split("\n", 1) for section in PAGE.split("\n## ")[1:])
    assert names(sections["States"]) == list(Ending)
    assert names(sections["Claimed and verified"]) == list(Verified)
    assert names(sections["Track record"]) == [*RecordFigures.model_fields]
    assert names(sections["Indicators"]) == list(Indicators().values)


def names(section: str) -> list[str]:
    """Return the names in the first column of a table."""
    return re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)))
