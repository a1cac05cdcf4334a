"""The notifier as a child of the supervisor, and what it shares with the API."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from random import Random

from actors.alerts.outbox import AlertOutbox
from actors.names import NOTIFIER
from actors.notifier import AlertPolicy, Notifier
from actors.shown.metrics import Metrics
from config import Settings
from engine.spec import ChildSpec, Services
from ops.alerts.forms import Forms
from ops.alerts.sending import Sender
from ops.stores import Stores
from ops.version import VERSION
from storage.alerts.address import AddressRules
from storage.alerts.apprise_target import AppriseSender
from storage.alerts.webhook import WebhookSender
from storage.postgres.alert_deliveries import AlertDeliveries
from storage.postgres.alert_rules import AlertRules
from storage.postgres.feed_positions import FeedPositions

__all__ = ["AlertParts", "notifier_spec"]

#: it reads a page and writes its alerts, each with its own limit
_BEAT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertParts:
    """What alerts are made with, built from the settings."""

    rules: AlertRules
    deliveries: AlertDeliveries
    positions: FeedPositions
    addresses: AddressRules
    forms: Forms

    @classmethod
    def of(cls, settings: Settings, stores: Stores) -> AlertParts:
        """Return them. Nothing is connected yet."""
        positions = FeedPositions(stores.database, reader=NOTIFIER)
        return cls(
            rules=AlertRules(stores.database, positions),
            deliveries=AlertDeliveries(stores.database, positions),
            positions=positions,
            addresses=AddressRules(networks=settings.alerts.allowed, own_port=settings.http.port),
            forms=Forms(public_url=settings.alerts.public_url, zone=settings.engine.zone),
        )


def notifier_spec(settings: Settings, services: Services, stores: Stores, *, metrics: Metrics) -> ChildSpec:
    """Return the spec of the actor that sends alerts."""
    parts, now, random = AlertParts.of(settings, stores), stores.database.now, Random()  # noqa: S311 - jitter, not cryptography
    timers = services.timers
    webhooks = WebhookSender(parts.addresses, timers=timers, agent=f"tp-capital/{VERSION}", now=now)
    outbox = functools.partial(
        AlertOutbox,
        parts.deliveries,
        Sender(webhooks, AppriseSender(parts.addresses, timers=timers), now=now),
        now=now,
        zone=settings.engine.zone,
        metrics=metrics,
        random=random,
    )
    factory = functools.partial(
        Notifier.start,
        rules=parts.rules,
        deliveries=parts.deliveries,
        positions=parts.positions,
        signals=stores.signals,
        outbox=outbox,
        forms=parts.forms,
        policy=AlertPolicy(news_for=settings.alerts.news_for, silence_after=settings.alerts.silence_after),
        now=now,
        random=random,
    )
    return ChildSpec(name=NOTIFIER, factory=factory, parkable=True, heartbeat_limit_s=_BEAT_S)
