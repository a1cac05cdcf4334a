"""What happened, as CloudEvents 1.0 in their structured JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from actors.shown.event_log import Position
from ops.http.kit.encoding import encode
from ops.http.routes.signal_objects import signal_object
from storage.broker.values import Outgoing

__all__ = ["CONTENT_TYPE", "CloudEvents"]

CONTENT_TYPE = "application/cloudevents+json"
_VERSION = "1.0"


class CloudEvents:
    """Makes events. ``database`` names the database whose commit numbers are in the ids, ``daemon`` this process.

    An event that is published twice has the same ``source`` and ``id`` both times.
    """

    def __init__(self, *, database: str, daemon: str) -> None:
        self._database = f"/tp-capital/{database}"
        self._daemon = f"/tp-capital/daemons/{daemon}"

    def of_change(self, row: Mapping[str, Any]) -> Outgoing:
        """Return the event for a row of :meth:`storage.postgres.signals.Signals.committed`."""
        place = Position(row["number"], row["id"])
        if row["superseded_at"] is None:
            kind, data, at = "created" if row["is_new"] else "updated", signal_object(row), row["updated_at"]
        else:
            names = ("id", "channel", "message_id", "position", "superseded_at", "replaced_by")
            kind = "removed" if row["replaced_by"] is None else "superseded"
            data, at = {name: row[name] for name in names}, row["superseded_at"]
        return self._event(
            f"signal.{kind}",
            identity=str(place),
            at=at,
            subject=str(row["id"]),
            channel=row["channel"],
            data=data,
        )

    def of_channel(self, channel: str, told: Mapping[str, Any], *, identity: str, at: datetime) -> Outgoing:
        """Return the event for a channel that was added, removed or given another label."""
        return self._event(
            "channel.changed",
            identity=f"{identity}-channel-{channel}",
            at=at,
            subject=channel,
            channel=channel,
            data={"channel": channel, **told},
        )

    def of_health(
        self, status: str, former: str | None, checks: Mapping[str, str], *, at: datetime
    ) -> Outgoing:
        """Return the event for a change of this daemon's health. ``checks`` are those that are not healthy."""
        return self._event(
            "health.changed",
            identity=at.isoformat(),
            at=at,
            subject=None,
            channel=None,
            data={"status": status, "former": former, "checks": dict(checks)},
            source=self._daemon,
        )

    def _event(
        self,
        kind: str,
        *,
        identity: str,
        at: datetime,
        subject: str | None,
        channel: str | None,
        data: Mapping[str, Any],
        source: str | None = None,
    ) -> Outgoing:
        event = {
            "specversion": _VERSION,
            "id": identity,
            "source": source or self._database,
            "type": kind,
            **({"subject": subject} if subject is not None else {}),
            "time": at,
            "datacontenttype": "application/json",
            # the order is kept within it (extension "partitioning" of CloudEvents)
            **({"partitionkey": channel} if channel is not None else {}),
            "data": data,
        }
        key = kind if channel is None else f"{kind}.{channel}"
        return Outgoing(routing_key=key, body=encode(event), content_type=CONTENT_TYPE)
