"""The daemon: its composition root, its main loop and its metrics."""
