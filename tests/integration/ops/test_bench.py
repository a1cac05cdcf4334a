"""The benchmarks still run: their list, one small measure, a load, and the form of what they write."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.__main__ import main
from tests.bench.figures import Figure, Goal
from tests.bench.harness import run_measures
from tests.bench.measure import Measure
from tests.bench.measures import MEASURES
from tests.bench.report import markdown
from tests.bench.scene import Scale, Scene

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[3]


def test_a_measure_by_name_is_written_to_both_files(tmp_path: Path) -> None:
    figures, table = tmp_path / "new" / "bench.json", tmp_path / "bench.md"
    command = [sys.executable, "-m", "tests.bench", "--quick", "--only", "grammar"]
    files = ["--json", str(figures), "--markdown", str(table)]
    subprocess.run([*command, *files], cwd=ROOT, check=True, timeout=100)
    run = json.loads(figures.read_text("utf-8"))
    assert run["quick"]
    assert run["failures"] == {}
    assert {
        "commit",
        "processor",
        "load before",
        "load after",
        "Python",
        "PostgreSQL",
        "Redis",
        "PgBouncer",
    } <= set(run["machine"])
    first = run["figures"][0]
    assert (first["measure"], first["goal"]) == ("grammar", "≥ 6,000")
    assert first["lowest"] <= first["median"] <= first["highest"]
    assert len(first["rounds"]) == 3
    assert "| grammar | grammar, one core |" in table.read_text("utf-8")


def test_all_measures_are_listed_by_names_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    names = [measure.name for measure in MEASURES]
    main(listed=True)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == names
    assert len(set(names)) == len(names)


def test_a_measure_that_fails_is_told_and_the_next_one_is_made() -> None:
    def fails(_: Scene) -> Iterator[Figure]:
        yield Figure(name="first", unit="s", values=(1.0,))
        raise RuntimeError("no such server\nand more")

    def works(_: Scene) -> Iterator[Figure]:
        yield Figure(name="second", unit="ms", values=(30.0, 10.0, 20.0), goal=Goal(most=20))
        yield Figure(name="third", unit="x", values=(0.5,), goal=Goal(least=0.6))

    measures = [Measure(name="bad", what="", run=fails), Measure(name="good", what="", run=works)]
    run = run_measures(measures, Scale(quick=True))
    assert run["failures"] == {"bad": "RuntimeError: no such server"}
    assert [(figure["name"], figure["median"], figure["met"]) for figure in run["figures"]] == [
        ("first", 1.0, None),
        ("second", 20.0, True),
        ("third", 0.5, False),
    ]
    before = {"figures": [{"measure": "good", "name": "second", "unit": "ms", "median": 40.0}]}
    assert "| good | second | ms | 20 | 10 .. 30 | ≤ 20 | yes | 40 | 0.50 |" in markdown(run, before)
    assert "| bad | failed: RuntimeError: no such server |" in markdown(run, before)
    assert "1 of 2 goals met" in markdown(run, None)


def test_a_load_counts_answers_and_the_servers_processor_time() -> None:
    with Scene(Scale(quick=True)) as scene:
        load = scene.bare.put("/1000", "/2000", connections=4, answers=2_000, seconds=60, warm_s=0)
        assert load.answers == load.asked == 2_000
        assert 0 < load.p50_ms <= load.p99_ms
        assert load.server_cpu_s > 0
        with pytest.raises(RuntimeError, match="no-number"):
            scene.bare.put("/no-number", connections=1, answers=1, seconds=60, warm_s=0)
