"""What the demo's daemon takes while nothing happens."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator

from ops.local.ports import free_port
from ops.local.process import OwnedProcess
from tests.bench.figures import Figure, Goal
from tests.bench.measure import Measure
from tests.bench.scene import READY_S, Scene, Server, answers

__all__ = ["MEASURE"]


def _run(scene: Scene) -> Iterator[Figure]:
    port, state = free_port(), scene.folder / "demo"
    command = [sys.executable, "-m", "ops.cli", "demo", "--port", str(port), "--state", str(state)]
    with OwnedProcess("demo", command, log_path=scene.folder / "demo.log", env=dict(os.environ)) as process:
        process.start()
        process.wait_ready(lambda: answers(port, "/readyz"), deadline_s=READY_S, port=port)
        assert process.pid is not None
        daemon = Server(port=port, pid=process.pid)
        pause = threading.Event()
        # the history is read, what starts late has started
        pause.wait(scene.scale.of(10, 3))
        shares = []
        seconds = scene.scale.of(10, 4)
        for _ in range(scene.scale.of(4, 2)):
            began_s = daemon.cpu_s
            pause.wait(seconds)
            shares.append((daemon.cpu_s - began_s) / seconds * 100)
        yield Figure(name="idle demo's daemon", unit="% of a core", values=tuple(shares), goal=Goal(most=0.5))
        yield Figure(
            name="idle demo's daemon, memory", unit="MB", values=(daemon.rss_mb,), goal=Goal(most=90)
        )


MEASURE = Measure(name="idle", what="processor time and memory of the demo's idle daemon", run=_run)
