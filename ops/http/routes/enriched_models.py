"""The models of what prices say of a signal, and rows of it as public objects."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from actors.analysis.claims import Verified
from actors.analysis.market_outcome import Ending
from ops.http.kit.problems import Body

__all__ = [
    "Indicated",
    "MarketAtPosting",
    "Price",
    "SignalOutcome",
    "SignalScore",
    "market_object",
    "outcome_object",
    "score_object",
]

#: a JSON number with exactly the digits of the message
Price = Annotated[Decimal, WithJsonSchema({"type": "number"})]
_R = "in R, the distance from entry to stop"


class SignalOutcome(Body):
    """What became of a signal by the prices of its market, whatever its channel claims."""

    state: Ending = Field(description="how far it has come by prices")
    reason: str | None = Field(description="why it is `unclear`")
    symbol: str = Field(description="the symbol whose prices were looked at")
    entered_at: datetime | None = Field(description="when prices touched its entry")
    entry: Price | None = Field(description="the price of the entry")
    reached: list[datetime] = Field(description="when each target was reached, nearest first")
    ended_at: datetime | None = Field(description="when it ended")
    exit: Price | None = Field(description="the price at which what was left was sold")
    same_bar: bool = Field(
        description="a bar does not tell which of two things came first; the worse was taken"
    )
    first_r: Price | None = Field(description=f"result of selling all at the first target, {_R}")
    final_r: Price | None = Field(description=f"result of selling all at the final target, {_R}")
    scaled_r: Price | None = Field(description=f"result of selling equal parts at each target, {_R}")
    favourable_r: Price | None = Field(description=f"the furthest that prices went for it, {_R}")
    adverse_r: Price | None = Field(description=f"the furthest that prices went against it, {_R}")
    claim: Verified | None = Field(
        description="whether prices say the same as its channel's results; null without any"
    )


class Indicated(Body):
    """Indicators, from the bars of days that had closed before. Null has its reason in `missing`."""

    rsi_14: float | None = Field(description="relative strength index, 0 to 100")
    macd: float | None = Field(description="MACD line (12, 26)")
    macd_signal: float | None = Field(description="signal line (9)")
    macd_histogram: float | None = Field(description="MACD line less signal line")
    atr_14: float | None = Field(description="average true range, as a price")
    sma_20: float | None = Field(description="average of the last 20 closes")
    sma_50: float | None = Field(description="average of the last 50 closes")
    sma_200: float | None = Field(description="average of the last 200 closes")
    entry_distance_atr: float | None = Field(
        description="from the last close to the middle of the entry, in average true ranges"
    )
    position_52w: float | None = Field(
        description="the last close between the lowest (0) and highest (1) of 252 days"
    )
    volume_ratio: float | None = Field(description="the last volume divided by the average of 20 days")
    missing: dict[str, str] = Field(description="for each null its reason")
    days: int = Field(description="number of days that were used")
    last_close: Price | None = Field(description="the last close")
    as_of: datetime | None = Field(description="when the last of these days closed")


class MarketAtPosting(Indicated):
    """What the market looked like when a signal was posted."""

    underlying: str | None = Field(description="the symbol that an option is on")
    underlying_indicators: Indicated | None = Field(description="the same of that symbol")


class ScoreContribution(Body):
    """What moved a score away from that of an average signal."""

    name: str = Field(description="what was looked at (`docs/score.md`)", examples=["rsi"])
    effect: float = Field(description="by how much, in log-odds; below zero it lowers the probability")


class SignalScore(Body):
    """How probably it reaches its first target before its stop, from what was known when it was posted."""

    probability: float = Field(ge=0, le=1, description="the probability, if prices touch its entry")
    base_rate: float = Field(ge=0, le=1, description="the share of hits among all results that were known")
    contributions: list[ScoreContribution] = Field(description="the three largest, the largest first")
    model: str = Field(description="digest of the results and rules that it was learnt from")
    trained_until: datetime = Field(description="it was learnt from results known before this instant")


_OUTCOME = tuple(SignalOutcome.model_fields)
_INSTANTS = ("entered_at", "ended_at")


def outcome_object(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what became of a signal, None if it is not known."""
    if row is None:
        return None
    found = {name: row[name] for name in _OUTCOME}
    found |= {name: row[name].astimezone(UTC) for name in _INSTANTS if row[name] is not None}
    return {**found, "reached": [instant.astimezone(UTC) for instant in row["reached"]]}


def market_object(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what the market looked like, None if it is not known."""
    if row is None or row["indicators"] is None:
        return None
    other = row["underlying_indicators"]
    return {
        **_indicated(row["indicators"]),
        "underlying": row["underlying"],
        "underlying_indicators": None if other is None else _indicated(other),
    }


def score_object(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the score of a signal, None where it has none."""
    if row is None or row["score"] is None:
        return None
    return {**row["score"], "trained_until": datetime.fromisoformat(row["score"]["trained_until"])}


def _indicated(stored: Mapping[str, Any]) -> dict[str, Any]:
    close, as_of = stored["last_close"], stored["as_of"]
    return {
        **stored,
        "last_close": None if close is None else Decimal(close),
        "as_of": None if as_of is None else datetime.fromisoformat(as_of),
    }
