"""Gauges read off snapshots at the moment of a scrape; the counters beside them are the actors' own."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from actors.health_report import HealthReport, Status
from actors.snapshots import BackfillSnapshot, DeadLettersSnapshot, PollerSnapshot
from engine.actor import SUPERVISOR
from engine.breaker import BreakerState
from engine.children import SupervisorSnapshot
from engine.clock import Clock
from engine.directory import Directory
from engine.snapshot import Board
from ops.version import VERSION
from storage.database import Database

__all__ = ["SnapshotCollector"]


class SnapshotCollector(Collector):
    """Exports what actors have published; it asks nobody and so never hangs."""

    def __init__(self, *, board: Board, directory: Directory, database: Database, clock: Clock) -> None:
        self._board = board
        self._directory = directory
        self._database = database
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges as they stand."""
        info = GaugeMetricFamily("tpcapital_build_info", "The version that runs", labels=["version"])
        info.add_metric([VERSION], 1)
        yield info
        yield from self._polling()
        yield from self._actors()
        yield from self._health()
        yield from self._pools()
        letters = self._board.read("dead_letters", DeadLettersSnapshot)
        if letters is not None and letters.value.waiting is not None:
            yield GaugeMetricFamily(
                "tpcapital_dead_letters", "Messages that wait for a good end", value=letters.value.waiting
            )

    def _polling(self) -> Iterator[Metric]:
        breaker = GaugeMetricFamily(
            "tpcapital_breaker_state", "1 for the state the breaker is in", labels=["channel", "state"]
        )
        success = GaugeMetricFamily(
            "tpcapital_last_successful_poll_timestamp_seconds",
            "When a poll last succeeded",
            labels=["channel"],
        )
        newest = GaugeMetricFamily(
            "tpcapital_newest_message_timestamp_seconds",
            "When the newest message seen was received by the gateway",
            labels=["channel"],
        )
        owed = GaugeMetricFamily(
            "tpcapital_unacknowledged_messages",
            "Durable messages the gateway still lists",
            labels=["channel"],
        )
        for published in self._board.all_of(PollerSnapshot).values():
            poller = published.value
            for state in BreakerState:
                breaker.add_metric([poller.channel, state.value], poller.breaker is state)
            owed.add_metric([poller.channel], poller.unacknowledged)
            if poller.last_success_at is not None:
                success.add_metric([poller.channel], poller.last_success_at.timestamp())
            if poller.newest_message_at is not None:
                newest.add_metric([poller.channel], poller.newest_message_at.timestamp())
        yield from (breaker, success, newest, owed)
        rows = GaugeMetricFamily("tpcapital_backfill_rows", "History rows read", labels=["channel"])
        total = GaugeMetricFamily(
            "tpcapital_backfill_gateway_rows", "History rows the gateway counts", labels=["channel"]
        )
        done = GaugeMetricFamily(
            "tpcapital_backfill_completed", "1 once the history is read", labels=["channel"]
        )
        backfill = self._board.read("backfill", BackfillSnapshot)
        for channel in backfill.value.channels if backfill else ():
            rows.add_metric([channel.channel], channel.rows_read)
            done.add_metric([channel.channel], channel.completed_at is not None)
            if channel.total is not None:
                total.add_metric([channel.channel], channel.total)
        yield from (rows, total, done)

    def _actors(self) -> Iterator[Metric]:
        restarts = CounterMetricFamily("tpcapital_actor_restarts", "Restarts of an actor", labels=["actor"])
        unknown = CounterMetricFamily(
            "tpcapital_actor_unknown_messages", "Messages an actor did not know", labels=["actor"]
        )
        depth = GaugeMetricFamily(
            "tpcapital_mailbox_depth", "Messages waiting in a mailbox", labels=["actor"]
        )
        beat = GaugeMetricFamily(
            "tpcapital_actor_beat_age_seconds", "Time since an actor's last sign of life", labels=["actor"]
        )
        supervisor = self._board.read(SUPERVISOR, SupervisorSnapshot)
        for child in supervisor.value.children if supervisor else ():
            restarts.add_metric([child.name], child.restarts)
            unknown.add_metric([child.name], child.unknown)
            depth.add_metric([child.name], self._directory.depth(child.name))
            entry = self._directory.find(child.name)
            if entry is not None:
                beat.add_metric([child.name], max(0.0, self._clock.monotonic_s() - entry.vitals.beat_at_s))
        misses = CounterMetricFamily(
            "tpcapital_undelivered_messages", "Messages told to an actor that was down", labels=["actor"]
        )
        for name, count in self._directory.misses().items():
            misses.add_metric([name], count)
        yield from (restarts, unknown, depth, beat, misses)

    def _health(self) -> Iterator[Metric]:
        report = self._board.read("health", HealthReport)
        if report is None:
            return
        checks = GaugeMetricFamily(
            "tpcapital_health", "1 for the status a check has", labels=["check", "status"]
        )
        for name, finding in report.value.findings.items():
            for status in Status:
                checks.add_metric([name, status.value], finding.status is status)
        yield checks

    def _pools(self) -> Iterator[Metric]:
        pools = GaugeMetricFamily(
            "tpcapital_pool_connections", "Database connections", labels=["lane", "kind"]
        )
        for lane, stats in self._database.stats().items():
            pools.add_metric([lane, "open"], stats.size)
            pools.add_metric([lane, "idle"], stats.available)
            pools.add_metric([lane, "waiting"], stats.waiting)
            pools.add_metric([lane, "maximum"], stats.maximum)
        yield pools
