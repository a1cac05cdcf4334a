"""The values that say what became of a signal in the prices of its market."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

__all__ = ["Ending", "MarketOutcome"]


class Ending(StrEnum):
    """How far a signal has come, by prices alone."""

    NO_BARS = "no_bars"
    WAITING = "waiting"
    RUNNING = "running"
    TARGET = "target"
    STOPPED = "stopped"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNADJUSTED = "unadjusted"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketOutcome:
    """What became of a signal.

    Instants are openings of the bars in which something happened; ``known_at`` is the close of the last one that was
    needed, ``seen_until`` how far bars reach. ``reached`` has an instant for each target. Results are in R, the distance
    from entry to stop: for all sold at the first target, at the final one, and equal parts at each. ``favourable_r`` and
    ``adverse_r`` are the furthest that prices went for and against the position. ``reason`` says why it is unclear.
    """

    state: Ending
    reason: str | None = None
    entered_at: datetime | None = None
    entry: Decimal | None = None
    risk: Decimal | None = None
    reached: tuple[datetime, ...] = ()
    ended_at: datetime | None = None
    exit: Decimal | None = None
    same_bar: bool = False
    favourable_r: Decimal | None = None
    adverse_r: Decimal | None = None
    first_r: Decimal | None = None
    final_r: Decimal | None = None
    scaled_r: Decimal | None = None
    known_at: datetime | None = None
    seen_until: datetime | None = None
