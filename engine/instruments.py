"""What the exchange says of a symbol."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

__all__ = ["Instrument", "InstrumentKind"]


class InstrumentKind(StrEnum):
    """What a symbol names. A share is also a unit, a fund's quota or a receipt: whatever trades in the cash market."""

    SHARE = "share"
    CALL = "call"
    PUT = "put"
    FUTURE = "future"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A symbol. What a file does not tell is None.

    ``isin`` of an option is that of its underlying in the exchange's history of prices, so it leads to it.
    ``name`` is the company's short name with the class of its paper, as the exchange abbreviates them.
    """

    symbol: str
    kind: InstrumentKind
    underlying: str | None = None
    strike: Decimal | None = None
    expiry: date | None = None
    isin: str | None = None
    name: str | None = None
