"""The metric families that are read from snapshots: name, kind, meaning, labels.

Every scrape includes every family with its meaning, even while it has no sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

__all__ = ["FAMILIES", "Family", "Sheet"]


@dataclass(frozen=True, slots=True)
class Family:
    """The series of one name. A counter's name ends in ``_total``."""

    name: str
    kind: Literal["gauge", "counter"]
    meaning: str
    labels: tuple[str, ...]

    def make(self) -> GaugeMetricFamily | CounterMetricFamily:
        """Return the family without samples."""
        kind = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        return kind(self.name, self.meaning, labels=self.labels)


FAMILIES: list[Family] = []


def _gauge(name: str, meaning: str, *labels: str) -> Family:
    FAMILIES.append(Family(f"tpcapital_{name}", "gauge", meaning, labels))
    return FAMILIES[-1]


def _counter(name: str, meaning: str, *labels: str) -> Family:
    FAMILIES.append(Family(f"tpcapital_{name}_total", "counter", meaning, labels))
    return FAMILIES[-1]


BUILD_INFO = _gauge("build_info", "Always 1, with the running version as label", "version")
HEALTH = _gauge(
    "health", "1 for the current status of a check of /health, 0 for the others", "check", "status"
)
CLOCK_AHEAD = _gauge(
    "clock_ahead_seconds",
    "How far this machine's clock is ahead of the database's clock, which the engine uses",
)
DISK_FREE = _gauge(
    "disk_free_bytes",
    "Free space for an ordinary user on the file system of the engine's working folder",
    "path",
)
DISK_SIZE = _gauge("disk_size_bytes", "Size of the file system of the engine's working folder", "path")

BREAKER_STATE = _gauge(
    "breaker_state", "1 for the current state of the circuit breaker, 0 for the others", "channel", "state"
)
POLL_INTERVAL = _gauge("poll_interval_seconds", "Time from one poll to the next, as configured", "channel")
POLL_SUCCESS = _gauge("last_successful_poll_timestamp_seconds", "When a poll last succeeded", "channel")
POLL_SUCCESS_AGE = _gauge(
    "last_successful_poll_age_seconds",
    "Time since the start of the last successful poll, or since the engine's start if no poll has succeeded",
    "channel",
)
KEY_REFUSED = _gauge("gateway_key_refused", "1 while the gateway refuses our key", "channel")
NEWEST_MESSAGE = _gauge(
    "newest_message_timestamp_seconds", "When the gateway received the newest known message", "channel"
)
IN_FLIGHT = _gauge(
    "in_flight_messages", "Messages that were sent to the parser and are not yet durable", "channel"
)
UNACKNOWLEDGED = _gauge(
    "unacknowledged_messages", "Durable messages that the gateway still lists as unprocessed", "channel"
)

BACKFILL_PHASE = _gauge(
    "backfill_phase", "1 for the current phase of the history import, 0 for the others", "phase"
)
BACKFILL_ROWS = _gauge("backfill_rows", "History rows read by the full pass", "channel")
BACKFILL_GATEWAY_ROWS = _gauge("backfill_gateway_rows", "History rows that the gateway reports", "channel")
BACKFILL_COMPLETED = _gauge("backfill_completed", "1 once the history has been read to its end", "channel")

