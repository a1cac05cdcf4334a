"""Quiet hours: when a target is not to be disturbed. Pure functions."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta, tzinfo

__all__ = ["QUIET_PATTERN", "is_over", "quiet_until", "read_quiet_hours"]

QUIET_PATTERN = "^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$"
#: a signal with one of these statuses still counts; the numbered targets do too
_STILL_COUNTS = ("waiting", "open", "target_")


def read_quiet_hours(text: str) -> tuple[time, time]:
    """Return beginning and end of quiet hours.

    >>> read_quiet_hours("22:00-07:30")
    (datetime.time(22, 0), datetime.time(7, 30))

    Raises:
        ValueError: what is wrong with the text.
    """
    if not re.fullmatch(QUIET_PATTERN, text):
        raise ValueError("must be two times of the day such as 22:00-07:00")
    begin, end = map(time.fromisoformat, text.split("-"))
    if begin == end:
        raise ValueError("must begin and end at different times")
    return begin, end


def quiet_until(text: str | None, now: datetime, zone: tzinfo) -> datetime | None:
    """Return the end of the quiet hours that hold now, or None if none do."""
    if text is None:
        return None
    begin, end = read_quiet_hours(text)
    local = now.astimezone(zone)
    at = local.time().replace(tzinfo=None)
    over_midnight = begin > end
    quiet = at >= begin or at < end if over_midnight else begin <= at < end
    if not quiet:
        return None
    day = local.date() + timedelta(days=1 if over_midnight and at >= begin else 0)
    # after the hour that a change of the clocks leaves out, the end is one that has passed; then it is now
    return max(datetime.combine(day, end, zone), now)


def is_over(signal_status: str | None) -> bool:
    """Return whether a signal no longer counts: it has ended, or its message holds it no more."""
    if signal_status is None or signal_status == "target_final":
        return True
    return not signal_status.startswith(_STILL_COUNTS)
