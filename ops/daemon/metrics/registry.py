"""One registry a daemon: everything a scrape of it shows."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.registry import Collector

__all__ = ["make_registry"]


def make_registry(*collectors: Collector) -> CollectorRegistry:
    """Return a registry of ``collectors``, of the process and of the Python that runs it."""
    # a series of its own for the birth of each series: Prometheus reads a counter's reset off its values
    disable_created_metrics()  # type: ignore[no-untyped-call] # the library's own omission
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    for collector in collectors:
        registry.register(collector)
    return registry
