"""The last day on which a signal counts."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from storage.postgres.standing import period_of


@pytest.mark.parametrize(
    ("posted", "kind", "until", "days"),
    [
        ("2026-11-27T12:00-03:00", "Swing Trade", None, (None, None)),
        ("2026-11-27T12:00-03:00", "Swing Trade", "30/11", ("2026-11-30", None)),
        ("2026-12-28T12:00-03:00", "Swing Trade", "05/01", ("2027-01-05", None)),
        ("2026-01-28T12:00-03:00", "Swing Trade", "05/01", ("2026-01-05", None)),
        ("2026-11-27T12:00-03:00", "Position", "05/01/2026", ("2026-01-05", None)),
        # no such date: the one so many days after the first of the month, because a signal must not end too early
        ("2026-11-27T12:00-03:00", "Position", "31/11", ("2026-12-01", None)),
        *(
            ("2026-11-27T12:00-03:00", "Position", word, (None, None))
            for word in ("01/13", "00/12", "32/12", "hoje", "1/2", "")
        ),
        ("2026-11-27T12:00-03:00", "Day Trade", None, (None, "2026-11-27")),
        ("2026-11-26T23:59-03:00", "Scalping", None, (None, "2026-11-27")),
        ("2026-11-26T18:29-03:00", "day trade", None, (None, "2026-11-26")),
        ("2026-11-27T18:30-03:00", "Day Trade", None, (None, "2026-11-30")),
        ("2026-11-28T12:00-03:00", "Day Trade", None, (None, "2026-11-30")),
        ("2026-11-29T23:00-03:00", "Day Trade", "01/12", ("2026-12-01", "2026-11-30")),
        # Christmas and the days beside it, carnival
        ("2026-12-23T19:00-03:00", "Day Trade", None, (None, "2026-12-28")),
        ("2026-02-16T09:00-03:00", "Day Trade", None, (None, "2026-02-18")),
    ],
)
def test_the_last_day_of_a_signal(
    posted: str, kind: str, until: str | None, days: tuple[str | None, str | None]
) -> None:
    expected = tuple(None if day is None else date.fromisoformat(day) for day in days)
    assert period_of(datetime.fromisoformat(posted), kind, until) == expected
