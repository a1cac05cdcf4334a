"""Exports of MetaTrader 5 and plain CSV files."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from engine.bars import Bar, Interval
from engine.sessions import ZONE
from storage.quotes.metatrader import period_of, read_metatrader, symbol_in_name
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
    names = ("petr4_Daily.csv", "PETR4_M15 (1).csv", "export.csv")
    assert [symbol_in_name(name) for name in names] == ["PETR4", "PETR4", None]
    assert [period_of(name) for name in names] == ["DAILY", "M15", None]


QUIET = [
    MINUTES,
    *(f"2026.11.27\t{time}:00\t1\t2\t1\t2\t1\t1\t5" for time in ("10:00", "10:15", "11:00")),
]


def test_the_name_tells_how_long_the_bars_of_a_quiet_paper_last() -> None:
    bars = list(read_metatrader(QUIET, symbol="PETRX30", zone=ZONE, period="M5"))
    assert [bar.interval for bar in bars if isinstance(bar, Bar)] == [Interval.FIVE_MINUTES] * 3
    (one,) = read_metatrader(QUIET[:2], symbol="PETRX30", zone=ZONE, period="H1")
    assert isinstance(one, Bar)
    assert one.interval is Interval.HOUR


@pytest.mark.parametrize(
    ("period", "reason"),
    [("M10", "bars of M10 are not read"), ("M30", "the name says M30, but two bars are 0:15:00 apart")],
)
def test_a_name_that_does_not_fit_the_bars_is_refused(period: str, reason: str) -> None:
    with pytest.raises(PriceFileError, match=reason):
        list(read_metatrader(QUIET, symbol="PETRX30", zone=ZONE, period=period))


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
        ("PETR4,1d,2026-11-27,-1,2,-1,1,", "a price is not above zero"),
        ("PETR4,1d,2026-11-27,0,0,0,0,", "a price is not above zero"),
        ("PETR4\x1b[2J,1d,2026-11-27,1,1,1,1,", r"'PETR4\x1b[2J' is no symbol"),
        ("PETR\u202e4,1d,2026-11-27,1,1,1,1,", r"'PETR\u202e4' is no symbol"),
        (f"{'X' * 33},1d,2026-11-27,1,1,1,1,", "is no symbol"),
    ],
)
def test_a_line_of_a_plain_file_that_is_wrong_is_named(line: str, reason: str) -> None:
    (bad,) = read_plain_csv([CSV, line])
    assert isinstance(bad, BadRecord)
    assert bad.place == "line 2"
    assert reason in bad.reason


def test_a_bar_lasts_as_long_as_its_interval() -> None:
    opened = "2026-11-27T10:00:00-03:00"
    header = CSV.replace("volume", "closed_at")
    for interval, closed in (("1d", "2026-11-29T18:00:00-03:00"), ("1m", "2026-11-27T10:00:30-03:00")):
        (bad,) = read_plain_csv([header, f"PETR4,{interval},{opened},1,2,1,1,{closed}"])
        assert isinstance(bad, BadRecord)
        assert "the bar lasts" in bad.reason


def test_a_header_names_all_columns_and_no_others() -> None:
    assert is_plain_csv("Symbol;Interval;Opened_at;Open;High;Low;Close")
    assert is_plain_csv('"symbol","interval","opened_at","open","high","low","close"')
    with pytest.raises(PriceFileError, match="no column close"):
        list(read_plain_csv(["symbol,interval,opened_at,open,high,low"]))
    with pytest.raises(PriceFileError, match="unknown column last"):
        list(read_plain_csv([CSV + ",last"]))
