"""The orders in which signals are listed, and the places in them that cursors name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

__all__ = [
    "NEWEST_FIRST",
    "OLDEST_FIRST",
    "RULES",
    "After",
    "Order",
    "OrderRule",
    "decode_cursor",
    "encode_cursor",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CURSOR = re.compile(r"(?:(-?asset|updated_at|reward_risk)\.(.{1,100})_)?(-?[0-9]{1,18})_([0-9]{1,19})")
_NUMBER = re.compile(r"-?[0-9]{1,60}(\.[0-9]{1,9})?")


class Order(StrEnum):
    """What a list is ordered by. Of equal signals the rest decides, so no two have one place."""

    #: by time, in either direction
    TS = "ts"
    #: within an asset the newest first
    ASSET = "asset"
    #: the last asset first, and within it the newest too
    ASSET_DOWN = "-asset"
    #: what has changed last comes last
    UPDATED_AT = "updated_at"
    #: the highest first; signals without it are last
    REWARD_RISK = "reward_risk"


Key = str | datetime | Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """The place of the last signal of a page: what it is ordered by, its instant and its id."""

    order: Order = Order.TS
    key: Key = None
    ts: datetime
    id: int


@dataclass(frozen=True, slots=True)
class OrderRule:
    """An order in SQL: what rows are ordered by beside ts and id, the order, and which rows come after a place."""

    key: str
    order: str
    after: str


NEWEST_FIRST = OrderRule("null", "ts desc, id desc", "(ts, id) < (%(after_ts)s, %(after_id)s)")
OLDEST_FIRST = OrderRule("null", "ts, id", "(ts, id) > (%(after_ts)s, %(after_id)s)")
RULES: Mapping[Order, OrderRule] = {
    Order.ASSET: OrderRule(
        "asset",
        "key, ts desc, id desc",
        # the first comparison alone leads into the index
        "asset >= %(after_key)s and (asset > %(after_key)s or (ts, id) < (%(after_ts)s, %(after_id)s))",
    ),
    # PostgreSQL reads the same index backward, and sorts within each asset
    Order.ASSET_DOWN: OrderRule(
        "asset",
        "key desc, ts desc, id desc",
        "asset <= %(after_key)s and (asset < %(after_key)s or (ts, id) < (%(after_ts)s, %(after_id)s))",
    ),
    Order.UPDATED_AT: OrderRule("updated_at", "key, id", "(updated_at, id) > (%(after_key)s, %(after_id)s)"),
    Order.REWARD_RISK: OrderRule(
        "coalesce(reward_risk, -1)",
        "key desc, id desc",
        "(coalesce(reward_risk, -1), id) < (%(after_key)s, %(after_id)s)",
    ),
}


def encode_cursor(after: After) -> str:
    """Return a place as a word for a URL.

    >>> at = _EPOCH + timedelta(milliseconds=1)
    >>> encode_cursor(After(ts=at, id=7)), encode_cursor(After(order=Order.ASSET, key="PETR4", ts=at, id=7))
    ('1000_7', 'asset.PETR4_1000_7')
    """
    place = f"{_micros(after.ts)}_{after.id}"
    if after.order is Order.TS:
        return place
    key = _micros(after.key) if isinstance(after.key, datetime) else after.key
    return f"{after.order}.{key}_{place}"


def decode_cursor(cursor: str) -> After:
    """Return the place of a cursor.

    Raises:
        ValueError: the word is no cursor of this service.
    """
    match = _CURSOR.fullmatch(cursor)
    try:
        if match is None or int(match[4]) >= 2**63:
            raise ValueError("no place")  # noqa: TRY301 - one answer for every way to be wrong
        order = Order(match[1] or Order.TS)
        return After(order=order, key=_key(order, match[2]), ts=_instant(match[3]), id=int(match[4]))
    except (ValueError, OverflowError) as error:
        raise ValueError("not a cursor that this service has given out") from error


def _key(order: Order, text: str) -> Key:
    if order is Order.UPDATED_AT:
        return _instant(text)
    if order is Order.REWARD_RISK:
        if not _NUMBER.fullmatch(text):
            raise ValueError("no number")
        return Decimal(text)
    return text


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _instant(micros: str) -> datetime:
    return _EPOCH + int(micros) * _MICROSECOND
