"""Reads gauges from snapshots at each scrape, and builds the registry. The actors themselves keep the counters."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from actors.names import (
    ANNOUNCER,
    BACKFILL,
    BELL,
    CONSUMER,
    DEAD_LETTERS,
    ENRICHER,
    HEALTH,
    JOBS,
    LEASES,
    MAINTENANCE,
    NOTIFIER,
    WRITER,
)
from actors.shown.enricher_snapshot import EnricherSnapshot
from actors.shown.health_report import HealthReport, Status
from actors.shown.snapshots import (
    AnnouncerSnapshot,
    BackfillPhase,
    BackfillSnapshot,
    BellSnapshot,
    ConsumerSnapshot,
    DeadLettersSnapshot,
    LeasesSnapshot,
    MaintenanceSnapshot,
    NotifierSnapshot,
    PollerSnapshot,
    WriterSnapshot,
)
from engine.breaker import BreakerState
from engine.children import ChildState, SupervisorSnapshot
from engine.spec import SUPERVISOR, Services
from ops.daemon.metrics import families as f
from ops.daemon.metrics.families import Sheet
from ops.http.routes.health import OLDEST_S
from ops.stores import Stores
from ops.version import VERSION

__all__ = ["make_registry"]

#: the check of the report itself, as in /health
_REPORT = "health"


class SnapshotCollector(Collector):
    """Exports what actors have published. It never hangs, because it reads snapshots and asks no actor.

    ``poll_interval_s`` is the configured interval. ``folder`` selects the file system whose space is exported.
    """

    def __init__(self, services: Services, stores: Stores, *, poll_interval_s: float, folder: Path) -> None:
        self._snapshots = services.snapshots
        self._directory = services.directory
        self._clock = services.clock
        self._database = stores.database
        self._redis = stores.redis
        self._poll_interval_s = poll_interval_s
        self._folder = folder
        self._began_s = self._clock.monotonic_s()

    def describe(self) -> Iterator[Metric]:
        """Yield the families without samples. The registry needs only their names."""
        yield from Sheet().metrics()

    def collect(self) -> Iterator[Metric]:
        """Yield the families with their current samples."""
        sheet = Sheet()
        sheet.set(f.BUILD_INFO, 1, VERSION)
        self._health(sheet)
        self._disk(sheet)
        self._polling(sheet)
        self._backfill(sheet)
        self._broker(sheet)
        self._sharing(sheet)
        self._storage(sheet)
        self._enrichment(sheet)
        self._pools(sheet)
        self._refused_pages(sheet)
        self._actors(sheet)
        yield from sheet.metrics()

    def _health(self, sheet: Sheet) -> None:
        report = self._snapshots.read(HEALTH, HealthReport)
        if report is None:
            return
        # an old report only shows that the health actor hangs, so its other verdicts are left out
        fresh = self._snapshots.age_s(report) <= OLDEST_S
        verdicts = {name: finding.status for name, finding in report.value.findings.items()} if fresh else {}
        verdicts[_REPORT] = Status.HEALTHY if fresh else Status.UNHEALTHY
        for check, verdict in verdicts.items():
            for status in Status:
                sheet.set(f.HEALTH, verdict is status, check, status.value)
        if not fresh:
            return
        for check, state in report.value.inputs.redis.items():
            if check == "redisReplica":
                sheet.set(f.REDIS_UP, state.has_its_role, "replica")
                sheet.set(f.REPLICA_IN_SYNC, state.error is None)
            else:
                sheet.set(f.REDIS_UP, state.has_its_role, "master")

    def _disk(self, sheet: Sheet) -> None:
        try:
            usage = shutil.disk_usage(self._folder)
        except OSError:
            return  # the folder was removed; export the other metrics without it
        sheet.set(f.DISK_FREE, usage.free, str(self._folder))
        sheet.set(f.DISK_SIZE, usage.total, str(self._folder))

    def _polling(self, sheet: Sheet) -> None:
        report = self._snapshots.read(HEALTH, HealthReport)
        now_s = self._clock.monotonic_s()
        for published in self._snapshots.all_of(PollerSnapshot).values():
            poller, channel = published.value, published.value.channel
            for state in BreakerState:
                sheet.set(f.BREAKER_STATE, poller.breaker is state, channel, state.value)
            since_s = self._began_s if poller.asked_s is None else poller.asked_s
            sheet.set(f.POLL_INTERVAL, self._poll_interval_s, channel)
            sheet.set(f.POLL_SUCCESS, poller.last_success_at, channel)
            sheet.set(f.POLL_SUCCESS_AGE, max(0.0, now_s - since_s), channel)
            sheet.set(f.KEY_REFUSED, poller.key_refused, channel)
            sheet.set(f.IN_FLIGHT, poller.in_flight, channel)
            sheet.set(f.UNACKNOWLEDGED, poller.unacknowledged, channel)
            newest = report.value.inputs.newest_message_at(poller) if report else poller.newest_message_at
            sheet.set(f.NEWEST_MESSAGE, newest, channel)

    def _backfill(self, sheet: Sheet) -> None:
        backfill = self._snapshots.read(BACKFILL, BackfillSnapshot)
        if backfill is None:
            return
        for phase in BackfillPhase:
            sheet.set(f.BACKFILL_PHASE, backfill.value.phase is phase, phase.value)
        for channel in backfill.value.channels:
            sheet.set(f.BACKFILL_ROWS, channel.rows_read, channel.channel)
            sheet.set(f.BACKFILL_GATEWAY_ROWS, channel.total, channel.channel)
            sheet.set(f.BACKFILL_COMPLETED, channel.completed_at is not None, channel.channel)

    def _broker(self, sheet: Sheet) -> None:
        if consumer := self._snapshots.read(CONSUMER, ConsumerSnapshot):
            sheet.set(f.BROKER_MESSAGES, consumer.value.waiting)
            sheet.set(f.BROKER_CONSUMERS, consumer.value.consumers)
            sheet.set(f.BROKER_DEAD, consumer.value.dead)
        if announcer := self._snapshots.read(ANNOUNCER, AnnouncerSnapshot):
            sheet.set(f.EVENTS_COMMIT, announcer.value.commit_number)

    def _sharing(self, sheet: Sheet) -> None:
        if bell := self._snapshots.read(BELL, BellSnapshot):
            sheet.set(f.BELL_CONNECTED, bell.value.connected)
        if leases := self._snapshots.read(LEASES, LeasesSnapshot):
            for work in JOBS:
                sheet.set(f.WORK_HELD, work in leases.value.held, work)
        if notifier := self._snapshots.read(NOTIFIER, NotifierSnapshot):
            oldest = notifier.value.oldest_due_at
            sheet.set(f.ALERTS_DUE, notifier.value.due)
            age_s = (self._clock.now() - oldest).total_seconds() if oldest else 0.0
            sheet.set(f.ALERTS_AGE, max(0.0, age_s))

    def _storage(self, sheet: Sheet) -> None:
        if letters := self._snapshots.read(DEAD_LETTERS, DeadLettersSnapshot):
            sheet.set(f.DEAD_LETTERS, letters.value.waiting)
        if writer := self._snapshots.read(WRITER, WriterSnapshot):
            sheet.set(f.BATCHES_WAITING, writer.value.waiting)
        if kept := self._snapshots.read(MAINTENANCE, MaintenanceSnapshot):
            sheet.set(f.RETENTION_KEPT, kept.value.last_kept_at)
            sheet.set(f.RETENTION_AHEAD, kept.value.ahead_until)

    def _enrichment(self, sheet: Sheet) -> None:
        if enricher := self._snapshots.read(ENRICHER, EnricherSnapshot):
            sheet.set(f.ENRICHMENT_BEHIND, enricher.value.behind_s)
            sheet.set(f.ENRICHED, enricher.value.written)
            sheet.set(f.ENRICHMENT_FAILURES, enricher.value.failures)
            sheet.set(f.INDICATOR_PROCESSES, enricher.value.processes)
            sheet.set(f.BARS_UNTIL, enricher.value.bars_until)

    def _pools(self, sheet: Sheet) -> None:
        sheet.set(f.CLOCK_AHEAD, self._database.clock.machine_ahead_s())
        for pool, stats in self._database.stats().items():
            sheet.set(f.POOL_CONNECTIONS, max(0, stats.size - stats.available), pool, "busy")
            sheet.set(f.POOL_CONNECTIONS, stats.available, pool, "idle")
            sheet.set(f.POOL_MAXIMUM, stats.maximum, pool)
            sheet.set(f.POOL_WAITING, stats.waiting, pool)
            sheet.set(f.POOL_REQUESTS, stats.requests, pool)
            sheet.set(f.POOL_QUEUED, stats.queued, pool)
            sheet.set(f.POOL_REFUSED, stats.refused, pool)
            sheet.set(f.POOL_WAIT, stats.waited_s, pool)
            sheet.set(f.POOL_RENEWALS, stats.renewals, pool)

    def _refused_pages(self, sheet: Sheet) -> None:
        for reason, count in self._redis.refused.items() if self._redis is not None else ():
            sheet.set(f.REDIS_REFUSED, count, reason)

    def _actors(self, sheet: Sheet) -> None:
        supervisor = self._snapshots.read(SUPERVISOR, SupervisorSnapshot)
        for child in supervisor.value.children if supervisor else ():
            sheet.set(f.ACTOR_RUNNING, child.state is ChildState.RUNNING, child.name)
            sheet.set(f.ACTOR_RESTARTS, child.restarts, child.name)
            sheet.set(f.ACTOR_UNKNOWN, child.unknown, child.name)
            sheet.set(f.MAILBOX_DEPTH, self._directory.depth(child.name), child.name)
            entry = self._directory.find(child.name)
            if entry is not None:
                age_s = self._clock.monotonic_s() - entry.heartbeat.beat_at_s
                sheet.set(f.ACTOR_BEAT_AGE, max(0.0, age_s), child.name)
        names = [child.name for child in supervisor.value.children] if supervisor else []
        for name, count in (dict.fromkeys(names, 0) | self._directory.misses()).items():
            sheet.set(f.UNDELIVERED, count, name)


def make_registry(services: Services, stores: Stores, *, poll_interval_s: float) -> CollectorRegistry:
    """Return a registry with the gauges of this daemon and the collectors of the process and of Python."""
    # no extra "_created" series: Prometheus detects a counter's reset from its values
    disable_created_metrics()  # type: ignore[no-untyped-call] # the library's own omission
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    registry.register(SnapshotCollector(services, stores, poll_interval_s=poll_interval_s, folder=Path.cwd()))
    return registry
