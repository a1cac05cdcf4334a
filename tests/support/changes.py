"""Changes of signals as the database gives them, for stores that are lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from storage.postgres.signals import Changes

__all__ = ["first"]


def first(rows: Sequence[Mapping[str, Any]], limit: int) -> Changes:
    """Return the first changes, and the place of the last one if there are as many as may be."""
    part = tuple(rows[:limit])
    reached = (part[-1]["number"], part[-1]["id"]) if len(part) == limit else None
    return Changes(rows=part, reached=reached)
