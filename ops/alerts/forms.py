"""Alerts in their form: a text for persons, and JSON for the programs behind webhooks (docs/alerts.md)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from actors.alerts.planning import AlertForm, Telling
from ops.alerts.texts import signal_lines, test_lines, trouble_lines
from ops.http.kit.encoding import encode
from ops.http.routes.signal_objects import signal_object
from storage.postgres.alert_rules import AlertKind, AlertRule

__all__ = ["Forms"]


class Forms:
    """Makes alerts. ``public_url`` is where readers reach this service; empty: alerts have no link."""

    def __init__(self, *, public_url: str, zone: tzinfo) -> None:
        self._public_url = public_url
        self._zone = zone

    def of_signal(self, telling: Telling) -> AlertForm:
        """Return the alert of a change of a signal."""
        row, event = telling.row, telling.event
        gone = row["superseded_at"] is not None
        link = f"{self._public_url}/s/{row['id']}" if self._public_url and not gone else None
        lines = signal_lines(telling, zone=self._zone, link=link)
        names = ("id", "channel", "message_id", "position", "asset", "side", "signal_type")
        shown = {name: row[name] for name in names} if gone else signal_object(row)
        data = {
            "signal": shown,
            # the last of what its channel said is in `events` too
            "event_message_id": event["message_id"] if event else None,
            "corrects": telling.corrects,
            "withdrawn": gone,
            "link": link,
            "in_reply_to": telling.reply_to,
        }
        at = event["ts"] if event else row["superseded_at"] or row["ts"]
        return _form(telling.rule, telling.kind, lines, data, at)

    def of_trouble(
        self, rule: AlertRule, name: str, *, since: datetime, ended_at: datetime | None
    ) -> AlertForm:
        """Return the alert of a trouble of the system, or of its end."""
        lines = trouble_lines(rule.values.language, name, since=since, ended_at=ended_at, zone=self._zone)
        data = {"trouble": name, "since": since, "ended_at": ended_at}
        return _form(rule, AlertKind.SYSTEM, lines, data, ended_at or since)

    def of_test(self, rule: AlertRule) -> AlertForm:
        """Return an alert that only shows that alerts arrive."""
        return _form(rule, AlertKind.TEST, test_lines(rule.values.language, rule.values.name), {}, None)


def _form(
    rule: AlertRule, kind: AlertKind, lines: tuple[str, str], data: Mapping[str, Any], at: datetime | None
) -> AlertForm:
    title, text = lines
    body = {
        "type": f"alert.{kind}",
        "timestamp": at,
        "data": {"rule": {"id": rule.id, "name": rule.values.name}, "title": title, "text": text, **data},
    }
    return AlertForm(title=title, text=text, body=encode(body).decode())
