"""The days of São Paulo, where the exchange is, and those on which B3 trades.

The holidays are those of B3's trading calendar (b3.com.br, "Calendário de negociação B3: feriados", 2026). B3 does not
trade on 24 and 31 December either. A holiday on a weekend is not moved.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import count, islice
from zoneinfo import ZoneInfo

__all__ = ["day_of", "is_session", "midnight_after", "session_from", "sessions_before"]

#: (month, day)
_FIXED_HOLIDAYS = frozenset(
    [(1, 1), (4, 21), (5, 1), (9, 7), (10, 12), (11, 2), (11, 15), (11, 20), (12, 24), (12, 25), (12, 31)]
)
#: days after Easter Sunday: carnival Monday and Tuesday, Good Friday, Corpus Christi
_MOVABLE_HOLIDAYS = frozenset([-48, -47, -2, 60])
_SATURDAY = 5
_ZONE = ZoneInfo("America/Sao_Paulo")


def day_of(instant: datetime) -> date:
    """Return the day of an instant.

    >>> str(day_of(datetime.fromisoformat("2026-11-29T02:59:59Z")))
    '2026-11-28'
    """
    return instant.astimezone(_ZONE).date()


def midnight_after(day: date) -> datetime:
    """Return the instant at which the next day begins.

    >>> midnight_after(date(2026, 11, 28)).isoformat()
    '2026-11-29T00:00:00-03:00'
    """
    return datetime.combine(day + timedelta(days=1), time(), _ZONE)


def is_session(day: date) -> bool:
    """Return whether B3 trades on that day.

    >>> [is_session(date(2026, 2, day)) for day in (13, 14, 16, 17, 18)]
    [True, False, False, False, True]
    """
    return (
        day.weekday() < _SATURDAY
        and (day.month, day.day) not in _FIXED_HOLIDAYS
        and (day - _easter(day.year)).days not in _MOVABLE_HOLIDAYS
    )


def session_from(day: date) -> date:
    """Return the first session that is not before ``day``.

    >>> str(session_from(date(2026, 12, 24)))
    '2026-12-28'
    """
    while not is_session(day):
        day += timedelta(days=1)
    return day


def sessions_before(day: date, number: int) -> list[date]:
    """Return the last ``number`` sessions before ``day``, the newest first."""
    earlier = (day - timedelta(days=days) for days in count(1))
    return list(islice(filter(is_session, earlier), number))


def _easter(year: int) -> date:
    """Return Easter Sunday by Gauss' rule, which in this form holds from 1900 to 2099.

    >>> [str(_easter(year)) for year in (2024, 2026, 2049, 2076)]
    ['2024-03-31', '2026-04-05', '2049-04-18', '2076-04-19']
    """
    moon = (19 * (year % 19) + 24) % 30
    to_sunday = (2 * (year % 4) + 4 * (year % 7) + 6 * moon + 5) % 7
    days = moon + to_sunday
    # the two exceptions of the rule
    if to_sunday == 6 and (moon == 29 or (moon == 28 and year % 19 > 10)):
        days -= 7
    return date(year, 3, 22) + timedelta(days=days)
