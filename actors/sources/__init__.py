"""Shared by the sources: the batch in flight, acknowledging, reading the history, turns of channels."""
