"""BVBG.086: what was traded has a bar, and a hostile document is refused."""

import io
from decimal import Decimal
from typing import Any

import pytest

from engine.bars import Bar
from engine.instruments import Instrument, InstrumentKind
from storage.quotes.bvbg086 import read_bvbg086
from storage.quotes.reading import BadRecord, Entry, NoBar, PriceFileError
from tests.support.price_files import price_report, price_reports

WIN: dict[str, Any] = {"FrstPric": "77040", "MinPric": "76980", "MaxPric": "78420", "LastPric": "78295"}


def read(*reports: str) -> list[Entry]:
    return list(read_bvbg086(io.BytesIO(price_reports(reports))))


def test_a_future_has_exact_prices_and_its_own_hours() -> None:
    instrument, bar = read(price_report("WING26", quantity=1080758, **WIN))
    assert instrument == Instrument(symbol="WING26", kind=InstrumentKind.FUTURE)
    assert isinstance(bar, Bar)
    assert [bar.open, bar.high, bar.low, bar.close] == [Decimal(n) for n in (77040, 78420, 76980, 78295)]
    assert (bar.volume, bar.opened_at.hour, bar.closed_at.minute) == (1080758, 12, 30)


def test_what_was_not_traded_and_other_markets_make_no_bar() -> None:
    assert read(
        price_report("WINJ26"), price_report("WINM26", FrstPric=1), price_report("PETR4T", stream="T", **WIN)
    ) == [NoBar.NOT_TRADED, NoBar.NOT_TRADED, NoBar.OTHER_MARKET]


@pytest.mark.parametrize("quantities", [(419, 9), (9, 419)])
def test_of_two_books_of_an_instrument_the_larger_counts(quantities: tuple[int, int]) -> None:
    entries = read(*(price_report("CCMH26", quantity=each, **WIN) for each in quantities))
    assert [each.volume for each in entries if isinstance(each, Bar)] == [419]
    assert entries.count(NoBar.OTHER_MARKET) == 1


def test_a_price_that_is_no_number_is_named() -> None:
    bad, *_ = read(price_report("WING26", **(WIN | {"LastPric": "x"})))
    assert isinstance(bad, BadRecord)
    assert bad.place == "report 1"


def test_many_reports_take_no_more_memory_than_their_bars() -> None:
    read_on = read_bvbg086(io.BytesIO(price_reports(price_report(f"X{n}") for n in range(2000))))
    assert sum(1 for entry in read_on if entry is NoBar.NOT_TRADED) == 2000


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"<Document/>", "no price report"),
        (b'<?xml version="1.0" encoding="utf-none"?><Document/>', "is no XML"),
        (price_reports([price_report("WING26", **WIN)])[:-20], "is no XML"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><Document>&b;</Document>', "is no XML"),
        (b"<Document><PricRpt>" + b" " * 3_000_000 + b"</PricRpt></Document>", "one element takes more"),
    ],
)
def test_a_document_that_cannot_be_trusted_is_refused(document: bytes, reason: str) -> None:
    with pytest.raises(PriceFileError, match=reason):
        list(read_bvbg086(io.BytesIO(document)))
