"""Pages lead to pages that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SOURCES = [
    path
    for room in ("engine", "storage", "actors", "config", "ops", "tests")
    for path in sorted((ROOT / room).rglob("*"))
    if path.suffix in {".py", ".sql", ".yaml", ".yml", ".service", ".timer", ".json"}
]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s#]+)", page.read_text("utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_a_page_that_the_code_names_is_there() -> None:
    named = {
        (str(path.relative_to(ROOT)), page)
        for path in SOURCES
        for page in re.findall(r"\bdocs/[\w-]+\.md", path.read_text("utf-8", errors="replace"))
    }
    assert {page for _, page in named} >= {"docs/runbook.md"}
    assert sorted(found for found in named if not (ROOT / found[1]).exists()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_file_that_a_page_names_is_there(page: Path) -> None:
    rooms = "engine|storage|actors|config|ops|tests|docs"
    named = set(re.findall(rf"`((?:{rooms})/[\w./-]+)`", page.read_text("utf-8")))
    assert sorted(name for name in named if not (ROOT / name).exists()) == []
