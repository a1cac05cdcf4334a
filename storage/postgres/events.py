"""Events: what results, updates and cancellations say, and the signal that each of them most likely refers to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import sql

from engine.model import Outcome
from storage.postgres.database import Cursor
from storage.postgres.halves import Halves
from storage.postgres.ledger_rows import event_row, key_of, signal_row, to_json

__all__ = ["EventWriter"]

_FORGET = """
delete from {schema}.signal_events using json_to_recordset(%(keys)s) as key (channel text, message_id text)
where signal_events.channel = key.channel and signal_events.message_id = key.message_id
returning signal_events.channel, signal_message_id
"""

_INSERT = """
insert into {schema}.signal_events (
    channel, message_id, position, ts, kind, asset, target, stop_hit, new_stop, new_targets, new_entry, breakeven,
    fraction, price, percent, text, reply_to, half_of, commit_number)
select channel, message_id, position, ts, kind, asset, target, stop_hit, new_stop, new_targets, new_entry, breakeven,
    fraction, price, percent, text, reply_to, half_of, %(number)s
from json_to_recordset(%(rows)s) as row (
    channel text, message_id text, position smallint, ts timestamptz, kind text, asset text, target smallint,
    stop_hit boolean, new_stop numeric, new_targets numeric[], new_entry numeric[], breakeven boolean,
    fraction numeric, price numeric, percent numeric, text text, reply_to text, half_of text)
order by row.channel, row.message_id, row.position
"""

# A second half refers to the message that it completes, and to no other. A deletion refers to the signal that has its
# place in the deleted message. Any other event refers to the message that
# it replies to, if that message holds a signal (of the event's asset, if it names one). Otherwise it refers to the
# latest earlier signal of its channel and asset.
# The statement finds only the events whose answer this transaction may have changed: new events, events of a removed
# signal, replies to a new signal, and events after a new signal that refer to no later signal. Without this limit,
# each page of a replay would link all events of its assets.
_TOUCHED = """
with came as (
    select * from json_to_recordset(%(came)s) as row (
        channel text, message_id text, asset text, ts timestamptz)),
gone as (
    select * from json_to_recordset(%(gone)s) as row (channel text, message_id text)),
-- the events after the first new signal of their asset, each with the instant of the signal that it refers to now
later as materialized (
    select event.id, event.channel, event.asset, event.ts, linked.ts as linked_ts
    from (select channel, asset, min(ts) as ts from came group by channel, asset) as first
    join {schema}.signal_events as event
        on event.channel = first.channel and event.asset = first.asset and event.ts >= first.ts
    left join {schema}.ledger as linked
        on linked.channel = event.channel and linked.message_id = event.signal_message_id)
select id from {schema}.signal_events where commit_number = %(number)s
union
select later.id from came join later using (channel, asset)
where came.ts <= later.ts and (later.linked_ts is null or later.linked_ts <= came.ts)
union
select event.id from came join {schema}.signal_events as event
    on event.channel = came.channel and event.reply_to = came.message_id
union
select event.id from came join {schema}.signal_events as event
    on event.channel = came.channel and event.half_of = came.message_id
union
select event.id from gone join {schema}.signal_events as event
    on event.channel = gone.channel and event.signal_message_id = gone.message_id
"""
# This is a statement of its own, because planning it over all weeks of signals takes milliseconds, and most new
# signals affect no event.
_LINK = """
with found as (
    select event.id, coalesce(replied.message_id, latest.message_id) as message_id,
        coalesce(replied.position, latest.position) as position, event.signal_message_id as former_message_id
    from {schema}.signal_events as event
    -- a signal has the instant of its message; without this condition the server would search every chunk
    left join {schema}.ledger as answered
        on answered.channel = event.channel and answered.message_id = coalesce(event.half_of, event.reply_to)
    left join lateral (
        select message_id, position from {schema}.tp_capital_signals as signal
        where signal.channel = answered.channel and signal.message_id = answered.message_id
            and signal.ts = answered.ts and (event.asset is null or signal.asset = event.asset)
            and (event.kind <> 'deleted' or signal.position = event.position)
        order by position limit 1) as replied on true
    left join lateral (
        select message_id, position from {schema}.tp_capital_signals as signal
        where replied.message_id is null and event.half_of is null and signal.channel = event.channel
            and signal.asset = event.asset and signal.ts <= event.ts
        -- of two signals at one instant, the one with the higher number is the later one; their order of arrival does
        -- not matter
        order by ts desc, length(message_id) desc, message_id desc, position desc limit 1) as latest on true
    where event.id = any(%(touched)s))
update {schema}.signal_events as event
set signal_message_id = found.message_id, signal_position = found.position
from found
where event.id = found.id
    and (event.signal_message_id, event.signal_position) is distinct from (found.message_id, found.position)
returning event.channel, event.signal_message_id, found.former_message_id
"""


class EventWriter:
    """Writes events and keeps their links right, inside the ledger's transaction."""

    def __init__(self, schema: str, halves: Halves | None) -> None:
        self._halves = halves
        identifier = sql.Identifier(schema)
        self._forget, self._insert, self._touched, self._link = (
            sql.SQL(text).format(schema=identifier) for text in (_FORGET, _INSERT, _TOUCHED, _LINK)
        )

    def write(
        self, cursor: Cursor, news: Sequence[Outcome], moved: Sequence[tuple[str, str]], *, number: int
    ) -> set[tuple[str, str]]:
        """Delete the events of ``moved`` messages, store those of ``news``, and link every event that they affect.

        Return the messages whose signals got or lost events.
        """
        events: list[dict[str, Any]] = [
            event_row(outcome, position) for outcome in news for position in range(len(outcome.events))
        ]
        signals = [signal_row(outcome, signal) for outcome in news for signal in outcome.signals]
        came = [{key: row[key] for key in ("channel", "message_id", "asset", "ts")} for row in signals]
        forgotten = list(moved)
        if self._halves is not None:
            touching = {key_of(outcome) for outcome in news}.union(moved)
            seconds, completed = self._halves.complete(cursor, touching, number=number)
            forgotten += seconds
            events += completed
        changed: set[tuple[str, str | None]] = set()
        if forgotten:
            for row in cursor.execute(self._forget, {"keys": _keys(forgotten)}):
                changed.add((row["channel"], row["signal_message_id"]))
        if events:
            cursor.execute(self._insert, {"rows": to_json(events).decode(), "number": number})
        if events or came or moved:
            values = {"came": to_json(came).decode(), "gone": _keys(moved), "number": number}
            touched = [row["id"] for row in cursor.execute(self._touched, values)]
            for row in cursor.execute(self._link, {"touched": touched}) if touched else ():
                changed |= {
                    (row["channel"], row[name]) for name in ("signal_message_id", "former_message_id")
                }
        return {(channel, message) for channel, message in changed if message is not None}


def _keys(messages: Sequence[tuple[str, str]]) -> str:
    return to_json([{"channel": channel, "message_id": message} for channel, message in messages]).decode()
