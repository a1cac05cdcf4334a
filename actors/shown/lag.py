"""The lag of a message: the time from its receipt at the gateway until it is durable here.

Only messages received after their channel was added have a lag. A new channel with a history of months is not late
(fault 49).
"""

from __future__ import annotations

from datetime import datetime

from actors.names import CHANNELS
from actors.shown.snapshots import ChannelsSnapshot
from engine.spec import Services

__all__ = ["lag_s"]


def lag_s(received_at: datetime, *, channel: str, services: Services) -> float | None:
    """Return the seconds since the receipt, or None.

    It is None for a message received before the channel was added, and while that instant is not known.
    """
    published = services.snapshots.read(CHANNELS, ChannelsSnapshot)
    entries = published.value.channels if published else ()
    since = next((entry.added_at for entry in entries if entry.channel == channel), None)
    if since is None or received_at < since:
        return None
    return max(0.0, (services.clock.now() - received_at).total_seconds())
