"""The shapes of B3 tickers (catalogue, section 4)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

__all__ = ["Shape", "Ticker", "ticker_of", "unknown_ticker"]


class Shape(Enum):
    """What a ticker names."""

    SHARE = "share"  # and units, ETFs, FIIs, BDRs
    OPTION = "option"
    FUTURE = "future"
    #: accepted after an asset label only
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Ticker:
    """A ticker in capitals; tickers of one root belong to one company or contract."""

    name: str
    shape: Shape
    root: str

    @property
    def always_thousands(self) -> bool:
        """Whether a separator before three digits is for thousands, whatever the block says (5.2 a)."""
        return self.root in _THOUSANDS_ROOTS


_THOUSANDS_ROOTS = frozenset(("WIN", "IND", "WDO", "DOL"))
_FUTURE = re.compile(r"(?:WIN|IND|WDO|DOL|BGI|CCM|ICF|SJC|BIT|DI1)[FGHJKMNQUVXZ][0-9]{2}")
_CONTINUOUS = frozenset(("WINFUT", "INDFUT", "WDOFUT", "DOLFUT"))
_SHARE = re.compile(r"[A-Z][A-Z0-9][A-Z]{2}(?:[3-8]|11|3[1-6]|39)F?")
_OPTION = re.compile(r"[A-Z][A-Z0-9][A-Z]{2}[A-X][0-9]{1,4}(?:W[1245])?E?")
_UNKNOWN = re.compile(r"[A-Z]{3,6}[0-9]{1,4}")
_LABEL_WITH_DIGITS = re.compile(
    r"(?:ALVOS?|STOP|GAIN|LOSS|TAKE|CALL|SINAL|TRADE|SWING|LOTE|PARTE|GRUPO)[0-9]+",
)


def ticker_of(text: str) -> Ticker | None:
    """Read a word as a ticker; None if it has no ticker's shape.

    >>> ticker_of("petrl315w2")
    Ticker(name='PETRL315W2', shape=<Shape.OPTION: 'option'>, root='PETR')
    """
    name = text.upper()
    # capitals may be longer than the letters they come from, and may become ASCII (ﬁ, ı)
    if not text.isascii() or _LABEL_WITH_DIGITS.fullmatch(name):
        return None
    if name in _CONTINUOUS or _FUTURE.fullmatch(name):
        return Ticker(name, Shape.FUTURE, name[:3])
    if _SHARE.fullmatch(name):
        return Ticker(name, Shape.SHARE, name[:4])
    if _OPTION.fullmatch(name):
        return Ticker(name, Shape.OPTION, name[:4])
    return None


def unknown_ticker(text: str) -> Ticker | None:
    """Read a word that stands right after an asset label, as the original parser does."""
    name = text.upper()
    if not text.isascii() or _LABEL_WITH_DIGITS.fullmatch(name) or not _UNKNOWN.fullmatch(name):
        return None
    if name[:6] in _CONTINUOUS:  # WINFUT1 is still the index future
        return Ticker(name, Shape.UNKNOWN, name[:3])
    return Ticker(name, Shape.UNKNOWN, name.rstrip("0123456789"))
