"""What prices say of a signal, in the form in which it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from actors.analysis.claims import verify
from actors.analysis.indicators import Indicators
from actors.analysis.market_outcome import MarketOutcome
from actors.analysis.outcome import RULES_VERSION
from actors.enrichment.plans import claims_of

__all__ = ["stored_indicators", "stored_outcome"]

Row = Mapping[str, Any]


def stored_outcome(row: Row, symbol: str, outcome: MarketOutcome) -> Row:
    """Return the outcome of a signal's row, which the bars of ``symbol`` have told."""
    claim = verify(outcome, claims_of(row))
    told = asdict(outcome)
    return {
        **{name: row[name] for name in ("channel", "message_id", "position", "id", "ts")},
        **{name: row[name] for name in ("signal_type", "side", "asset")},
        "rules": RULES_VERSION,
        "symbol": symbol,
        **told,
        "state": outcome.state.value,
        "reached": list(outcome.reached),
        "claim": None if claim is None else claim.value,
    }


def stored_indicators(market: Indicators) -> dict[str, Any]:
    """Return indicators as they are stored. The close keeps its digits."""
    return {
        **market.values,
        "missing": market.missing,
        "days": market.days,
        "last_close": None if market.last_close is None else str(market.last_close),
        "as_of": None if market.as_of is None else market.as_of.isoformat(),
    }
