"""Rows of signals as the feed of commits has them, for texts and plans of alerts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from storage.postgres.alert_rules import AlertRule, AlertTarget
from storage.postgres.current import current_of
from tests.support.alerting import a_rule, a_webhook

__all__ = ["POSTED", "a_row", "a_stored_rule", "an_event"]

POSTED = datetime(2026, 11, 27, 17, 3, tzinfo=UTC)


def an_event(kind: str, *, minutes: int = 20, **values: Any) -> dict[str, Any]:
    """Return an event of a signal, so many minutes after it."""
    nothing: dict[str, Any] = {
        **dict.fromkeys(("asset", "target", "new_stop", "new_entry", "fraction", "price", "percent", "text")),
        "stop_hit": False,
        "breakeven": False,
        "new_targets": [],
    }
    at = POSTED + timedelta(minutes=minutes)
    return {**nothing, "id": minutes, "kind": kind, "ts": at, "message_id": str(100 + minutes), **values}


def a_row(*events: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the row of a new signal with these events."""
    row: dict[str, Any] = {
        "id": 17,
        "number": int(POSTED.timestamp() * 1000),
        "is_new": True,
        "superseded_at": None,
        "enriched": None,
        "replaced_by": None,
        "ts": POSTED,
        "channel": "-1001649127710",
        "channel_label": "Sala do João",
        "message_id": "5001",
        "position": 0,
        "signal_type": "Swing Trade",
        "side": "buy",
        "asset": "PETR4",
        "buy_min": Decimal("30.10"),
        "buy_max": Decimal("30.50"),
        "targets": [Decimal("31.00"), Decimal("32.0")],
        "target_final": Decimal("33.00"),
        "stop": Decimal("29.255"),
        "valid_until": None,
        "status": "waiting",
        "valid": True,
        "status_since": POSTED,
        "status_reason": "posted",
        "warnings": [],
        "raw_message": "PETR4",
        "source": "telegram",
        "events": list(events),
        "ingested_at": POSTED,
        "created_at": POSTED,
        "updated_at": POSTED,
        "reward_risk": Decimal("2.58"),
    } | changes
    return row | {"current": current_of(row, row["events"])}


def a_stored_rule(number: int = 1, *targets: AlertTarget, **changes: Any) -> AlertRule:
    """Return a rule that was made a day before the signals."""
    made = POSTED - timedelta(days=1)
    own = targets or (AlertTarget(id=10 * number, values=a_webhook("https://receiver.example")),)
    return AlertRule(id=number, values=a_rule(**changes), targets=own, created_at=made, updated_at=made)
