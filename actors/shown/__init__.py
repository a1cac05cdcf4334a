"""What others may see of the actors: snapshots, the health report, metrics, the log of committed events."""
