"""When backfill reads: its policy, and the requests besides the first full pass of each channel."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

__all__ = ["BackfillPolicy", "BackfillQueue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillPolicy:
    """When to start, how often to check the tail, and how long a sync may take; all in seconds."""

    delay_s: float
    tail_every_s: float
    sync_timeout_s: float


class BackfillQueue:
    """Channels to reread from the first row, and tails to check, in the order of the requests."""

    def __init__(self) -> None:
        self._restarts: set[str] = set()
        self._tails: dict[str, datetime | None] = {}

    @property
    def restarts(self) -> Collection[str]:
        """The channels to read from their first row on, whatever their checkpoint says."""
        return self._restarts

    @property
    def tails(self) -> Collection[str]:
        """The channels whose tail is to be checked."""
        return self._tails.keys()

    def reread(self, channels: Iterable[str]) -> None:
        """Request that the whole history of these channels is reread."""
        self._restarts.update(channels)

    def restarted(self) -> None:
        """Clear :attr:`restarts`. The tail checks of these channels are dropped too: they would repeat the reading."""
        for channel in self._restarts:
            self._tails.pop(channel, None)
        self._restarts.clear()

    def check(self, channels: Iterable[str], since: datetime | None = None) -> None:
        """Request tail checks from ``since`` on, or from the end of the last check. The earlier ``since`` holds."""
        for channel in channels:
            asked = [instant for instant in (self._tails.get(channel), since) if instant is not None]
            self._tails[channel] = min(asked, default=None)

    def take(self, channel: str) -> datetime | None:
        """Remove the tail check of a channel and return its ``since``; None means since the last check."""
        return self._tails.pop(channel)

    def follow(self, channels: Collection[str]) -> None:
        """Drop the requests for all other channels."""
        self._restarts.intersection_update(channels)
        self._tails = {channel: since for channel, since in self._tails.items() if channel in channels}
