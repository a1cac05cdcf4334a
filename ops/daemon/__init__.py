"""The daemon: its parts put together, its main loop, its metrics."""
