"""The lag of messages: from their receipt at the gateway until they are durable here.

Only of what came while the channel was read: a channel that is added with a history of months is not late (fault 49).
"""

from __future__ import annotations

from datetime import datetime

from actors.names import CHANNELS
from actors.shown.snapshots import ChannelsSnapshot
from engine.spec import Services

__all__ = ["lag_s"]


def lag_s(received_at: datetime, *, channel: str, services: Services) -> float | None:
    """Return the seconds since the receipt; None of a message from before the channel was read, or while that is not known."""
    published = services.snapshots.read(CHANNELS, ChannelsSnapshot)
    entries = published.value.channels if published else ()
    since = next((entry.added_at for entry in entries if entry.channel == channel), None)
    if since is None or received_at < since:
        return None
    return max(0.0, (services.clock.now() - received_at).total_seconds())
