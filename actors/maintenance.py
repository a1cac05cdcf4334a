"""Maintenance: has the database make the coming weeks of signals and drop those past retention."""

from __future__ import annotations

from datetime import datetime
from random import Random

from actors.shown.snapshots import MaintenanceSnapshot
from engine.actor import Actor, handles
from engine.backoff import Backoff, RetryState
from engine.messages import Tick
from engine.spec import Context
from storage.errors import StorageError
from storage.postgres.retention import Kept, Retention

__all__ = ["Maintenance"]

#: weeks are made four ahead, so a day without a round harms nothing
EVERY_S = 3600.0
#: what an operator has mended is seen soon
IN_DOUBT_EVERY_S = 60.0
BACKOFF = Backoff(first_s=1.0, cap_s=60.0)


class Maintenance(Actor):
    """Runs a round at start and each hour, each minute while one finds a problem; an outage is waited out."""

    def __init__(self, context: Context, *, retention: Retention, random: Random) -> None:
        super().__init__(context)
        self._retention = retention
        self._retry = RetryState(backoff=BACKOFF, random=random)
        self._kept: Kept | None = None
        self._kept_at: datetime | None = None

    def _open(self) -> None:
        self._publish()
        self.tick_later("keep", 0)

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose != "keep":
            return
        try:
            kept = self._retention.keep()
        except StorageError as error:
            now_s = self.clock.monotonic_s()
            self._retry.failed(str(error), at=self.clock.now(), now_s=now_s)
            self.log.debug("maintenance.failed", error=str(error), failures=self._retry.failures)
            self._publish()
            self.tick_later("keep", self._retry.wait_s(now_s))
            return
        self._retry.succeeded()
        if kept.made or kept.dropped:
            self.log.info("retention.kept", weeks_made=kept.made, weeks_dropped=kept.dropped)
        if kept.problem and (self._kept is None or self._kept.problem != kept.problem):
            self.log.warning("retention.in_doubt", problem=kept.problem)
        self._kept, self._kept_at = kept, self.clock.now()
        self._publish()
        self.tick_later("keep", IN_DOUBT_EVERY_S if kept.problem else EVERY_S)

    def _publish(self) -> None:
        self.publish(
            MaintenanceSnapshot(
                last_kept_at=self._kept_at,
                ahead_until=self._kept.ahead_until if self._kept else None,
                problem=self._kept.problem if self._kept else None,
                error=self._retry.error,
                failures=self._retry.failures,
            )
        )
