"""Exports of MetaTrader 5 and plain CSV files."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from engine.bars import Bar, Interval
from engine.sessions import ZONE
from storage.quotes.metatrader import read_metatrader, symbol_in_name
from storage.quotes.plain_csv import is_plain_csv, read_plain_csv
from storage.quotes.reading import BadRecord, PriceFileError

MINUTES = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"
CSV = "symbol,interval,opened_at,open,high,low,close,volume"


def test_minutes_are_of_the_servers_zone_and_their_length_is_the_shortest_between_two() -> None:
    lines = [
        MINUTES,
        "2026.11.27\t18:20:00\t127400\t127450\t127395\t127410\t812\t4312\t5",
        "2026.11.30\t09:00:00\t127500\t127500\t127500\t127500\t1\t0\t5",
        "2026.11.30\t09:05:00\t127500\t127510\t127500\t127505\t1\t2\t5",
    ]
    bars = list(read_metatrader(lines, symbol="WIN$N", zone=ZONE))
    first = bars[0]
    assert isinstance(first, Bar)
    assert (first.interval, first.opened_at) == (
        Interval.FIVE_MINUTES,
        datetime(2026, 11, 27, 21, 20, tzinfo=UTC),
    )
    assert (first.close, first.closed_at - first.opened_at) == (Decimal(127410), timedelta(minutes=5))
    athens = list(read_metatrader(lines, symbol="WIN$N", zone=ZoneInfo("Europe/Athens")))
    assert isinstance(athens[0], Bar)
    assert athens[0].opened_at.hour == 16
    assert [each.volume for each in bars if isinstance(each, Bar)] == [4312, None, 2]


def test_days_have_no_time_and_may_stand_between_commas() -> None:
    lines = [
        "<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<TICKVOL>,<VOL>,<SPREAD>",
        "2026.11.26,38.10,38.90,37.95,38.40,100,33004100,1",
        "2026.11.27,38.40,38.40,38.40,x,1,1,1",
        "2026.11.30,38.40,38.50,38.40,38.45,1,1,1",
    ]
    first, bad, _ = read_metatrader(lines, symbol="PETR4", zone=ZONE)
    assert isinstance(first, Bar)
    assert (first.interval, first.open, first.opened_at.hour) == (Interval.DAY, Decimal("38.10"), 13)
    assert isinstance(bad, BadRecord)
    assert bad.place == "line 3"


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (["2026.11.27\t18:20:00\t1\t1\t1\t1\t1\t1\t5"], "one bar alone"),
        (
            [f"2026.11.27\t{hour}:00:00\t1\t1\t1\t1\t1\t1\t5" for hour in ("10", "14")],
            "bars of 4:00:00 are not read",
        ),
        (
            [f"2026.{month}.01\t00:00:00\t1\t1\t1\t1\t1\t1\t5" for month in ("10", "11")],
            "bars of weeks or months",
        ),
    ],
)
def test_a_length_that_is_not_ours_is_refused(rows: list[str], reason: str) -> None:
    with pytest.raises(PriceFileError, match=reason):
        list(read_metatrader([MINUTES, *rows], symbol="WIN$N", zone=ZONE))


def test_a_name_without_a_period_tells_no_symbol() -> None:
    assert [symbol_in_name(name) for name in ("petr4_Daily.csv", "export.csv")] == ["PETR4", None]


def test_a_plain_file_may_have_days_and_minutes() -> None:
    lines = [
        CSV,
        "petr4,1d,2026-11-27,38.10,38.90,37.95,38.40,33004100",
        "WINZ26,1m,2026-11-27T10:05:00-03:00,1,2,1,2,",
    ]
    day, minute = read_plain_csv(lines)
    assert isinstance(day, Bar)
    assert (day.symbol, day.closed_at.hour, day.volume) == ("PETR4", 21, 33004100)
    assert isinstance(minute, Bar)
    assert (minute.opened_at, minute.volume) == (datetime(2026, 11, 27, 13, 5, tzinfo=UTC), None)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("PETR4,1d,2026-11-27,38,10,38,90,37,95", "has more or fewer columns than the header"),
        (
            "PETR4,1d,2026-11-27,38.1,38.9,37.9,3 8,",
            "a price is no number; decimals are written with a point",
        ),
        ("PETR4,1m,2026-11-27T10:05:00,1,1,1,1,", "has no offset from UTC"),
        ("PETR4,2m,2026-11-27T10:05:00Z,1,1,1,1,", "is not a valid Interval"),
        ("PETR4,1d,2026-11-27,NaN,NaN,NaN,NaN,", "a price is no number"),
        ("PETR4,1d,2026-11-27,1,1e999999,1,1,", "a price is no number"),
        ("PETR4,1d,2026-11-27,1,1,1,1,99999999999999999999", "volume or distribution is not possible"),
        ("PETR4,1h,9999-12-31T23:59:00-03:00,1,1,1,1,", "its instant is too far away"),
    ],
)
def test_a_line_of_a_plain_file_that_is_wrong_is_named(line: str, reason: str) -> None:
    (bad,) = read_plain_csv([CSV, line])
    assert isinstance(bad, BadRecord)
    assert bad.place == "line 2"
    assert reason in bad.reason


def test_a_header_names_all_columns_and_no_others() -> None:
    assert is_plain_csv("Symbol;Interval;Opened_at;Open;High;Low;Close")
    with pytest.raises(PriceFileError, match="no column close"):
        list(read_plain_csv(["symbol,interval,opened_at,open,high,low"]))
    with pytest.raises(PriceFileError, match="unknown column last"):
        list(read_plain_csv([CSV + ",last"]))
