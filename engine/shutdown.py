"""Ways out: of one child while the others run on, and of all of them, one at a time.

A child that leaves drains, as before a shutdown, stops, and nothing of it is shown any more.
"""

from __future__ import annotations

from collections.abc import Iterable

from structlog.typing import FilteringBoundLogger

from engine.children import Child, ChildState
from engine.messages import Drain
from engine.spec import Services

__all__ = ["advance_removal", "begin_drain", "stop_in_turn"]


def begin_drain(child: Child, *, services: Services, drain_s: float) -> None:
    """Begin: who brings messages in ends the batch that is in flight, for ``drain_s`` seconds at most."""
    child.change(ChildState.LEAVING, services.clock.now())
    child.drained = child.drained or not child.spec.source
    child.deadline_s = services.clock.monotonic_s() + drain_s
    services.directory.send(child.spec.name, Drain())


def advance_removal(child: Child, *, services: Services, log: FilteringBoundLogger) -> bool:
    """Take the next step, at each look; return True once it is gone and forgotten."""
    name, now_s = child.spec.name, services.clock.monotonic_s()
    if child.ref is None or not child.ref.is_alive():
        services.directory.remove(name)
        services.snapshots.remove(name)
        log.info("child.removed", child=name)
        return True
    if child.spec.interrupt is not None:
        child.spec.interrupt()  # each time: a call may have begun after the last
    if not child.told_to_stop and (child.drained or now_s >= child.deadline_s):
        child.told_to_stop = True
        child.deadline_s = now_s + child.spec.shutdown_s
        child.ref.stop(block=False)
    elif child.told_to_stop and now_s >= child.deadline_s and child.state is ChildState.LEAVING:
        # a thread cannot be killed: it stays on the child table, so that no double is started beside it
        log.error("child.stop_timeout", child=name)
        child.last_error = "does not stop"
        child.change(ChildState.STOPPING, services.clock.now())
    return False


def stop_in_turn(children: Iterable[Child], *, services: Services, log: FilteringBoundLogger) -> bool:
    """Stop the first child that lives, or look whether it has stopped; True when all have or are given up.

    Neighbours that are of a group, whichever, need nothing of one another any more: they are stopped
    together, or those of a hundred channels would take all the time there is.
    """
    now_s = services.clock.monotonic_s()
    waiting = alone = False
    for child in children:
        if child.state is ChildState.STOPPED:
            continue
        if waiting and (alone or child.spec.group is None):
            return False
        if child.ref is not None and child.ref.is_alive():
            if child.state is not ChildState.STOPPING:
                child.deadline_s = now_s + child.spec.shutdown_s
                child.change(ChildState.STOPPING, services.clock.now())
                child.ref.stop(block=False)
            if now_s < child.deadline_s:
                waiting, alone = True, child.spec.group is None
                continue
            log.error("child.stop_timeout", child=child.spec.name)
        child.change(ChildState.STOPPED, services.clock.now())
    return not waiting
