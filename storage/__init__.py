"""Clients of everything outside the process that holds data. They raise typed errors."""
