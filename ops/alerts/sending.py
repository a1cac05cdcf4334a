"""Sends an alert to its target, whatever its kind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from storage.alerts.apprise_target import AppriseSender
from storage.alerts.outcome import Attempt
from storage.alerts.webhook import WebhookSender
from storage.postgres.alert_rules import AlertTarget
from storage.postgres.alert_values import DueAlert

__all__ = ["Sender"]


class Sender:
    """Sends to webhooks and to everything that Apprise speaks. It is safe for threads."""

    def __init__(
        self, webhooks: WebhookSender, services: AppriseSender, *, now: Callable[[], datetime]
    ) -> None:
        self._webhooks = webhooks
        self._services = services
        self._now = now

    def send(self, target: AlertTarget, alert: DueAlert) -> Attempt:
        """Send once."""
        values = target.values
        if values.kind == "apprise":
            return self._services.send(values.url, title=alert.title, text=alert.text)
        signing = values.signing_at(self._now())
        return self._webhooks.send(values.url, alert.body.encode(), identity=alert.identity, signing=signing)
