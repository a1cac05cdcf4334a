"""The metrics registry of a daemon."""

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
    """Return a registry with ``collectors`` and the collectors of the process and of Python."""
    # no extra "_created" series: Prometheus detects a counter's reset from its values
    disable_created_metrics()  # type: ignore[no-untyped-call] # the library's own omission
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    for collector in collectors:
        registry.register(collector)
    return registry
