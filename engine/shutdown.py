"""Stops children: one child while the others keep running, or all of them in turn.

A child that is removed first drains and then stops. After that its snapshot and its name are removed too. Each
function returns at once and is called again at the supervisor's next look, because the supervisor must not block.
"""

from __future__ import annotations

from collections.abc import Iterable

from structlog.typing import FilteringBoundLogger

from engine.children import Child, ChildState
from engine.messages import Drain
from engine.spec import Services

__all__ = ["advance_removal", "begin_drain", "stop_in_turn"]


def begin_drain(child: Child, *, services: Services, drain_s: float) -> None:
    """Begin the removal: a source finishes its batch in flight, within ``drain_s`` seconds."""
    child.change(ChildState.LEAVING, services.clock.now())
    child.drained = child.drained or not child.spec.source
    child.deadline_s = services.clock.monotonic_s() + drain_s
    services.directory.send(child.spec.name, Drain())


def advance_removal(child: Child, *, services: Services, log: FilteringBoundLogger) -> bool:
    """Take the next step of a removal. Return True when the child has ended and its name is removed."""
    name, now_s = child.spec.name, services.clock.monotonic_s()
    if child.ref is None or not child.ref.is_alive():
        services.directory.remove(name)
        services.snapshots.remove(name)
        log.info("child.removed", child=name)
        return True
    if child.spec.interrupt is not None:
        child.spec.interrupt()  # at each look, because a new call may have begun since
    if not child.told_to_stop and (child.drained or now_s >= child.deadline_s):
        child.told_to_stop = True
        child.deadline_s = now_s + child.spec.shutdown_s
        child.ref.stop(block=False)
    elif child.told_to_stop and now_s >= child.deadline_s and child.state is ChildState.LEAVING:
        # A thread cannot be killed. The child stays in the table, so that no second one starts beside it.
        log.error("child.stop_timeout", child=name)
        child.last_error = "does not stop"
        child.change(ChildState.STOPPING, services.clock.now())
    return False


def stop_in_turn(children: Iterable[Child], *, services: Services, log: FilteringBoundLogger) -> bool:
    """Stop the children one after another. Return True when each has stopped or missed its deadline.

    A child outside any group stops alone. Adjacent children that belong to groups, the same or different ones,
    do not depend on each other and stop together. Else a hundred channels would use up the whole time limit.
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
