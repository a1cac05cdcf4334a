"""The former service's table: its rows, and how they become ours."""
