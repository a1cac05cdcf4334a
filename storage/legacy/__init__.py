"""The former service's table: its rows, and their import."""
