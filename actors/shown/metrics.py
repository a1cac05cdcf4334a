"""The counters and histograms that actors move. Gauges are read off snapshots at the scrape (ops.daemon.metrics).

A rate cannot see the first event of a series that appears with it: every series is there, at zero, before.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from actors.names import BACKFILL, DEAD_LETTERS, POLLER
from actors.shown.snapshots import PollState
from engine.breaker import BreakerState
from engine.model import OutcomeKind

__all__ = ["Metrics"]

_CALL_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_ANSWER_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LAG_BUCKETS_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 7.5, 10, 30, 60, 300, 1800)

_SOURCES = (POLLER, BACKFILL, DEAD_LETTERS)
_ENDINGS = ("ok", "failed")


class Metrics:
    """One set per daemon, registered where it is scraped. All of them are safe for many threads."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.messages = Counter(
            "tpcapital_messages", "Messages settled, by outcome", ["source", "outcome"], registry=registry
        )
        self.duplicates = Counter(
            "tpcapital_messages_duplicate", "Messages the ledger knew already", ["source"], registry=registry
        )
        self.batches = Counter("tpcapital_batches", "Batches committed", ["source"], registry=registry)
        self.signals = Counter("tpcapital_signals_written", "Signal rows written", registry=registry)
        self.polls = Counter(
            "tpcapital_polls",
            "Polls, by channel and how they ended",
            ["channel", "result"],
            registry=registry,
        )
        self.poll_seconds = Histogram(
            "tpcapital_poll_duration_seconds",
            "Time of a poll's call to the gateway",
            registry=registry,
            buckets=_CALL_BUCKETS_S,
        )
        self.write_seconds = Histogram(
            "tpcapital_write_duration_seconds",
            "Time to make a batch durable",
            registry=registry,
            buckets=_CALL_BUCKETS_S,
        )
        self.write_failures = Counter(
            "tpcapital_write_failures", "Attempts to write that failed and are repeated", registry=registry
        )
        self.lag_seconds = Histogram(
            "tpcapital_end_to_end_lag_seconds",
            "Time from a signal's receipt at the gateway, or its date in Telegram, to its commit here; polled ones only",
            ["since"],
            registry=registry,
            buckets=_LAG_BUCKETS_S,
        )
        self.breaker_transitions = Counter(
            "tpcapital_breaker_transitions",
            "Changes of the circuit breaker's state",
            ["channel", "state"],
            registry=registry,
        )
        self.acknowledgements = Counter(
            "tpcapital_acknowledgements", "Acknowledgement requests", ["channel", "result"], registry=registry
        )
        self.history_found = Counter(
            "tpcapital_history_found",
            "Messages found in the history that polling had not brought",
            ["channel"],
            registry=registry,
        )
        self.cache_requests = Counter(
            "tpcapital_cache_requests", "Pages asked of the cache, by result", ["result"], registry=registry
        )
        self.cache_writes = Counter(
            "tpcapital_cache_writes", "Pages given to the cache, by result", ["result"], registry=registry
        )
        self.http_requests = Counter(
            "tpcapital_http_requests",
            "Requests answered, by route, method and status",
            ["route", "method", "status"],
            registry=registry,
        )
        self.http_seconds = Histogram(
            "tpcapital_http_request_duration_seconds",
            "Time from a request's head to that of its answer, by route",
            ["route"],
            registry=registry,
            buckets=_ANSWER_BUCKETS_S,
        )
        self.http_failures = Counter(
            "tpcapital_http_failures",
            "Requests that ended in a bug of ours: answered with 500 or cut",
            ["route"],
            registry=registry,
        )
        self.http_dropped = Counter(
            "tpcapital_http_dropped",
            "Connections given up because the client was too slow with head or body, or did not read",
            ["part"],
            registry=registry,
        )
        self.streams_open = Gauge("tpcapital_streams", "Streams of new signals open now", registry=registry)
        self.streams_refused = Counter(
            "tpcapital_streams_refused",
            "Streams refused because as many were open as may be",
            registry=registry,
        )
        self.stream_bytes = Counter("tpcapital_stream_bytes", "Bytes sent to streams", registry=registry)
        self._cache_hits = self.cache_requests.labels("hit")
        self._cache_misses = self.cache_requests.labels("miss")
        self._cache_shared = self.cache_requests.labels("shared")
        self.stale_control = Counter(
            "tpcapital_stale_messages",
            "Control messages of an earlier batch or generation, ignored",
            registry=registry,
        )
        self._begin()

    def _begin(self) -> None:
        """Show the series that do not depend on channels or routes."""
        for source in _SOURCES:
            for outcome in OutcomeKind:
                self.messages.labels(source, outcome.value)
            self.duplicates.labels(source)
            self.batches.labels(source)
        for ending in _ENDINGS:
            self.cache_writes.labels(ending)
        for since in ("received", "telegram"):
            self.lag_seconds.labels(since)
        for part in ("head", "body", "write"):
            self.http_dropped.labels(part)

    def begin_channel(self, channel: str) -> None:
        """Show the series of a channel."""
        for result in PollState:
            if result is not PollState.STARTING:
                self.polls.labels(channel, result.value)
        for state in BreakerState:
            self.breaker_transitions.labels(channel, state.value)
        for ending in _ENDINGS:
            self.acknowledgements.labels(channel, ending)
        self.history_found.labels(channel)

    def begin_routes(self, routes: Iterable[str]) -> None:
        """Show the series of the routes that are served."""
        for route in routes:
            self.http_seconds.labels(route)
            self.http_failures.labels(route)

    def forget_channel(self, channel: str) -> None:
        """End the series of a channel that is read no more."""
        for counter in (self.polls, self.breaker_transitions, self.acknowledgements, self.history_found):
            counter.remove_by_labels({"channel": channel})

    def cache_hit_rate(self) -> float | None:
        """Return the share of pages that came from the cache; None before the first request.

        One that was shared with another reader's build came from neither cache nor database: no hit.
        """
        hits, *others = (_value(c) for c in (self._cache_hits, self._cache_misses, self._cache_shared))
        asked = hits + sum(others)
        return hits / asked if asked else None


def _value(counter: Counter) -> float:
    """Return a counter's value by its public way out: its samples."""
    return next(s.value for metric in counter.collect() for s in metric.samples if s.name.endswith("_total"))
