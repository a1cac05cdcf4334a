"""The children that follow the feed of commits: open streams, events for other systems, alerts, what prices say."""

from __future__ import annotations

import functools

from actors import names
from actors.shown.metrics import Metrics
from actors.stream import Stream
from config import Settings
from engine.spec import ChildSpec, Services
from ops.alerts.notifying import notifier_spec
from ops.enrichment.enriching import enricher_spec
from ops.events.announcing import announcer_spec
from ops.http.routes.frames import event_of
from ops.stores import Stores

__all__ = ["feed_specs"]


def feed_specs(
    settings: Settings, services: Services, stores: Stores, *, metrics: Metrics, daemon_id: str
) -> list[ChildSpec]:
    """Return those that this daemon's role and settings ask for."""
    stream = functools.partial(
        Stream.start, signals=stores.signals, event_log=stores.event_log, event_of=event_of
    )
    specs = [ChildSpec(name=names.STREAM, factory=stream, parkable=True)]
    if settings.engine.role == "serve":
        return specs
    if settings.broker.events:
        specs.append(announcer_spec(settings, stores, daemon_id=daemon_id))
    return [*specs, notifier_spec(settings, services, stores, metrics=metrics), enricher_spec(stores)]
