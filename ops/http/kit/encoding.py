"""Values as the JSON that the outside sees: prices are numbers with exactly the digits of the message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson

from actors.shown.snapshots import BackfillSnapshot
from storage.postgres.current import Current

__all__ = ["encode", "history_entry", "signal_detail", "signal_object"]


def encode(value: object) -> bytes:
    """Return ``value`` as JSON; a Decimal becomes the number it was written as, never by way of a float.

    >>> encode({"stop": Decimal("0.2550")})
    b'{"stop":0.2550}'
    """
    return orjson.dumps(value, default=_plain, option=orjson.OPT_UTC_Z)


def signal_object(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a signal's row as the object of the contract."""
    targets: Sequence[Decimal] = row["targets"]
    return {
        "id": row["id"],
        "ts": _epoch_ms(row["ts"]),
        "channel": row["channel"],
        "channel_label": row["channel_label"],
        "signal_type": row["signal_type"],
        "side": row["side"],
        "asset": row["asset"],
        "buy_min": row["buy_min"],
        "buy_max": row["buy_max"],
        "target_1": targets[0] if targets else None,
        "target_2": targets[1] if len(targets) > 1 else None,
        "target_final": row["target_final"],
        "targets": targets,
        "stop": row["stop"],
        "valid_until": row["valid_until"],
        "warnings": row["warnings"],
        "raw_message": row["raw_message"],
        "source": row["source"],
        "message_id": row["message_id"],
        "position": row["position"],
        "status": row["status"],
        "current": _current_object(row["current"]),
        "events": [_event_object(event) for event in row["events"]],
        "ingested_at": _instant(row["ingested_at"]),
        "created_at": _instant(row["created_at"]),
        "updated_at": _instant(row["updated_at"]),
    }


def signal_detail(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a signal with where in its text each value was read, and by which rule."""
    return {
        **signal_object(row),
        "provenance": row["provenance"],
        "grammar_version": row["grammar_version"],
    }


def _event_object(event: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": event["kind"],
        "ts": _epoch_ms(event["ts"]),
        "message_id": event["message_id"],
        "text": event["text"],
        "asset": event["asset"],
        "target": event["target"],
        "stop_hit": event["stop_hit"],
        "new_stop": event["new_stop"],
        "new_targets": event["new_targets"],
        "new_entry": event["new_entry"],
        "breakeven": event["breakeven"],
        "fraction": event["fraction"],
        "price": event["price"],
        "percent": event["percent"],
    }


def _current_object(now: Current) -> dict[str, Any]:
    return {
        "status": now.status,
        "stop": now.stop,
        "targets": now.targets,
        "target_final": now.target_final,
        "buy_min": now.buy_min,
        "buy_max": now.buy_max,
        "fraction": now.fraction,
        "breakeven": now.breakeven,
    }


def history_entry(backfill: BackfillSnapshot) -> dict[str, Any]:
    """Return the completed history import as the one entry the former service's readers know."""
    completed_at = max(c.completed_at for c in backfill.channels if c.completed_at)
    channels = ",".join(channel.channel for channel in backfill.channels)
    result = {
        "totalSynced": sum(channel.rows_read for channel in backfill.channels),
        "batches": sum(channel.pages for channel in backfill.channels),
    }
    at = _instant(completed_at)
    empty = dict.fromkeys(
        ("side", "asset", "buy_min", "buy_max", "target_1", "target_2", "target_final", "stop", "valid_until")
    )
    return {
        "id": 0,
        "ts": _epoch_ms(completed_at),
        "channel": channels,
        "channel_label": None,
        "signal_type": "historical_sync",
        **empty,
        "targets": [],
        "warnings": [],
        "raw_message": orjson.dumps(result).decode(),
        "source": "backfill",
        "message_id": None,
        "position": 0,
        "status": None,
        "current": None,
        "events": [],
        "ingested_at": at,
        "created_at": at,
        "updated_at": at,
    }


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"no JSON for {type(value).__name__}")


def _epoch_ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


def _instant(instant: datetime) -> datetime:
    return instant.astimezone(UTC)
