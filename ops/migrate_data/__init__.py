"""``tp-capital migrate-data``: the former service's table, taken over."""
