"""The periodic check of ``main``: whether the supervisor is alive, and what the service manager must be told."""

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

#: a supervisor that publishes nothing for this long hangs, even if its thread is alive; the watchdog of a service
#: manager usually acts earlier
GIVE_UP_S = 60.0
#: a longer gap between two checks means that the whole process was suspended, so the supervisor is not to blame
HELD_STILL_S = 10.0


class Watch:
    """Checks the supervisor and informs the service manager.

    Ready means that the responder is running. During a database outage the process stays ready and alive, because a
    restart would not help.
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
        """The interval in seconds that the manager's watchdog requires, or None without a watchdog."""
        # half of its period, as sd_watchdog_enabled(3) recommends
        return self._manager.watchdog_s / 2 if self._manager.watchdog_s else None

    def look(self) -> bool:
        """Inform the manager of changes. Return False if the supervisor has been silent for too long."""
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
