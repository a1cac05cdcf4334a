"""What the readers of price files share: what they yield, and what every bar must fulfil."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from functools import lru_cache

from engine.bars import Bar, Interval
from engine.instruments import Instrument, InstrumentKind
from engine.sessions import session_hours

__all__ = [
    "BadRecord",
    "Entry",
    "NoBar",
    "PriceFileError",
    "Remark",
    "bar_or_bad",
    "hours_of",
    "kind_of",
]

_FUTURE = re.compile(r"[A-Z][A-Z0-9]{2}[FGHJKMNQUVXZ][0-9]{2}|[A-Z]{3}(?:FUT|\$.*)")
_OPTION = re.compile(r"[A-Z][A-Z0-9]{3}([A-X])[0-9]{1,4}(?:W[1245])?E?")
_SHARE = re.compile(r"[A-Z][A-Z0-9]{3}[0-9]{1,2}[BFL]?")
_PUT_LETTERS = frozenset("MNOPQRSTUVWX")
#: what exchanges and terminals write
_SYMBOL = re.compile(r"[!-~]{1,32}")

#: before and behind the decimal point; no market comes near it
_MOST_DIGITS = 12
#: what the database can hold
_MOST_VOLUME, _MOST_DISTRIBUTIONS = 2**63, 2**31
_DAY = timedelta(days=1)


class PriceFileError(Exception):
    """A file cannot be read on."""


class NoBar(Enum):
    """A record that is right and makes no bar."""

    #: forwards, exercises, auctions: their prices are not those of the market
    OTHER_MARKET = "other markets"
    NOT_TRADED = "not traded"
    #: of a minute or day that goes on while the file was written
    NOT_CLOSED = "not closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRecord:
    """A record that cannot be read. ``place`` is for instance ``line 7``."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What is odd about a file of which all records were read."""

    place: str
    text: str


Entry = Bar | Instrument | NoBar | BadRecord | Remark


def bar_or_bad(bar: Bar, place: str) -> Bar | BadRecord:
    """Return the bar if its prices can be those of a market."""
    if not _SYMBOL.fullmatch(bar.symbol):
        return BadRecord(place=place, reason=f"{bar.symbol[:32]!a} is no symbol")
    prices = (bar.open, bar.high, bar.low, bar.close)
    if not all(price.is_finite() and abs(price.adjusted()) <= _MOST_DIGITS for price in prices):
        return BadRecord(place=place, reason=f"{bar.symbol}: a price is no number")
    if not 0 <= (bar.volume or 0) < _MOST_VOLUME or not 0 <= (bar.distribution or 0) < _MOST_DISTRIBUTIONS:
        return BadRecord(place=place, reason=f"{bar.symbol}: volume or distribution is not possible")
    if not (bar.low <= bar.open <= bar.high and bar.low <= bar.close <= bar.high):
        return BadRecord(place=place, reason=f"{bar.symbol}: open or close lies outside of low and high")
    if bar.low <= 0:
        return BadRecord(place=place, reason=f"{bar.symbol}: a price is not above zero")
    if bar.closed_at <= bar.opened_at:
        return BadRecord(place=place, reason=f"{bar.symbol}: the bar ends before it begins")
    length, lasts = bar.interval.length, bar.closed_at - bar.opened_at
    if lasts != length if length else lasts > _DAY:
        return BadRecord(
            place=place, reason=f"{bar.symbol}: the bar lasts {lasts}, which is not {bar.interval}"
        )
    return bar


def kind_of(symbol: str) -> InstrumentKind:
    """Return what a symbol names by its shape.

    >>> [kind_of(symbol).value for symbol in ("PETR4", "PETRA32", "BOVAW132", "WING26", "WIN$N", "DOLG18P003175")]
    ['share', 'call', 'put', 'future', 'future', 'other']
    """
    if _FUTURE.fullmatch(symbol):
        return InstrumentKind.FUTURE
    if option := _OPTION.fullmatch(symbol):
        return InstrumentKind.PUT if option[1] in _PUT_LETTERS else InstrumentKind.CALL
    return InstrumentKind.SHARE if _SHARE.fullmatch(symbol) else InstrumentKind.OTHER


@lru_cache(maxsize=64)
def hours_of(day: date, kind: InstrumentKind) -> dict[str, object]:
    """Return interval, opening and closing of a day's bar. What is no share nor an option on one trades as futures do."""
    futures = kind in {InstrumentKind.FUTURE, InstrumentKind.OTHER}
    opened_at, closed_at = session_hours(day, futures=futures)
    return {"interval": Interval.DAY, "opened_at": opened_at, "closed_at": closed_at}
