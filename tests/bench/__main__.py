"""``python -m tests.bench``: runs measures and writes what they found; docs/performance.md says more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.logging import configure_logging
from tests.bench.harness import run_measures
from tests.bench.machine import source_tree
from tests.bench.measures import MEASURES
from tests.bench.report import markdown, print_run
from tests.bench.scene import Scale

__all__ = ["main"]


def main(
    *,
    quick: Annotated[
        bool, typer.Option(metavar="", help="Fewer rounds and rows: within two minutes.")
    ] = False,
    large: Annotated[bool, typer.Option(metavar="", help="10 million signals, 1 million messages.")] = False,
    only: Annotated[str, typer.Option(help="Measures by name, separated by commas.")] = "",
    listed: Annotated[bool, typer.Option("--list", metavar="", help="Name the measures and end.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for the figures.")] = None,
    markdown_file: Annotated[
        Path | None, typer.Option("--markdown", help="File for a table to paste.")
    ] = None,
    before: Annotated[
        Path | None, typer.Option(exists=True, help="JSON of an earlier run, to stand beside this one.")
    ] = None,
    tree: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Another source tree to measure.")
    ] = None,
) -> None:
    """Measure this system beside what it stands on. Exit 1 if a measure failed; goals that are not met are no failure."""
    if tree is not None and tree.resolve() != source_tree():
        raise typer.Exit(_measure_in(tree.resolve()))
    if listed:
        for measure in MEASURES:
            sys.stdout.write(f"{measure.name:<13} {measure.what}{' (on demand)' * measure.on_demand}\n")
        return
    names = {measure.name for measure in MEASURES}
    left_out = {m.name for m in MEASURES if m.on_demand or (quick and not m.in_quick)}
    wanted = set(only.split(",")) if only else names - left_out
    if unknown := wanted - names:
        raise typer.BadParameter(f"there is no measure {', '.join(sorted(unknown))}; --list names them all")
    configure_logging(level="ERROR", form="console", stream=sys.stderr)
    chosen = [measure for measure in MEASURES if measure.name in wanted]
    run = run_measures(chosen, Scale(quick=quick, large=large))
    earlier: dict[str, Any] | None = json.loads(before.read_text("utf-8")) if before else None
    print_run(run, earlier)
    for file, text in (
        (json_file, json.dumps(run, indent=1) + "\n"),
        (markdown_file, markdown(run, earlier)),
    ):
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
    raise typer.Exit(1 if run["failures"] else 0)


def _measure_in(other: Path) -> int:
    """Do the same in a process whose modules are the other tree's, all but these benchmarks; return its exit code."""
    with tempfile.TemporaryDirectory(prefix="tp-capital-bench-") as folder:
        ours = Path(folder) / "tests" / "bench"
        ours.parent.mkdir()
        ours.symlink_to(Path(__file__).parent, target_is_directory=True)
        # the working directory would come first, in this process and in those that it starts
        environment = {**os.environ, "PYTHONPATH": f"{folder}:{other}", "PYTHONSAFEPATH": "1"}
        command = [sys.executable, "-m", "tests.bench", *sys.argv[1:]]
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    app = typer.Typer(add_completion=False)
    app.command()(main)
    app()
