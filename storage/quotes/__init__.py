"""Bars from files of the exchange and of terminals, and from quote services."""
