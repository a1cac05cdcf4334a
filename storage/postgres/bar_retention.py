"""Retention of bars: old ones are deleted in portions, so that no transaction is long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from engine.bars import Interval
from storage.postgres.bars import Bars

__all__ = ["BAR_ROUND_EVERY_S", "BarRetention"]

BAR_ROUND_EVERY_S: Final = 3600.0
#: bars of one transaction
_PORTION: Final = 10_000


class BarRetention:
    """Deletes bars of days after ``days`` and shorter ones after ``minutes``. ``now`` is the database's clock."""

    def __init__(
        self, bars: Bars, *, days: timedelta, minutes: timedelta, now: Callable[[], datetime]
    ) -> None:
        self._bars = bars
        self._kept = {each: days if each is Interval.DAY else minutes for each in Interval}
        self._now = now

    def forget(self) -> float:
        """Delete a portion and return the seconds until the next round.

        Raises:
            StorageError: the database cannot do it now.
        """
        for interval, oldest in self.oldest().items():
            if self._bars.forget(interval, before=oldest, limit=_PORTION) == _PORTION:
                return 0
        return BAR_ROUND_EVERY_S

    def oldest(self) -> dict[Interval, datetime]:
        """Return the instant before which bars are deleted."""
        now = self._now()
        return {interval: now - kept for interval, kept in self._kept.items()}
