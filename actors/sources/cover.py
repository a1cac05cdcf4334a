"""Whether the broker brings a channel's messages, so that polls are only a net under it."""

from __future__ import annotations

from actors.names import CONSUMER
from actors.shown.health_report import NET_EVERY_S
from actors.shown.snapshots import ConsumerSnapshot
from engine.snapshot import Snapshots

__all__ = ["Cover"]

#: a broker that has not answered for so long brings nothing
AWAY_S = 10.0
#: how often a poller looks whether its channel is still covered
LOOK_EVERY_S = 1.0


class Cover:
    """Decides for one poller. Without a consumer nothing is covered."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots
        self._missed = False

    def found(self, new: int) -> None:
        """Record how many new messages a poll found. The broker has missed them, so polls go on until one finds none."""
        self._missed = new > 0

    def holds(self, now_s: float) -> bool:
        """Return whether the broker brings the messages."""
        shown = self._snapshots.read(CONSUMER, ConsumerSnapshot)
        well_at_s = shown.value.well_at_s if shown is not None else None
        return well_at_s is not None and not self._missed and now_s - well_at_s <= AWAY_S

    def wait_s(self, polled_s: float, now_s: float) -> float:
        """Return the seconds until the next look, or 0 for a poll now. The last one began at ``polled_s``."""
        return LOOK_EVERY_S if self.holds(now_s) and now_s - polled_s < NET_EVERY_S else 0.0
