"""Times that a person or a program writes: an instant, or a date that means the whole day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, tzinfo

__all__ = ["first_instant", "last_instant", "read_iso"]


def read_iso(text: str) -> datetime | date:
    """Return the instant of an ISO 8601 text, in UTC, or its date when it has no time. Without an offset it is UTC.

    Raises:
        ValueError: it is not ISO 8601.
        OverflowError: it is outside the years 1 to 9999.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        instant = datetime.fromisoformat(text)
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


def first_instant(when: date, zone: tzinfo) -> datetime:
    """Return an instant as it is, or the first instant of a day."""
    return when if isinstance(when, datetime) else _of_day(when, time.min, zone)


def last_instant(when: date, zone: tzinfo) -> datetime:
    """Return an instant as it is, or the last microsecond of a day.

    >>> last_instant(date(2026, 11, 20), UTC).isoformat()
    '2026-11-20T23:59:59.999999+00:00'
    """
    # where a day's last hour happens twice, the second one ends the day
    return when if isinstance(when, datetime) else _of_day(when, time.max.replace(fold=1), zone)


def _of_day(day: date, at: time, zone: tzinfo) -> datetime:
    try:
        return datetime.combine(day, at, zone).astimezone(UTC)
    except OverflowError:  # the first or the last day that a date can be
        return datetime.min.replace(tzinfo=UTC) if at.hour == 0 else datetime.max.replace(tzinfo=UTC)
