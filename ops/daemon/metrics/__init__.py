"""What ``/metrics`` shows: the actors' own counters, gauges read off their snapshots, the process itself."""

from ops.daemon.metrics.registry import make_registry
from ops.daemon.metrics.snapshots import SnapshotCollector

__all__ = ["SnapshotCollector", "make_registry"]
