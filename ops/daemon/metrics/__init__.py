"""The metrics of ``/metrics``: the actors' counters, gauges from their snapshots, and the process."""

from ops.daemon.metrics.registry import make_registry
from ops.daemon.metrics.snapshots import SnapshotCollector

__all__ = ["SnapshotCollector", "make_registry"]
