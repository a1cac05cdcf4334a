"""The counters and histograms that actors change. ops.daemon.metrics computes gauges from snapshots at each scrape.

Every series starts at zero before its first event. Prometheus' rate() would miss the first event of a series that
appears only with that event.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from actors.names import BACKFILL, CONSUMER, DEAD_LETTERS, POLLER
from actors.shown.snapshots import PollState
from engine.breaker import BreakerState
from engine.model import OutcomeKind

__all__ = ["Metrics"]

_CALL_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_ANSWER_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LAG_BUCKETS_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 7.5, 10, 30, 60, 300, 1800)

_SOURCES = (POLLER, CONSUMER, BACKFILL, DEAD_LETTERS)
_ENDINGS = ("ok", "failed")
_QUOTE_RESULTS = ("ok", "unknown", "refused", "failed")
_WRITES = ("ok", "failed", "skipped")


class Metrics:
    """One set per daemon, in the registry that is scraped. All metrics are safe for threads."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.messages = Counter(
            "tpcapital_messages", "Messages processed, by outcome", ["source", "outcome"], registry=registry
        )
        self.duplicates = Counter(
            "tpcapital_messages_duplicate",
            "Messages that the ledger already knew",
            ["source"],
            registry=registry,
        )
        self.batches = Counter("tpcapital_batches", "Batches committed", ["source"], registry=registry)
        self.signals = Counter("tpcapital_signals_written", "Signal rows written", registry=registry)
        self.polls = Counter(
            "tpcapital_polls",
            "Polls, by channel and result",
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
            "tpcapital_write_failures", "Failed attempts to write; each is repeated", registry=registry
        )
        self.lag_seconds = Histogram(
            "tpcapital_end_to_end_lag_seconds",
            "Time from a signal's receipt at the gateway, or its date in Telegram, to its commit here; signals of the history left out",
            ["since"],
            registry=registry,
            buckets=_LAG_BUCKETS_S,
        )
        self.quote_requests = Counter(
            "tpcapital_quote_requests", "Requests to the quote service", ["result"], registry=registry
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
            "Messages found in the history that no poll returned",
            ["channel"],
            registry=registry,
        )
        self.cache_requests = Counter(
            "tpcapital_cache_requests",
            "Pages requested from the cache, by result",
            ["result"],
            registry=registry,
        )
        self.cache_writes = Counter(
            "tpcapital_cache_writes",
            "Pages built for the cache, by result of writing them; skipped while others wait",
            ["result"],
            registry=registry,
        )
        self.http_requests = Counter(
            "tpcapital_http_requests",
            "Answered requests, by route, method and status",
            ["route", "method", "status"],
            registry=registry,
        )
        self.http_seconds = Histogram(
            "tpcapital_http_request_duration_seconds",
            "Time from a request's header to the header of its answer, by route",
            ["route"],
            registry=registry,
            buckets=_ANSWER_BUCKETS_S,
        )
        self.http_failures = Counter(
            "tpcapital_http_failures",
            "Requests that failed because of a bug in this service: answered with 500 or cut off",
            ["route"],
            registry=registry,
        )
        self.http_dropped = Counter(
            "tpcapital_http_dropped",
            "Connections closed because the client sent its header or body too slowly, or did not read",
            ["part"],
            registry=registry,
        )
        self.alerts = Counter(
            "tpcapital_alerts",
            "Alerts that ended as sent, dead or skipped, and failed attempts",
            ["result"],
            registry=registry,
        )
        self.streams_open = Gauge("tpcapital_streams", "Open streams of new signals", registry=registry)
        self.streams_refused = Counter(
            "tpcapital_streams_refused",
            "Streams refused because the limit of open streams was reached",
            registry=registry,
        )
        self.stream_bytes = Counter("tpcapital_stream_bytes", "Bytes sent to streams", registry=registry)
        self._answers: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self.answers_from_memory = self.cache_requests.labels("memory")
        self._cache_hits = self.cache_requests.labels("hit")
        self._cache_misses = self.cache_requests.labels("miss")
        self._cache_shared = self.cache_requests.labels("shared")
        self.stale_control = Counter(
            "tpcapital_stale_messages",
            "Ignored control messages of an earlier batch or generation",
            registry=registry,
        )
        self._begin()

    def _begin(self) -> None:
        """Create the series that do not depend on channels or routes."""
        for source in _SOURCES:
            for outcome in OutcomeKind:
                self.messages.labels(source, outcome.value)
            self.duplicates.labels(source)
            self.batches.labels(source)
        for ending in _WRITES:
            self.cache_writes.labels(ending)
        for result in ("sent", "failed", "dead", "skipped"):
            self.alerts.labels(result)
        for result in _QUOTE_RESULTS:
            self.quote_requests.labels(result)
        for since in ("received", "telegram"):
            self.lag_seconds.labels(since)
        for part in ("head", "body", "write"):
            self.http_dropped.labels(part)

    def begin_channel(self, channel: str) -> None:
        """Create the series of a channel."""
        for result in PollState:
            if result is not PollState.STARTING:
                self.polls.labels(channel, result.value)
        for state in BreakerState:
            self.breaker_transitions.labels(channel, state.value)
        for ending in _ENDINGS:
            self.acknowledgements.labels(channel, ending)
        self.history_found.labels(channel)

    def begin_routes(self, routes: Iterable[str]) -> None:
        """Create the series of the served routes."""
        for route in routes:
            self.http_seconds.labels(route)
            self.http_failures.labels(route)

    def count_answer(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answered request. Routes, methods and statuses are few, so their series are kept at hand."""
        series = self._answers.get((route, method, status))
        if series is None:
            series = self.http_requests.labels(route, method, str(status)), self.http_seconds.labels(route)
            self._answers[route, method, status] = series
        series[0].inc()
        series[1].observe(seconds)

    def forget_channel(self, channel: str) -> None:
        """Remove the series of a channel that is no longer read."""
        for counter in (self.polls, self.breaker_transitions, self.acknowledgements, self.history_found):
            counter.remove_by_labels({"channel": channel})

    def cache_hit_rate(self) -> float | None:
        """Return the share of pages that came from the cache, or None before the first request.

        A page that several readers shared while it was built is no hit: it did not come from the cache.
        """
        hits = _value(self._cache_hits) + _value(self.answers_from_memory)
        asked = hits + _value(self._cache_misses) + _value(self._cache_shared)
        return hits / asked if asked else None


def _value(counter: Counter) -> float:
    """Return a counter's value. Its samples are the only public way to read it."""
    return next(s.value for metric in counter.collect() for s in metric.samples if s.name.endswith("_total"))
