"""The rows of the former service's table as values of this service."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

__all__ = [
    "CHECKPOINT_ASSET",
    "NUMBER",
    "OPTIONAL",
    "PRICES",
    "REQUIRED",
    "LegacyRow",
    "Values",
    "decode_row",
]

PRICES = ("buy_min", "buy_max", "target_1", "target_2", "target_final", "stop")
REQUIRED = ("id", "channel", "signal_type", "asset", *PRICES, "raw_message", "ts")
#: the form of a price, for Python and PostgreSQL; sums leave out everything else
NUMBER = r"^-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9][0-9]?)?$"
OPTIONAL = ("source", "ingested_at", "created_at", "updated_at")

#: the asset that the former service wrote into its own checkpoints
CHECKPOINT_ASSET = "__checkpoint__"
#: the id is part of a key, and an index entry has at most 2,704 bytes
_LONGEST_ID = 200
#: an asset and its prices
Values = tuple[str, Mapping[str, Decimal | None]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyRow:
    """One row. ``original`` is the whole row as JSON.

    ``telegram_date`` is its ``ts``, or None if that is no instant. ``received_at`` is the first usable instant of
    ``ingested_at``, ``created_at`` and ``ts``. ``problem`` tells why the row cannot be used, or is None.
    """

    legacy_id: str
    channel: str
    signal_type: str
    asset: str
    prices: Mapping[str, Decimal | None]
    raw_message: str
    source: str
    telegram_date: datetime | None
    received_at: datetime
    original: str
    problem: str | None = None

    @property
    def is_checkpoint(self) -> bool:
        """Whether it is a checkpoint of the former service and no signal."""
        return self.asset == CHECKPOINT_ASSET

    @property
    def values(self) -> Values:
        """The values in which a double may differ."""
        return self.asset, self.prices

    @property
    def sent_at(self) -> datetime:
        """The date for the comparison with messages."""
        return self.telegram_date or self.received_at


def decode_row(original: str, *, channel: str | None = None) -> LegacyRow:
    """Return a row from JSON. ``channel`` replaces the row's own channel if given. Never raises."""
    fields: dict[str, Any] = json.loads(original, parse_float=Decimal, parse_int=Decimal)
    problems = []
    legacy_id = _text(fields.get("id"))
    if len(legacy_id.encode()) > _LONGEST_ID:
        problems.append(f"id: longer than {_LONGEST_ID} bytes")
    channel = _text(fields.get("channel")) if channel is None else channel
    if not channel:
        problems.append("channel: missing")
    prices = {}
    for name in PRICES:
        try:
            prices[name] = _price(fields.get(name))
        except ValueError:
            prices[name] = None
            problems.append(f"{name}: no price: {fields[name]!s:.40}")
    instants = [_instant(fields.get(name)) for name in ("ts", "ingested_at", "created_at")]
    telegram_date, ingested_at, created_at = instants
    received_at = ingested_at or created_at or telegram_date
    if received_at is None:
        problems.append("ts: no instant, nor in ingested_at or created_at")
    return LegacyRow(
        legacy_id=legacy_id,
        channel=channel,
        signal_type=_text(fields.get("signal_type")),
        asset=_text(fields.get("asset")).strip(),
        prices=prices,
        raw_message=_text(fields.get("raw_message")),
        source=_text(fields.get("source")) or "legacy",
        telegram_date=telegram_date,
        received_at=received_at or _EPOCH,
        original=original,
        problem="; ".join(problems) or None,
    )


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _price(value: object) -> Decimal | None:
    if value is None:
        return None
    # the columns may be numbers or texts, and numbers may be NaN
    if not re.search(NUMBER, str(value)):
        raise ValueError(str(value))
    return Decimal(str(value))


def _instant(value: object) -> datetime | None:
    """Read epoch milliseconds, or ISO 8601; without an offset it is UTC."""
    try:
        if isinstance(value, Decimal):
            return _EPOCH + timedelta(milliseconds=int(value))
        if isinstance(value, str):
            instant = datetime.fromisoformat(value)
            return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    return None
