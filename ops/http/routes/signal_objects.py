"""Rows of signals as the public objects of CONTRACT. The models define the keys."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import orjson

from actors.shown.snapshots import BackfillSnapshot
from ops.http.routes.enriched_models import market_object, outcome_object, score_object
from ops.http.routes.signal_models import SignalDetail, SignalEvent, SignalNow, SignalObject
from storage.legacy.rows import CHECKPOINT_ASSET

__all__ = ["history_entry", "part_of_signal", "signal_detail", "signal_object"]

Row = Mapping[str, Any]

# asking a model for its fields takes longer than reading them
_EVENT = tuple(SignalEvent.model_fields)
_NOW = tuple(SignalNow.model_fields)


def signal_object(row: Row) -> dict[str, Any]:
    """Return a signal's row as the public object of CONTRACT."""
    return {name: read(row) for name, read in _SIGNAL}


def part_of_signal(row: Row, fields: Collection[str]) -> dict[str, Any]:
    """Return some fields of a signal's row, in the order of the whole object."""
    return {name: read(row) for name, read in _SIGNAL if name in fields}


def signal_detail(row: Row) -> dict[str, Any]:
    """Return a signal with its provenance: where in the text each value was read, and by which rule."""
    return {name: read(row) for name, read in _DETAIL}


def history_entry(backfill: BackfillSnapshot) -> dict[str, Any]:
    """Return the completed history import as the entry that clients of the former service expect."""
    completed_at = max(c.completed_at for c in backfill.channels if c.completed_at)
    result = {
        "totalSynced": sum(channel.rows_read for channel in backfill.channels),
        "batches": sum(channel.pages for channel in backfill.channels),
    }
    at = _instant(completed_at)
    empty = dict.fromkeys(
        (
            "side",
            "buy_min",
            "buy_max",
            "target_1",
            "target_2",
            "target_final",
            "stop",
            "valid_until",
            "reward_risk",
        )
    )
    return {
        "id": 0,
        "ts": _epoch_ms(completed_at),
        "ts_iso": at,
        # the words of the former service's row: its clients search in both texts (fault 76)
        "channel": "system",
        "channel_label": None,
        "signal_type": "historical_sync",
        "asset": CHECKPOINT_ASSET,
        **empty,
        "targets": [],
        "warnings": [],
        "raw_message": orjson.dumps(result).decode(),
        "source": "backfill",
        "message_id": None,
        "position": 0,
        "status": None,
        "status_since": None,
        "status_reason": None,
        "market": None,
        "outcome": None,
        "score": None,
        "valid": None,
        "current": None,
        "events": [],
        "ingested_at": at,
        "created_at": at,
        "updated_at": at,
    }


def _epoch_ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


def _instant(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


def _event(event: Row) -> dict[str, Any]:
    instant = {"ts": _epoch_ms(event["ts"]), "ts_iso": _instant(event["ts"])}
    return {name: instant[name] if name in instant else event[name] for name in _EVENT}


def _target(number: int) -> Callable[[Row], object]:
    return lambda row: row["targets"][number - 1] if len(row["targets"]) >= number else None


def _instant_of(name: str) -> Callable[[Row], datetime]:
    return lambda row: _instant(row[name])


#: fields whose public value differs from the value in the row
_READ: Mapping[str, Callable[[Row], object]] = {
    "ts": lambda row: _epoch_ms(row["ts"]),
    "ts_iso": _instant_of("ts"),
    "target_1": _target(1),
    "target_2": _target(2),
    "current": lambda row: {name: getattr(row["current"], name) for name in _NOW},
    "events": lambda row: [_event(event) for event in row["events"]],
    "market": lambda row: market_object(row["enriched"]),
    "outcome": lambda row: outcome_object(row["enriched"]),
    "score": lambda row: score_object(row["enriched"]),
    "status_since": _instant_of("status_since"),
    "ingested_at": _instant_of("ingested_at"),
    "created_at": _instant_of("created_at"),
    "updated_at": _instant_of("updated_at"),
}
_SIGNAL = [(name, _READ.get(name) or itemgetter(name)) for name in SignalObject.model_fields]
_DETAIL = [(name, _READ.get(name) or itemgetter(name)) for name in SignalDetail.model_fields]
