"""The look of ``main`` at the supervisor: is it alive, what to tell the service manager, when to give up."""

from __future__ import annotations

from actors.names import HEALTH, RESPONDER
from actors.shown.health_report import HealthReport, Status
from engine.children import ChildState, SupervisorSnapshot
from engine.clock import Clock
from engine.snapshot import Snapshots
from engine.spec import SUPERVISOR
from ops.daemon.notify import ServiceManager
from ops.http.routes.health import is_live

__all__ = ["Watch"]

#: a supervisor that is alive as a thread and shows nothing for so long hangs; a service manager that watches is
#: usually quicker
GIVE_UP_S = 60.0
#: with more than this between two looks we were held still ourselves, and the supervisor with us
HELD_STILL_S = 10.0


class Watch:
    """What ``main`` does at every look.

    Ready means that the responder serves. A database that is away leaves the process ready and alive: a restart
    would not bring it back.
    """

    def __init__(self, snapshots: Snapshots, manager: ServiceManager, clock: Clock) -> None:
        self._snapshots = snapshots
        self._manager = manager
        self._clock = clock
        self._ready = False
        self._status = ""
        self._told_alive_s: float | None = None
        self._live_s = self._looked_s = clock.monotonic_s()

    @property
    def every_s(self) -> float | None:
        """Seconds between two looks that the manager's watchdog asks for."""
        # half its period, as sd_watchdog_enabled(3) advises
        return self._manager.watchdog_s / 2 if self._manager.watchdog_s else None

    def look(self) -> bool:
        """Tell the manager what is new; return False once the supervisor has been silent for too long."""
        now_s = self._clock.monotonic_s()
        if now_s - self._looked_s > HELD_STILL_S:
            self._live_s = now_s
        self._looked_s = now_s
        if is_live(self._snapshots):
            self._live_s = now_s
            if self._watchdog_is_due(now_s):
                self._told_alive_s = now_s
                self._manager.alive()
        if not self._ready and self._responder_serves():
            self._ready = True
            self._manager.ready()
        status = self._words()
        if status != self._status:
            self._status = status
            self._manager.status(status)
        return now_s - self._live_s < GIVE_UP_S

    def _watchdog_is_due(self, now_s: float) -> bool:
        if self.every_s is None:
            return False
        return self._told_alive_s is None or now_s - self._told_alive_s >= self.every_s

    def _responder_serves(self) -> bool:
        family = self._snapshots.read(SUPERVISOR, SupervisorSnapshot)
        return family is not None and any(
            child.name == RESPONDER and child.state is ChildState.RUNNING for child in family.value.children
        )

    def _words(self) -> str:
        report = self._snapshots.read(HEALTH, HealthReport)
        if report is None:
            return "starting"
        causes = (
            f"{name}: {finding.cause or finding.status.value}"
            for name, finding in report.value.findings.items()
            if finding.status is not Status.HEALTHY
        )
        return "; ".join([report.value.status.value, *causes])
