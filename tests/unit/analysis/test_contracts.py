"""Front months and underlyings, against dates and contracts of the exchange's own calendar."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from actors.analysis.contracts import (
    DOLLAR_RULE,
    INDEX_RULE,
    ISIN_RULE,
    ONLY_RULE,
    Contract,
    Underlying,
    front_contract,
    underlying_of,
)
from engine.instruments import Instrument, InstrumentKind
from engine.sessions import ZONE

AT = datetime(2026, 11, 3, 11, 0, tzinfo=ZONE)
PETR3 = Instrument(symbol="PETR3", kind=InstrumentKind.SHARE, isin="BRPETRACNOR9")
PETR4 = Instrument(symbol="PETR4", kind=InstrumentKind.SHARE, isin="BRPETRACNPR6")
PETR4F = Instrument(symbol="PETR4F", kind=InstrumentKind.SHARE, isin="BRPETRACNPR6")
PETRW32 = Instrument(
    symbol="PETRW32",
    kind=InstrumentKind.PUT,
    strike=Decimal("32.15"),
    expiry=date(2026, 11, 19),
    isin="BRPETRACNPR6",
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}-03:00")


@pytest.mark.parametrize(
    ("symbol", "instant", "front", "last_day"),
    [
        ("WINFUT", "2018-01-02T10:00", "WING18", "2018-02-14"),
        ("WIN$", "2025-12-17T18:29", "WINZ25", "2025-12-17"),
        ("WIN$N", "2025-12-17T18:30", "WING26", "2026-02-18"),
        ("INDFUT", "2024-06-12T09:00", "INDM24", "2024-06-12"),
        # the 15th of October 2025 is a Wednesday itself
        ("WINFUT", "2025-10-15T12:00", "WINV25", "2025-10-15"),
        ("WDOFUT", "2018-01-02T10:00", "WDOG18", "2018-01-31"),
        ("WDOFUT", "2026-11-30T18:29", "WDOZ26", "2026-11-30"),
        ("DOL$", "2026-11-30T18:30", "DOLF27", "2026-12-30"),
        # 1 January is no session, so February's contract begins after the last session of January's
        ("dolfut", "2027-01-01T12:00", "DOLG27", "2027-01-29"),
    ],
)
def test_a_continuous_future_is_its_front_month(symbol: str, instant: str, front: str, last_day: str) -> None:
    rule = INDEX_RULE if symbol.startswith(("WIN", "IND")) else DOLLAR_RULE
    expected = Contract(symbol=front, last_day=date.fromisoformat(last_day), rule=rule)
    assert front_contract(symbol, at(instant)) == expected


@pytest.mark.parametrize("symbol", ["WINZ26", "PETR4", "BGIFUT", "WIN"])
def test_other_symbols_have_no_front_month(symbol: str) -> None:
    assert front_contract(symbol, AT) is None


def test_an_option_is_on_the_paper_with_its_isin() -> None:
    assert underlying_of("PETRW32", [PETR3, PETR4, PETR4F, PETRW32], AT) == Underlying(
        symbol="PETR4", strike=Decimal("32.15"), expiry=date(2026, 11, 19), rule=ISIN_RULE
    )


def test_an_option_that_no_file_told_is_on_the_only_paper_and_expires_by_its_letter() -> None:
    bova = Instrument(symbol="BOVA11", kind=InstrumentKind.SHARE)
    # the third Friday, 20 November 2026, is a holiday
    assert underlying_of("BOVAW32", [bova], AT) == Underlying(
        symbol="BOVA11", strike=None, expiry=date(2026, 11, 19), rule=ONLY_RULE
    )
    weekly = underlying_of("BOVAL132W2", [bova], AT)
    assert weekly is not None
    assert weekly.expiry == date(2026, 12, 11)


def test_a_series_of_another_year_tells_no_strike() -> None:
    found = underlying_of("PETRW32", [PETR4, PETRW32], AT.replace(year=2025))
    assert found == Underlying(symbol="PETR4", strike=None, expiry=date(2025, 11, 21), rule=ISIN_RULE)


def test_two_papers_and_no_isin_are_not_guessed() -> None:
    assert underlying_of("PETRA30", [PETR3, PETR4], AT) is None
    assert underlying_of("PETR4", [PETR4], AT) is None
