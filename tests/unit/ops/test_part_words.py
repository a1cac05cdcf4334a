"""The page names every part that health judges, in both languages."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
JUDGE = (
    (ROOT / "actors" / "shown" / "health_report.py")
    .read_text("utf-8")
    .partition("def judge(")[2]
    .partition("\ndef ")[0]
)
#: two are named by Redis, one by the answer itself
PARTS = {*re.findall(r'"(\w+)": _\w+\(', JUDGE), *re.findall(r'verdicts\["(\w+)"\] =', JUDGE)} | {
    "redisMaster",
    "redisReplica",
    "health",
}


@pytest.mark.parametrize("language", ["pt", "en"])
def test_every_part_that_health_judges_has_a_name(language: str) -> None:
    assert len(PARTS) > 12
    words = (ROOT / "ops" / "http" / "dashboard" / f"part_words.{language}.js").read_text("utf-8")
    assert set(re.findall(r'"part\.(\w+)"', words)) >= PARTS
