"""Reads COTAHIST, the exchange's history of prices: a file of a day, a month or a year.

The layout is the exchange's "Séries históricas: layout do arquivo": lines of 245 characters in latin-1, a header, a trailer with
the number of lines, and a record for each instrument and day. Prices have two implied decimals and are not adjusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

from engine.bars import Bar
from engine.instruments import Instrument, InstrumentKind
from storage.quotes.reading import BadRecord, Entry, NoBar, Remark, bar_or_bad, hours_of

__all__ = ["HEADER", "read_cotahist"]

HEADER = "00COTAHIST"
_LENGTH = 245
_KINDS = {
    "010": InstrumentKind.SHARE,
    "020": InstrumentKind.SHARE,
    "070": InstrumentKind.CALL,
    "080": InstrumentKind.PUT,
}
#: for how many shares a price is -> the decimals of the price of one share
_DECIMALS = {1: 2, 10: 3, 100: 4, 1000: 5, 10000: 6}
_NEVER = "99991231"


def read_cotahist(lines: Iterable[str]) -> Iterator[Entry]:
    """Yield instruments and bars. Each instrument comes before its bar, once."""
    seen: set[int] = set()
    number, ended = 0, False
    for number, line in enumerate(lines, start=1):
        place, kind = f"line {number}", line[:2]
        if ended:
            yield BadRecord(place=place, reason="there is something behind the trailer")
        elif kind == "01":
            yield from _record(line, place, seen)
        elif kind == "99":
            ended = True
            yield from _counted(line, place, number)
        elif not (kind == "00" and number == 1):
            yield BadRecord(place=place, reason="is no record: it must begin with 01, or with 99 at the end")
    if not ended:
        yield BadRecord(
            place=f"line {number}", reason="the trailer is missing: the file was cut off; fetch it again"
        )


def _counted(line: str, place: str, number: int) -> Iterator[Remark]:
    # files of a day whose trailer has another count are in circulation, and their records are whole
    counted = line[31:42]
    if not counted.isdecimal() or int(counted) != number:
        told = f"counts {int(counted)} lines" if counted.isdecimal() else "has no count of lines"
        yield Remark(place=place, text=f"the trailer {told}, but the file has {number}: some may be missing")


def _record(line: str, place: str, seen: set[int]) -> Iterator[Entry]:
    if len(line) != _LENGTH:
        yield BadRecord(place=place, reason=f"has {len(line)} characters instead of {_LENGTH}")
        return
    if "\0" in line:
        yield BadRecord(place=place, reason="has characters that are no text")
        return
    kind = _KINDS.get(line[24:27])
    if kind is None:
        yield NoBar.OTHER_MARKET
        return
    # symbol, market, names, strike, expiry and ISIN, before any of it is read
    terms = hash((line[12:49], line[188:210], line[230:242]))
    try:
        instrument = None if terms in seen else _instrument(line, kind)
        bar = _bar(line, kind)
    except ValueError as error:
        yield BadRecord(place=place, reason=str(error))
        return
    if instrument is not None:
        seen.add(terms)
        yield instrument
    yield bar_or_bad(bar, place) if any((bar.open, bar.high, bar.low, bar.close)) else NoBar.NOT_TRADED


def _instrument(line: str, kind: InstrumentKind) -> Instrument:
    is_option = kind is not InstrumentKind.SHARE
    expiry = line[202:210]
    return Instrument(
        symbol=_symbol(line),
        kind=kind,
        strike=_price(line, 188, 2) if is_option else None,
        expiry=_day(expiry) if is_option and expiry != _NEVER else None,
        isin=line[230:242].strip() or None,
        name=" ".join(line[27:49].split()),
    )


def _bar(line: str, kind: InstrumentKind) -> Bar:
    factor = _number(line, 210, 217)
    decimals = _DECIMALS.get(factor)
    if decimals is None:
        raise ValueError(
            f"columns 211-217: the prices are for {factor} shares, which cannot be exact for one"
        )
    return Bar(
        symbol=_symbol(line),
        open=_price(line, 56, decimals),
        high=_price(line, 69, decimals),
        low=_price(line, 82, decimals),
        close=_price(line, 108, decimals),
        volume=_number(line, 152, 170),
        distribution=_number(line, 242, 245),
        **hours_of(_day(line[2:10]), kind),  # type: ignore[arg-type]
    )


def _symbol(line: str) -> str:
    symbol = line[12:24].strip()
    if not symbol.isalnum() or not symbol.isascii():
        raise ValueError("columns 13-24: no symbol")
    return symbol


def _price(line: str, start: int, decimals: int) -> Decimal:
    return Decimal(_number(line, start, start + 13)).scaleb(-decimals)


def _number(line: str, start: int, end: int) -> int:
    digits = line[start:end]
    if not (digits.isascii() and digits.isdecimal()):
        raise ValueError(f"columns {start + 1}-{end}: {digits!r} is no number")
    return int(digits)


@lru_cache(maxsize=64)
def _day(digits: str) -> date:
    try:
        return datetime.strptime(digits, "%Y%m%d").date()  # noqa: DTZ007 - a date has no time zone
    except ValueError:
        raise ValueError(f"{digits!r} is no date") from None
