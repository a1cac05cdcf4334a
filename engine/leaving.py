"""A child's way out while the others run on: it drains, as before a shutdown, stops, and nothing of it is shown."""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from engine.actor import Services
from engine.children import Child, ChildState
from engine.messages import Drain

__all__ = ["let_go", "see_off"]


def let_go(child: Child, *, services: Services, drain_s: float) -> None:
    """Begin: who brings messages in ends the batch that is in flight, for ``drain_s`` seconds at most."""
    child.change(ChildState.LEAVING, services.clock.now())
    child.drained = child.drained or not child.spec.source
    child.deadline_s = services.clock.monotonic_s() + drain_s
    services.directory.send(child.spec.name, Drain())


def see_off(child: Child, *, services: Services, log: FilteringBoundLogger) -> bool:
    """Take the next step, at each look; return True once it is gone and forgotten."""
    name, now_s = child.spec.name, services.clock.monotonic_s()
    if child.ref is None or not child.ref.is_alive():
        services.directory.remove(name)
        services.board.remove(name)
        log.info("child.removed", child=name)
        return True
    if child.spec.interrupt is not None:
        child.spec.interrupt()  # each time: a call may have begun after the last
    if not child.told_to_stop and (child.drained or now_s >= child.deadline_s):
        child.told_to_stop = True
        child.deadline_s = now_s + child.spec.shutdown_s
        child.ref.stop(block=False)
    elif child.told_to_stop and now_s >= child.deadline_s and child.state is ChildState.LEAVING:
        # a thread cannot be killed: it stays on the roster, so that no double is started beside it
        log.error("child.stop_timeout", child=name)
        child.last_error = "does not stop"
        child.change(ChildState.STOPPING, services.clock.now())
    return False
