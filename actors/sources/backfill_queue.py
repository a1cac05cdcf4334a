"""BackfillQueue: what backfill is to read beside the first full pass of each channel."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

__all__ = ["BackfillQueue"]


class BackfillQueue:
    """Channels whose history is to be read anew, and tails to be checked, in the order they were asked for."""

    def __init__(self) -> None:
        self._anew: set[str] = set()
        self._tails: dict[str, datetime | None] = {}

    @property
    def anew(self) -> Collection[str]:
        """Channels that are to be read from their first row on, whatever their checkpoint says."""
        return self._anew

    @property
    def tails(self) -> Collection[str]:
        """Channels whose tail is to be checked."""
        return self._tails.keys()

    def read_anew(self, channels: Iterable[str]) -> None:
        """Have the whole history of these channels read once more."""
        self._anew.update(channels)

    def begun_anew(self) -> None:
        """Forget what :attr:`anew` names; a check of their tails would only repeat it."""
        for channel in self._anew:
            self._tails.pop(channel, None)
        self._anew.clear()

    def check(self, channels: Iterable[str], since: datetime | None = None) -> None:
        """Have tails checked: from ``since`` on, or from where the last check ended. Of two the earlier counts."""
        for channel in channels:
            asked = [instant for instant in (self._tails.get(channel), since) if instant is not None]
            self._tails[channel] = min(asked, default=None)

    def take(self, channel: str) -> datetime | None:
        """Return since when the tail of a channel is to be checked, which is begun; None: since the last check."""
        return self._tails.pop(channel)

    def follow(self, channels: Collection[str]) -> None:
        """Forget what concerns other channels than these."""
        self._anew.intersection_update(channels)
        self._tails = {channel: since for channel, since in self._tails.items() if channel in channels}
