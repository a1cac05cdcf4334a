"""The announcer as a child of the supervisor."""

from __future__ import annotations

import functools
import threading
from random import Random

from actors.announcer import Announcer
from actors.names import ANNOUNCER
from config import Settings
from engine.spec import ChildSpec
from ops.events.cloud_events import CloudEvents
from ops.stores import Stores
from storage.postgres.feed_positions import FeedPositions

__all__ = ["announcer_spec"]

#: then a broker that takes no events counts as away
_PUBLISH_S = 10.0
#: a publication may come after a read and before a write, each with its own limit
_BEAT_S = 60.0


def announcer_spec(settings: Settings, stores: Stores, *, daemon_id: str) -> ChildSpec:
    """Return the spec of the actor that publishes events."""
    stop = threading.Event()
    factory = functools.partial(
        Announcer.start,
        positions=FeedPositions(stores.database, reader=ANNOUNCER),
        signals=stores.signals,
        channels=stores.channels,
        publisher=stores.event_publisher(stop, longest_s=_PUBLISH_S),
        forms=CloudEvents(database=settings.database.schema_name, daemon=daemon_id),
        random=Random(),  # noqa: S311 - jitter, not cryptography
    )
    return ChildSpec(
        name=ANNOUNCER, factory=factory, parkable=True, interrupt=stop.set, heartbeat_limit_s=_BEAT_S
    )
