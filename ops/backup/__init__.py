"""Backups: one schema by pg_dump, restored once to check it, kept in a folder; and the way back."""
