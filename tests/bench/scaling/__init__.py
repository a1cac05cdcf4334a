"""Runs that show what several processes do together."""
