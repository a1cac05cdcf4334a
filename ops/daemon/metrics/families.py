"""The families that are read off snapshots, as a table: name, kind, meaning, labels.

Every family is in every scrape, without a sample while there is nothing to say, so that its meaning is.
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
    """Series of one name. A counter's ends in ``_total``, as in the exposition."""

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


BUILD_INFO = _gauge("build_info", "1, with the version that runs", "version")
HEALTH = _gauge("health", "1 for the status a check of /health has, 0 for the others", "check", "status")
CLOCK_AHEAD = _gauge(
    "clock_ahead_seconds", "By how much this machine's clock is ahead of the database's, which decides"
)
DISK_FREE = _gauge("disk_free_bytes", "Space an ordinary user may yet fill where the engine works", "path")
DISK_SIZE = _gauge("disk_size_bytes", "Size of the file system where the engine works", "path")

BREAKER_STATE = _gauge(
    "breaker_state", "1 for the state the circuit breaker is in, 0 for the others", "channel", "state"
)
POLL_INTERVAL = _gauge("poll_interval_seconds", "Time from one poll to the next, as configured", "channel")
POLL_SUCCESS = _gauge("last_successful_poll_timestamp_seconds", "When a poll last succeeded", "channel")
POLL_SUCCESS_AGE = _gauge(
    "last_successful_poll_age_seconds",
    "Time since the last poll that succeeded began: what came later may not be read yet; while none has, since the engine's start",
    "channel",
)
KEY_REFUSED = _gauge("gateway_key_refused", "1 while the gateway refuses our key", "channel")
NEWEST_MESSAGE = _gauge(
    "newest_message_timestamp_seconds", "When the newest message known was received by the gateway", "channel"
)
IN_FLIGHT = _gauge("in_flight_messages", "Messages sent to the parser and not yet durable", "channel")
UNACKNOWLEDGED = _gauge("unacknowledged_messages", "Durable messages the gateway still lists", "channel")

BACKFILL_PHASE = _gauge("backfill_phase", "1 for what the history import is at, 0 for the others", "phase")
BACKFILL_ROWS = _gauge("backfill_rows", "History rows read by the full pass", "channel")
BACKFILL_GATEWAY_ROWS = _gauge("backfill_gateway_rows", "History rows the gateway counts", "channel")
BACKFILL_COMPLETED = _gauge("backfill_completed", "1 once the history has been read to its end", "channel")

DEAD_LETTERS = _gauge("dead_letters", "Messages that wait for a good end")
BATCHES_WAITING = _gauge("batches_waiting", "Batches that wait for the database to take them")
RETENTION_KEPT = _gauge(
    "retention_last_kept_timestamp_seconds", "When weeks of signals were last made ahead and dropped"
)
RETENTION_AHEAD = _gauge(
    "retention_made_until_timestamp_seconds",
    "Where the last week made ahead ends; without a value where the server makes weeks when needed",
)

POOL_CONNECTIONS = _gauge("pool_connections", "Database connections, by what they are at", "lane", "state")
POOL_MAXIMUM = _gauge("pool_maximum_connections", "Most database connections a lane may have", "lane")
POOL_WAITING = _gauge("pool_waiting_requests", "Requests that wait for a database connection now", "lane")
POOL_REQUESTS = _counter("pool_requests", "Requests for a database connection", "lane")
POOL_QUEUED = _counter("pool_queued_requests", "Requests that had to wait for a connection", "lane")
POOL_REFUSED = _counter("pool_refused_requests", "Requests that got no connection in time, or at all", "lane")
POOL_WAIT = _counter("pool_wait_seconds", "Time requests have waited for a database connection", "lane")
POOL_RENEWALS = _counter(
    "pool_renewals", "Times all connections of a lane were replaced: lost, silent, or to a standby", "lane"
)

REDIS_UP = _gauge("redis_up", "1 while a Redis server answers and has the role it should have", "server")
REDIS_REFUSED = _counter(
    "redis_refused_pages", "Values found in Redis that are no pages of ours, by what was wrong", "reason"
)
REPLICA_IN_SYNC = _gauge("redis_replica_in_sync", "1 while the Redis replica follows its master")

ACTOR_RUNNING = _gauge(
    "actor_running", "1 while an actor runs; 0 while it is restarted, parked or hung", "actor"
)
ACTOR_RESTARTS = _counter("actor_restarts", "Restarts of an actor", "actor")
ACTOR_UNKNOWN = _counter("actor_unknown_messages", "Messages an actor did not know", "actor")
ACTOR_BEAT_AGE = _gauge("actor_beat_age_seconds", "Time since an actor's last sign of life", "actor")
MAILBOX_DEPTH = _gauge("mailbox_depth", "Messages waiting in a mailbox", "actor")
UNDELIVERED = _counter("undelivered_messages", "Messages told to an actor that was down", "actor")


class Sheet:
    """The samples of one scrape."""

    def __init__(self) -> None:
        self._made = {family.name: family.make() for family in FAMILIES}

    def set(self, family: Family, value: float | datetime | None, *labels: str) -> None:
        """Note a value; an instant is noted as seconds since 1970, None not at all."""
        if value is not None:
            number = value.timestamp() if isinstance(value, datetime) else float(value)
            self._made[family.name].add_metric(labels, number)

    def metrics(self) -> Iterator[Metric]:
        """Return all families, in the order of the table."""
        yield from self._made.values()
