"""The engine's HTTP application: it reads snapshots and storage, and asks no actor."""
