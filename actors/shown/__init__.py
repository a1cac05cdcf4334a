"""What actors publish: snapshots, the health report, metrics, the log of committed events."""
