"""Maintenance: has the database keep its weeks of signals, and settles what time changes.

That are the standings of signals whose time has passed, rows of the former service's table, and old bars.
"""

from __future__ import annotations

from datetime import datetime
from random import Random

from actors.names import CACHE
from actors.shown.snapshots import MaintenanceSnapshot
from actors.sources.lease import may_work
from engine.actor import Actor, handles
from engine.backoff import Backoff, RetryState
from engine.messages import SignalsCommitted, Tick
from engine.spec import Context
from storage.errors import StorageError
from storage.legacy.rounds import LegacyRounds
from storage.postgres.bar_retention import BarRetention
from storage.postgres.retention import Kept, Retention
from storage.postgres.standing_rounds import StandingRounds

__all__ = ["Maintenance"]

#: weeks are made four ahead, so a day without a round harms nothing
EVERY_S = 3600.0
#: what an operator has mended is seen soon
IN_DOUBT_EVERY_S = 60.0
BACKOFF = Backoff(first_s=1.0, cap_s=60.0)
#: an old row and its message stand beside each other no longer than this (docs/migrating.md)
SETTLE_EVERY_S = 60.0
#: how often it looks whether a lease that has ended is ours again
LEASE_EVERY_S = 1.0


class Maintenance(Actor):
    """Keeps weeks at start and each hour, each minute while that finds a problem; settles old rows each minute.

    Standings are settled at start and when a day begins. Old bars go each hour. An outage is waited out.
    """

    def __init__(
        self,
        context: Context,
        *,
        retention: Retention,
        old_rows: LegacyRounds,
        standings: StandingRounds,
        bars: BarRetention,
        random: Random,
    ) -> None:
        super().__init__(context)
        self._retention = retention
        self._old_rows = old_rows
        self._standings = standings
        self._bars = bars
        self._duties = {
            "keep": self._keep,
            "settle": self._settle,
            "stand": self._stand,
            "forget": self._forget,
        }
        self._retries = {name: RetryState(backoff=BACKOFF, random=random) for name in self._duties}
        self._kept: Kept | None = None
        self._kept_at: datetime | None = None

    def _open(self) -> None:
        self._publish()
        for purpose in self._duties:
            self.tick_later(purpose, 0)

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose not in self._duties:
            return
        if not may_work(self.context.services.snapshots, self.context.name, self.clock.monotonic_s()):
            self.tick_later(tick.purpose, LEASE_EVERY_S)
            return
        retry = self._retries[tick.purpose]
        try:
            wait_s = self._duties[tick.purpose]()
            retry.succeeded()
        except StorageError as error:
            now_s = self.clock.monotonic_s()
            retry.failed(str(error), at=self.clock.now(), now_s=now_s)
            self.log.debug("maintenance.failed", duty=tick.purpose, error=str(error), failures=retry.failures)
            wait_s = retry.wait_s(now_s)
        self._publish()
        self.tick_later(tick.purpose, wait_s)

    def _keep(self) -> float:
        """Keep weeks and return the seconds until the next time."""
        kept = self._retention.keep()
        if kept.made or kept.dropped:
            self.log.info("retention.kept", weeks_made=kept.made, weeks_dropped=kept.dropped)
        if kept.problem and (self._kept is None or self._kept.problem != kept.problem):
            self.log.warning("retention.in_doubt", problem=kept.problem)
        self._kept, self._kept_at = kept, self.clock.now()
        return IN_DOUBT_EVERY_S if kept.problem else EVERY_S

    def _settle(self) -> float:
        """Settle old rows and return the seconds until the next time."""
        return 0 if self._old_rows.settle() else SETTLE_EVERY_S

    def _stand(self) -> float:
        """Settle standings and return the seconds until the next time."""
        settled = self._standings.settle()
        if settled.commit_number is not None:
            news = SignalsCommitted(commit_number=settled.commit_number, signals=0)
            self.send(CACHE, news)
        return settled.again_s

    def _forget(self) -> float:
        """Delete old bars and return the seconds until the next time."""
        return self._bars.forget()

    def _publish(self) -> None:
        worst = max(self._retries.values(), key=lambda retry: retry.failures)
        self.publish(
            MaintenanceSnapshot(
                last_kept_at=self._kept_at,
                ahead_until=self._kept.ahead_until if self._kept else None,
                problem=self._kept.problem if self._kept else None,
                error=worst.error,
                failures=worst.failures,
            )
        )
