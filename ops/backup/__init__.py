"""Backups: dump one schema with pg_dump, restore it once to check it, keep it in a folder; and restore it."""
