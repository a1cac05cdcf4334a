"""Command blocks of the pages: each leaves the shell it is pasted into as it was."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def outside_of_subshells(block: str) -> str:
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "", block)
    while (less := re.sub(r"\([^()]*\)", "", bare)) != bare:
        bare = less
    return bare


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_block_changes_what_later_ones_find_in_subshells_only(page: Path) -> None:
    left = [re.search(r"\b(umask|set -a|export)\b", outside_of_subshells(block)) for block in blocks(page)]
    assert [found[0] for found in left if found] == []


def test_the_files_with_secrets_are_their_owners_and_later_ones_everybodys_to_read(tmp_path: Path) -> None:
    (settings,) = (block for block in blocks(ROOT / "docs" / "deployment.md") if "> owner.env" in block)
    settings = settings.replace("/etc/tp-capital", str(tmp_path / "etc"))
    settings = settings.replace("/opt/tp-capital/.venv/bin/tp-capital", f"{sys.executable} -m ops.cli")
    done = subprocess.run(
        ["sh", "-ec", f"umask 022\n{settings}\numask"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "0022"
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "etc").iterdir()}
    assert modes == dict.fromkeys(["all.env", "owner.env", "engine.env"], 0o600)
