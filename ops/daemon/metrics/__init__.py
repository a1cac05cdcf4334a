"""The metrics of ``/metrics``: the actors' counters, gauges from their snapshots, and the process."""

from ops.daemon.metrics.snapshots import make_registry

__all__ = ["make_registry"]
