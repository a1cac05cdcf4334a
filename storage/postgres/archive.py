"""All stored messages with their outcomes. ``replay`` reads them from here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql

from engine.model import DELETED_STATUS, ChannelMessage
from storage.postgres.database import Cursor, Database
from storage.postgres.ledger_rows import to_json

__all__ = ["Archive", "Archived"]

_PAGE = 1000

# dead letters are left out: their own actor rereads them, from their raw form
_MESSAGES = """
select channel, message_id, gateway_id, outcome, reason, ts, text, caption, source, telegram_date, received_at,
    message_updated_at, reply_to, half, deleted
from {schema}.ledger
where outcome <> 'dead_letter' and received_at is not null
    and (channel, message_id) > (%(channel_after)s, %(message_after)s)
    and (%(channel)s::text is null or channel = %(channel)s::text)
    and (%(since)s::timestamptz is null or ts >= %(since)s::timestamptz)
order by channel, message_id limit %(limit)s
"""
_SIGNALS = """
select channel, message_id, position, side, asset, signal_type, buy_min, buy_max, targets, target_final, stop,
    valid_until, warnings
from {schema}.tp_capital_signals
where ts between %(oldest)s and %(newest)s and (channel, message_id) in (
    select channel, message_id from json_to_recordset(%(keys)s) as key (channel text, message_id text))
order by channel, message_id, position
"""
_EVENTS = """
select channel, message_id, position, kind, asset, target, stop_hit, new_stop, new_targets, new_entry, breakeven,
    fraction, price, percent
from {schema}.signal_events
where (channel, message_id) in (
    select channel, message_id from json_to_recordset(%(keys)s) as key (channel text, message_id text))
order by channel, message_id, position
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """One message with its outcome, its signal rows and its event rows.

    ``half`` is ``first`` or ``second`` if its text alone is half of an order (section 14.3), else None.
    """

    message: ChannelMessage
    outcome: str
    reason: str
    signals: tuple[Mapping[str, Any], ...]
    events: tuple[Mapping[str, Any], ...] = ()
    half: str | None = None


class Archive:
    """The stored messages, in the order of their keys."""

    def __init__(self, database: Database) -> None:
        self._database = database
        schema = sql.Identifier(database.schema)
        self._messages = sql.SQL(_MESSAGES).format(schema=schema)
        self._signals = sql.SQL(_SIGNALS).format(schema=schema)
        self._events = sql.SQL(_EVENTS).format(schema=schema)

    def pages(self, *, channel: str | None, since: datetime | None) -> Iterator[tuple[Archived, ...]]:
        """Yield pages of messages whose instant is ``since`` or later."""
        after = ("", "")
        while page := self._page(after, channel, since):
            yield page
            after = page[-1].message.channel, page[-1].message.message_id

    def _page(
        self, after: tuple[str, str], channel: str | None, since: datetime | None
    ) -> tuple[Archived, ...]:
        values = {
            "channel_after": after[0],
            "message_after": after[1],
            "channel": channel,
            "since": since,
            "limit": _PAGE,
        }

        def work(cursor: Cursor) -> tuple[Archived, ...]:
            rows = cursor.execute(self._messages, values).fetchall()
            keys = [{name: row[name] for name in ("channel", "message_id")} for row in rows]
            # a signal has the instant of its message, so the server skips all other weeks
            dates = [row["ts"] for row in rows if row["ts"] is not None]
            span = {"oldest": min(dates, default=None), "newest": max(dates, default=None)}
            signals = _by_message(cursor, self._signals, keys, **span)
            events = _by_message(cursor, self._events, keys)
            return tuple(
                _archived(row, signals.get(_key(row), ()), events.get(_key(row), ())) for row in rows
            )

        return self._database.read(work)


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["channel"], row["message_id"]


def _by_message(
    cursor: Cursor, statement: sql.Composed, keys: Sequence[Mapping[str, str]], **span: datetime | None
) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in cursor.execute(statement, {"keys": to_json(keys).decode(), **span}):
        found.setdefault(_key(row), []).append(row)
    return found


def _archived(
    row: Mapping[str, Any], signals: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]]
) -> Archived:
    message = ChannelMessage(
        channel=row["channel"],
        message_id=row["message_id"],
        gateway_id=row["gateway_id"],
        ack_id=None,
        text=row["text"],
        caption=row["caption"],
        source=row["source"],
        status=DELETED_STATUS if row["deleted"] else "stored",
        received_at=row["received_at"],
        telegram_date=row["telegram_date"],
        updated_at=row["message_updated_at"],
        reply_to=row["reply_to"],
        # the ledger keeps only the replaced instant; the warning says that it was replaced
        odd_dates=any("implausible_date" in signal["warnings"] for signal in signals),
    )
    return Archived(
        message=message,
        outcome=row["outcome"],
        reason=row["reason"],
        signals=tuple(signals),
        events=tuple(events),
        half=row["half"],
    )
