"""Rules of the sources that no linter knows."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROOMS = ("engine", "storage", "actors", "config", "ops")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def test_no_pattern_is_possessive_or_atomic() -> None:
    """Python 3.11 before 3.11.5 matches possessive groups wrongly; Debian 12 has 3.11.2."""
    odd = re.compile(r"[\])}\w][*+?]\+(?![=+ ])|\(\?>")
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in FILES
        for line in path.read_text("utf-8").splitlines()
        if odd.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 320


def test_no_class_name_stands_twice() -> None:
    """Who reads a name finds one thing by it."""
    names = Counter(
        node.name
        for path in FILES
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1] == []
