"""How long a start takes: from the process to readiness, and the imports alone."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterator

from tests.bench.figures import Figure, Goal, in_turn
from tests.bench.measure import Measure
from tests.bench.scene import Scene

__all__ = ["MEASURES"]

#: the command line of an older tree imports all commands, and has no module for this one
_IMPORTS = """
import ops.cli
from importlib.util import find_spec
if find_spec("ops.commands.run"):
    import ops.commands.run
"""


def _ready(scene: Scene) -> Iterator[Figure]:
    place = scene.place()

    def seconds() -> float:
        began_s = time.perf_counter()
        with scene.running(place):
            return time.perf_counter() - began_s

    seconds()
    yield Figure(
        name="process start to ready",
        unit="s",
        values=tuple(seconds() for _ in range(scene.scale.of(7, 2))),
        goal=Goal(most=1.5),
    )


def _imports(scene: Scene) -> Iterator[Figure]:
    def once(code: str) -> tuple[float, float]:
        """Return seconds and processor seconds of an interpreter that runs this."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began_s = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        seconds = time.perf_counter() - began_s
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    once(_IMPORTS)
    found = in_turn(scene.scale.of(9, 3), {"bare": lambda: once("pass"), "imports": lambda: once(_IMPORTS)})
    for number, (what, goal) in enumerate((("", Goal(most=0.5)), (", processor time", None))):
        pairs = zip(found["imports"], found["bare"], strict=True)
        values = tuple(imports[number] - bare[number] for imports, bare in pairs)
        yield Figure(name=f"imports beyond the interpreter's start{what}", unit="s", values=values, goal=goal)


MEASURES = (
    Measure(name="imports", what="importing what the daemon needs", run=_imports),
    Measure(name="start", what="process start to ready, the schema being there", run=_ready),
)
