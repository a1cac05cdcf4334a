"""The metrics of ``/metrics``: the actors' counters, gauges from their snapshots, and the process."""

from ops.daemon.metrics.snapshots import SnapshotCollector, make_registry

__all__ = ["SnapshotCollector", "make_registry"]
