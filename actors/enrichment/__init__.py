"""Brings signals, bars and the pure analysis together: what the enricher and `tp-capital enrich` share."""
