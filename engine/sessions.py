"""The days of São Paulo, where the exchange is, and the days and hours at which B3 trades.

The holidays are those of B3's trading calendar (b3.com.br, "Calendário de negociação B3: feriados", 2026), with those that were
others in earlier years. B3 does not trade on 24 December nor on the last weekday of a year either. A holiday on a weekend is
not moved. A test holds days and hours to ``exchange_calendars`` from 1998 to 2035.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import count, islice
from zoneinfo import ZoneInfo

__all__ = [
    "FUTURES_HOURS",
    "ZONE",
    "day_of",
    "is_session",
    "midnight_after",
    "session_from",
    "session_hours",
    "sessions_before",
]

#: where the exchange is
ZONE = ZoneInfo("America/Sao_Paulo")

#: (month, day)
_FIXED_HOLIDAYS = frozenset(
    [(1, 1), (4, 21), (5, 1), (9, 7), (10, 12), (11, 2), (11, 15), (12, 24), (12, 25), (12, 31)]
)
#: (month, day) of a city's or a state's holiday -> the years in which B3 kept it
_FORMER_HOLIDAYS = {
    (1, 25): frozenset(range(1900, 2022)),
    (7, 9): frozenset(range(1998, 2022)) - {2020},
    # a national one since 2024
    (11, 20): frozenset(range(2004, 2100)) - {2020, 2023},
    # the opening of the World Cup
    (6, 12): frozenset({2014}),
}
#: days after Easter Sunday: carnival Monday and Tuesday, Good Friday, Corpus Christi
_MOVABLE_HOLIDAYS = frozenset([-48, -47, -2, 60])
_ASH_WEDNESDAY = -46
_SATURDAY = 5

#: Shares and options: hours of the calendar of `exchange_calendars`, which has B3 close an hour later since this day.
#: B3 itself moves by an hour with New York's summer time, so a day may have ended earlier, but not later.
_LATER_SINCE = date(2019, 11, 4)
_SHARES_OPEN, _SHARES_CLOSED, _SHARES_CLOSED_SINCE = time(10), time(17), time(18)
#: Futures: the widest hours that B3 announced for WIN, IND, WDO and DOL from 2018 to 2023, as the press told its circulars.
#: In New York's summer they end up to half an hour earlier; for other years the same is assumed.
FUTURES_HOURS = time(9), time(18, 30)
_ASH_WEDNESDAY_OPEN = time(13)


def day_of(instant: datetime) -> date:
    """Return the day of an instant.

    >>> str(day_of(datetime.fromisoformat("2026-11-29T02:59:59Z")))
    '2026-11-28'
    """
    return instant.astimezone(ZONE).date()


def midnight_after(day: date) -> datetime:
    """Return the instant at which the next day begins.

    >>> midnight_after(date(2026, 11, 28)).isoformat()
    '2026-11-29T00:00:00-03:00'
    """
    return datetime.combine(day + timedelta(days=1), time(), ZONE)


def is_session(day: date) -> bool:
    """Return whether B3 trades on that day.

    >>> [is_session(date(2026, 2, day)) for day in (13, 14, 16, 17, 18)]
    [True, False, False, False, True]
    """
    month_and_day = day.month, day.day
    return (
        day.weekday() < _SATURDAY
        and month_and_day not in _FIXED_HOLIDAYS
        and day.year not in _FORMER_HOLIDAYS.get(month_and_day, ())
        and (day - _easter(day.year)).days not in _MOVABLE_HOLIDAYS
        and not _is_last_weekday_of_a_year(day)
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


def session_hours(day: date, *, futures: bool = False) -> tuple[datetime, datetime]:
    """Return when a session begins and ends (UTC). The little that trades after hours is left out.

    >>> [str(instant) for instant in session_hours(date(2026, 11, 27))]
    ['2026-11-27 13:00:00+00:00', '2026-11-27 21:00:00+00:00']
    """
    if futures:
        opened, closed = FUTURES_HOURS
    else:
        opened, closed = _SHARES_OPEN, _SHARES_CLOSED_SINCE if day >= _LATER_SINCE else _SHARES_CLOSED
    if (day - _easter(day.year)).days == _ASH_WEDNESDAY:
        opened = _ASH_WEDNESDAY_OPEN
    begin, end = (datetime.combine(day, hour, ZONE).astimezone(UTC) for hour in (opened, closed))
    return begin, end


def _is_last_weekday_of_a_year(day: date) -> bool:
    """Return whether ``day`` is a Friday, and 31 December the Saturday or Sunday after it."""
    return (day.month, day.weekday()) == (12, 4) and day.day in {29, 30}


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
