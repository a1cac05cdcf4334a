"""One run: each measure in its turn; one that fails is told, and the others go on. Ctrl-C keeps what was measured."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from tests.bench.machine import describe_machine
from tests.bench.measure import Measure
from tests.bench.scene import Scale, Scene

__all__ = ["run_measures"]


def run_measures(measures: Iterable[Measure], scale: Scale) -> dict[str, Any]:
    """Run measures and return what they found, as it stands in the JSON file."""
    began, began_s = datetime.now(UTC), time.monotonic()
    machine = describe_machine()
    figures: list[dict[str, Any]] = []
    failures: dict[str, str] = {}
    with Scene(scale) as scene:
        for measure in measures:
            measure_s = time.monotonic()
            _say(f"{measure.name}: {measure.what} ...")
            try:
                for figure in measure.run(scene):
                    figures.append({"measure": measure.name, **figure.as_json()})
                    _say(f"  {figure.name}: {figure.median:,.4g} {figure.unit}")
            except KeyboardInterrupt:
                failures[measure.name] = "interrupted; measures after it were not made"
                break
            except Exception as error:  # noqa: BLE001 - whatever it is, the other measures can be made
                failures[measure.name] = f"{type(error).__name__}: {error}".splitlines()[0]
                _say(f"  failed: {failures[measure.name]}")
            _say(f"  {time.monotonic() - measure_s:.0f} s")
    return {
        "began": began.isoformat(timespec="seconds"),
        "seconds": time.monotonic() - began_s,
        "quick": scale.quick,
        "large": scale.large,
        "machine": machine | {"load after": " ".join(f"{load:.2f}" for load in os.getloadavg())},
        "figures": figures,
        "failures": failures,
    }


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
