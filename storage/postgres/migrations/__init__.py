"""Numbered SQL: each file is one step, applied once, in one transaction."""
