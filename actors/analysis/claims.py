"""What a channel says of its own signal, held against what prices say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from actors.analysis.market_outcome import Ending, MarketOutcome

__all__ = ["Claim", "Verified", "verify"]

_UNKNOWN = (Ending.NO_BARS, Ending.UNCLEAR, Ending.UNADJUSTED)


class Verified(StrEnum):
    """Whether prices say the same as the channel."""

    AGREES = "agrees"
    CONTRADICTS = "contradicts"
    NOT_VERIFIABLE = "not_verifiable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A result that a channel told at an instant: a ``target`` by its number, or None where its stop was hit."""

    at: datetime
    target: int | None


def verify(outcome: MarketOutcome, claims: Iterable[Claim]) -> Verified | None:
    """Return the verdict on all claims together, None without any. One that prices contradict decides."""
    found = {_verdict(outcome, claim) for claim in claims}
    return next((verdict for verdict in _GRAVEST if verdict in found), None)


_GRAVEST = (Verified.CONTRADICTS, Verified.AGREES, Verified.NOT_VERIFIABLE)


def _verdict(outcome: MarketOutcome, claim: Claim) -> Verified:
    if outcome.state in _UNKNOWN:
        return Verified.NOT_VERIFIABLE
    if claim.target is None:
        told = outcome.ended_at if outcome.state is Ending.STOPPED else None
    else:
        told = outcome.reached[claim.target - 1] if len(outcome.reached) >= claim.target else None
    if told is not None and told <= claim.at:
        return Verified.AGREES
    seen = outcome.ended_at is not None or (outcome.seen_until is not None and outcome.seen_until >= claim.at)
    # a bar that held two things does not tell which came first
    return Verified.CONTRADICTS if seen and not outcome.same_bar else Verified.NOT_VERIFIABLE
