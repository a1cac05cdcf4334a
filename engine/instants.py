"""Reads instants from outside and checks that they are plausible.

A message dated in the year 9999 would stay first in every list and would end every search for newer ones. A
message dated in the year 1 would be dropped as too old, and one hour less than that cannot be computed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["EARLIEST", "MOST_AHEAD", "is_plausible", "utc_instant"]

#: Telegram's first year: an earlier instant is an error of a clock
EARLIEST = datetime(2013, 1, 1, tzinfo=UTC)
#: how far the clock of another machine may be ahead
MOST_AHEAD = timedelta(minutes=5)


def utc_instant(text: str) -> datetime:
    """Read an ISO 8601 instant with an offset. The offset is ignored where the result would leave the years 1 to 9999.

    Raises:
        ValueError: The text is no instant, or has no offset.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("the offset from UTC is missing")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        return instant.replace(tzinfo=UTC)  # one day does not matter so close to the limit


def is_plausible(instant: datetime, *, now: datetime) -> bool:
    """Return whether something can have happened at this instant. ``now`` is the database's time where it is known."""
    return EARLIEST <= instant <= now + MOST_AHEAD
