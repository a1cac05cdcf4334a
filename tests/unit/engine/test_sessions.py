"""Days and hours of B3, held to the calendar of another project over many years."""

from datetime import UTC, date, timedelta

import pytest

from engine.sessions import is_session, session_hours

FIRST, LAST = date(1998, 1, 1), date(2035, 12, 31)


# pandas warns of what exchange_calendars does
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_days_and_hours_are_those_of_exchange_calendars() -> None:
    # it brings pandas, which only the worker of this test is to load
    from exchange_calendars import get_calendar  # noqa: PLC0415

    schedule = get_calendar("BVMF", start=str(FIRST), end=str(LAST)).schedule
    theirs = {
        day.date(): (opened.to_pydatetime(), closed.to_pydatetime())
        for day, opened, closed in zip(schedule.index, schedule["open"], schedule["close"], strict=True)
    }
    days = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
    ours = {day: session_hours(day) for day in days if is_session(day)}
    differ = {day for day, _ in ours.items() ^ theirs.items()}
    # theirs has Ash Wednesday begin late from 2016 on; B3 did so before, and a late begin claims less
    ash_wednesdays = {day for day, hours in ours.items() if day.year < 2016 and hours[0].hour >= 15}
    assert (len(ash_wednesdays), sorted(differ - ash_wednesdays)) == (18, [])
    assert ours.keys() == theirs.keys()


def test_futures_trade_longer_and_later_on_ash_wednesday() -> None:
    hours = [
        [instant.astimezone(UTC).strftime("%H:%M") for instant in session_hours(day, futures=True)]
        for day in (date(2026, 11, 27), date(2026, 2, 18))
    ]
    assert hours == [["12:00", "21:30"], ["16:00", "21:30"]]
