"""Where outside instants become ours: bounded by what can be, whoever says them.

A message received in the year 9999 would head every list for good and end every search for newer ones; one of the
year 1 would be dropped as too old, and an hour before it there is no time at all.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["EARLIEST", "MOST_AHEAD", "is_plausible", "utc_instant"]

#: Telegram's first year: an instant before it is a clock's mistake
EARLIEST = datetime(2013, 1, 1, tzinfo=UTC)
#: clocks of other machines may be this much ahead
MOST_AHEAD = timedelta(minutes=5)


def utc_instant(text: str) -> datetime:
    """Read ISO 8601 with its offset; an offset that leads out of the years there are is left aside.

    Raises:
        ValueError: it is none, or has no offset.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an offset from UTC is wanted")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        return instant.replace(tzinfo=UTC)  # within a day of the end of time a day does not matter


def is_plausible(instant: datetime, *, now: datetime) -> bool:
    """Return whether an instant can be when something happened, as seen from ``now``, the database's if it is known."""
    return EARLIEST <= instant <= now + MOST_AHEAD
