"""What the score learns from, and when it learns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from actors.analysis.score.features import PostedTrade
from engine.sessions import ZONE

__all__ = ["LEAST_RESULTS", "Example", "monday_before"]

#: nothing is learnt from fewer results
LEAST_RESULTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A signal with what was known when it was posted, and its result: whether it was a hit, and since when that is known.

    Both are None while there is no result.
    """

    key: tuple[str, str, int]
    posting: PostedTrade
    indicators: Mapping[str, Any]
    hit: bool | None = None
    known_at: datetime | None = None


def monday_before(instant: datetime) -> datetime:
    """Return the last midnight that began a Monday in São Paulo.

    >>> monday_before(datetime.fromisoformat("2026-03-04T12:00:00+00:00")).isoformat()
    '2026-03-02T03:00:00+00:00'
    """
    local = instant.astimezone(ZONE)
    monday = local.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=local.weekday())
    return monday.astimezone(instant.tzinfo)
