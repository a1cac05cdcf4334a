"""COTAHIST: prices exact and for one share, options with their terms, and nothing damaged passes."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from engine.bars import Bar, Interval
from engine.instruments import Instrument, InstrumentKind
from storage.quotes.cotahist import read_cotahist
from storage.quotes.reading import BadRecord, NoBar, Remark
from tests.support.price_files import cotahist, cotahist_line


def test_a_share_has_its_instrument_once_and_a_bar_of_each_day() -> None:
    lines = [
        cotahist_line(),
        cotahist_line(day="20251128", prices=(3840, 3841, 3839, 3840), distribution=231),
    ]
    instrument, first, second = read_cotahist(cotahist(lines))
    assert instrument == Instrument(
        symbol="PETR4", kind=InstrumentKind.SHARE, isin="BRPETRACNPR6", name="PETROBRAS PN N2"
    )
    assert first == Bar(
        symbol="PETR4",
        interval=Interval.DAY,
        opened_at=datetime(2025, 11, 27, 13, tzinfo=UTC),
        closed_at=datetime(2025, 11, 27, 21, tzinfo=UTC),
        open=Decimal("38.10"),
        high=Decimal("38.90"),
        low=Decimal("37.95"),
        close=Decimal("38.40"),
        volume=33004100,
        distribution=230,
    )
    assert isinstance(second, Bar)
    assert (second.closed_at.day, second.distribution) == (28, 231)


def test_an_option_has_strike_and_expiry() -> None:
    put = cotahist_line("PETRW32", market="080", strike=3215, expiry="20251219", prices=(50, 52, 41, 47))
    instrument, _ = read_cotahist(cotahist([put]))
    assert isinstance(instrument, Instrument)
    assert (instrument.kind, instrument.strike, instrument.expiry) == (
        InstrumentKind.PUT,
        Decimal("32.15"),
        date(2025, 12, 19),
    )


def test_a_price_for_a_thousand_shares_is_divided_exactly() -> None:
    _, bar = read_cotahist(cotahist([cotahist_line(factor=1000)]))
    assert isinstance(bar, Bar)
    assert (bar.open, bar.close) == (Decimal("0.03810"), Decimal("0.03840"))


def test_forwards_make_no_bar_and_odd_lots_their_own() -> None:
    lines = [cotahist_line("PETR4T", market="030"), cotahist_line("PETR4F", market="020")]
    forward, instrument, bar = read_cotahist(cotahist(lines))
    assert forward is NoBar.OTHER_MARKET
    assert isinstance(instrument, Instrument)
    assert isinstance(bar, Bar)
    assert bar.symbol == "PETR4F"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (cotahist_line()[:-1], "has 244 characters instead of 245"),
        (
            cotahist_line().replace("0000000003890", "000000000389O"),
            "columns 70-82: '000000000389O' is no number",
        ),
        (cotahist_line(day="20251301"), "'20251301' is no date"),
        (cotahist_line(day="2025 127"), "'2025 127' is no date"),
        (cotahist_line(name="PETRO\0BRAS"), "has characters that are no text"),
        (cotahist_line(prices=(10, 10, 0, 10)), "PETR4: a price is not above zero"),
        (
            cotahist_line(factor=7),
            "columns 211-217: the prices are for 7 shares, which cannot be exact for one",
        ),
        (cotahist_line(symbol=""), "columns 13-24: no symbol"),
        (cotahist_line(prices=(3810, 3800, 3795, 3799)), "PETR4: open or close lies outside of low and high"),
        ("02" + cotahist_line()[2:], "is no record: it must begin with 01, or with 99 at the end"),
    ],
)
def test_a_damaged_line_is_named_and_the_others_are_read(line: str, reason: str) -> None:
    entries = list(read_cotahist(cotahist([line, cotahist_line("VALE3")])))
    assert [each for each in entries if isinstance(each, BadRecord)] == [
        BadRecord(place="line 2", reason=reason)
    ]
    assert [each.symbol for each in entries if isinstance(each, Bar)] == ["VALE3"]


def test_lines_that_are_missing_are_noticed_by_the_trailer_or_its_absence() -> None:
    whole = cotahist([cotahist_line(), cotahist_line("VALE3")])
    *_, wrong = read_cotahist([*whole[:2], whole[3]])
    assert wrong == Remark(
        place="line 3", text="the trailer counts 4 lines, but the file has 3: some may be missing"
    )
    *_, odd = read_cotahist([*whole[:3], "99 no count".ljust(245)])
    assert odd == Remark(
        place="line 4", text="the trailer has no count of lines, but the file has 4: some may be missing"
    )
    *_, cut = read_cotahist(whole[:3])
    assert cut == BadRecord(
        place="line 3", reason="the trailer is missing: the file was cut off; fetch it again"
    )
