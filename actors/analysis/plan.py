"""What a trade is before any price is known: a signal as it was first read, and what its channel changed later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from engine.model import Side

__all__ = ["Period", "Plan", "Terms"]


class Period(NamedTuple):
    """The time of a trade. It may be entered until before ``enter_until``, None is as long as it is followed."""

    enter_until: datetime | None
    close_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds of a signal from ``since`` on: as posted, or after an edit or an update of its channel.

    ``targets`` are all of them with the final one, in any order. ``stop`` is None without one. ``breakeven`` puts the
    stop at the price of the entry. ``held`` is the part of the position that the channel still holds, from 1 to 0. ``period``
    is the time of the trade by what was read then, None as the plan says.
    """

    since: datetime
    entry: tuple[Decimal, Decimal] | None
    targets: tuple[Decimal, ...] = ()
    stop: Decimal | None = None
    breakeven: bool = False
    held: Decimal = Decimal(1)
    cancelled: bool = False
    period: Period | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A signal that is followed through bars from ``starts_at`` on, when its trade could first be read.

    ``terms`` are what was read then, and each later change. ``period`` is the time of the trade: it is closed at the end of its
    session, or of the time for which signals are kept.
    ``doubtful`` says that a price of it may be another one than was read.
    """

    side: Side
    starts_at: datetime
    terms: Sequence[Terms]
    period: Period
    doubtful: bool = False

    @property
    def way(self) -> int:
        """Return 1 where higher prices are better, -1 where lower ones are."""
        return 1 if self.side is Side.BUY else -1
