"""Which symbol has the prices of an asset, as messages write it, and the other way round."""

from __future__ import annotations

import re
from datetime import datetime

from actors.analysis.contracts import front_contract

__all__ = ["assets_of", "symbol_of"]

#: a month of a future that messages also call by its continuous name
_MONTH = re.compile(r"(WIN|IND|WDO|DOL)[FGHJKMNQUVXZ][0-9]{2}")


def symbol_of(asset: str, at: datetime) -> str:
    """Return the symbol of an asset at an instant.

    >>> symbol_of("WINFUT", datetime.fromisoformat("2026-11-02T15:00:00-03:00"))
    'WINZ26'
    >>> symbol_of("PETR4", datetime.fromisoformat("2026-11-02T15:00:00-03:00"))
    'PETR4'
    """
    contract = front_contract(asset, at)
    return asset if contract is None else contract.symbol


def assets_of(symbol: str) -> tuple[str, ...]:
    """Return the assets that may have the prices of a symbol.

    >>> assets_of("WINZ26")
    ('WINZ26', 'WINFUT', 'WIN$', 'WIN$N')
    """
    if (found := _MONTH.fullmatch(symbol)) is None:
        return (symbol,)
    return (symbol, *(f"{found[1]}{ending}" for ending in ("FUT", "$", "$N")))