DEAD_LETTERS = _gauge("dead_letters", "Unresolved dead letters")
BROKER_MESSAGES = _gauge("broker_messages_waiting", "Messages in the broker's queue that wait for a consumer")
BROKER_CONSUMERS = _gauge("broker_consumers", "Consumers of the broker's queue")
BROKER_DEAD = _gauge("broker_dead_letters", "Messages that were given back to the broker too often")
EVENTS_COMMIT = _gauge("events_commit_number", "The commit up to which events were published")
BELL_CONNECTED = _gauge(
    "bell_connected",
    "1 while other processes' commits are heard at once, 0 while the look each second tells of them",
)
WORK_HELD = _gauge(
    "work_held",
    "1 for work that this process does of what one process is enough for, 0 for the other such work",
    "work",
)
ALERTS_DUE = _gauge("alerts_due", "Alerts that are due, those that quiet hours hold back too")
ALERTS_AGE = _gauge(
    "alerts_oldest_due_age_seconds",
    "Age of the oldest alert that no target has taken yet; quiet hours left out",
)
ENRICHMENT_BEHIND = _gauge(
    "enrichment_behind_seconds",
    "Time from the commit up to which signals were enriched to the newest one; no value where another daemon enriches",
)
ENRICHED = _counter(
    "enriched_signals", "Signals of which it was stored what prices say, or what they say now"
)
ENRICHMENT_FAILURES = _counter("enrichment_failures", "Times that enriching failed and waits to go on")
INDICATOR_PROCESSES = _counter(
    "indicator_process_starts", "Starts of the process that computes indicators; one is usual"
)
BARS_UNTIL = _gauge(
    "bars_newest_timestamp_seconds", "When the newest stored bar of the market's prices closed"
)
BATCHES_WAITING = _gauge("batches_waiting", "Batches that wait for the database")
RETENTION_KEPT = _gauge(
    "retention_last_kept_timestamp_seconds",
    "When future weeks of signals were last created and old ones dropped",
)
RETENTION_AHEAD = _gauge(
    "retention_made_until_timestamp_seconds",
    "End of the last week created in advance; no value if the server creates weeks when needed",
)

POOL_CONNECTIONS = _gauge("pool_connections", "Database connections by state", "lane", "state")
POOL_MAXIMUM = _gauge("pool_maximum_connections", "Maximum number of database connections of a pool", "lane")
POOL_WAITING = _gauge("pool_waiting_requests", "Requests that are waiting for a database connection", "lane")
POOL_REQUESTS = _counter("pool_requests", "Requests for a database connection", "lane")
POOL_QUEUED = _counter("pool_queued_requests", "Requests that had to wait for a connection", "lane")
POOL_REFUSED = _counter("pool_refused_requests", "Requests that got no database connection", "lane")
POOL_WAIT = _counter("pool_wait_seconds", "Total time that requests waited for a database connection", "lane")
POOL_RENEWALS = _counter(
    "pool_renewals",
    "Times that all connections of a pool were replaced, because they were lost, silent or led to a standby",
    "lane",
)

REDIS_UP = _gauge("redis_up", "1 while a Redis server answers and has the expected role", "server")
REDIS_REFUSED = _counter(
    "redis_refused_pages",
    "Values in Redis that were refused because they are not pages of this engine, by reason",
    "reason",
)
REPLICA_IN_SYNC = _gauge("redis_replica_in_sync", "1 while the Redis replica follows its master")

ACTOR_RUNNING = _gauge(
    "actor_running", "1 while an actor runs, 0 while it is restarting, parked or hung", "actor"
)
ACTOR_RESTARTS = _counter("actor_restarts", "Restarts of an actor", "actor")
ACTOR_UNKNOWN = _counter("actor_unknown_messages", "Messages of a type that the actor does not know", "actor")
ACTOR_BEAT_AGE = _gauge("actor_beat_age_seconds", "Time since an actor's last heartbeat", "actor")
MAILBOX_DEPTH = _gauge("mailbox_depth", "Messages waiting in a mailbox", "actor")
UNDELIVERED = _counter("undelivered_messages", "Messages sent to an actor that was down", "actor")


class Sheet:
    """The samples of one scrape."""

    def __init__(self) -> None:
        self._made = {family.name: family.make() for family in FAMILIES}

    def set(self, family: Family, value: float | datetime | None, *labels: str) -> None:
        """Add a sample. An instant becomes seconds since 1970; None adds no sample."""
        if value is not None:
            number = value.timestamp() if isinstance(value, datetime) else float(value)
            self._made[family.name].add_metric(labels, number)

    def metrics(self) -> Iterator[Metric]:
        """Return all families, in the order of the table."""
        yield from self._made.values()
