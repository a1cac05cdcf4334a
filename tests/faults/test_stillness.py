"""A process that is held still and let go again: nobody in it hung."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from tests.support.stack import eventually

_FAMILY = """
import sys, threading
import structlog
from engine.actor import Actor
from engine.spec import Services
from engine.children import ChildState, SupervisorSnapshot
from engine.spec import ChildSpec
from engine.clock import SystemClock
from engine.directory import Directory
from engine.snapshot import Snapshots
from engine.supervisor import Supervisor
from engine.timers import TimerThread

class Worker(Actor):
    pass

# standard output is for the states alone: a line of the log that is written beside one would cut it in two
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
clock = SystemClock()
snapshots = Snapshots(clock)
services = Services(directory=Directory(), snapshots=snapshots, timers=TimerThread(), clock=clock)
finished = threading.Event()
names = ("one", "two", "three")
specs = [ChildSpec(name=name, factory=Worker.start, heartbeat_limit_s=2.0) for name in names]
Supervisor.start(services, specs, finished=finished)
print("up", flush=True)
while True:
    finished.wait(0.2)
    family = snapshots.read("supervisor", SupervisorSnapshot)
    states = {child.state.value for child in family.value.children} if family else set()
    print("state:", family.value.escalation if family else None, *sorted(states), flush=True)
"""
#: over twice the limit of these children, so that without more each of them would be given up
_STILL_S = 7.0


def test_fault_37_a_stopped_process_goes_on_when_it_is_continued() -> None:
    command = [sys.executable, "-c", _FAMILY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            told = iter(process.stdout.readline, "")
            lines = (line.removeprefix("state: ") for line in told if line.startswith("state: "))
            eventually(lambda: next(lines).split() == ["None", "running"])
            os.kill(process.pid, signal.SIGSTOP)
            time.sleep(_STILL_S)
            os.kill(process.pid, signal.SIGCONT)
            seen = {tuple(next(lines).split()) for _ in range(25)}
            assert seen == {("None", "running")}
        finally:
            process.kill()
