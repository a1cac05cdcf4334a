"""Orders that come in two messages: a side and a ticker first, the levels later (format catalogue, section 14.3).

A text alone does not tell whether it completes an order: the messages beside it decide. So the ledger's transaction
joins the two halves. It rereads the second halves whose answer it may have changed, so the order of arrival does not
matter. These are new second halves, second halves up to five minutes after a new message (it may be the first half, or
stand between the two), replies to a new message, and second halves that completed a changed message before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from psycopg import sql

from engine.model import SECOND_HALF_WITHIN, ChannelMessage, FirstHalf, Market, Outcome, Reading, Side
from storage.postgres.database import Cursor
from storage.postgres.ledger_rows import event_values, to_json

__all__ = ["SECOND_HALF", "Halves", "Rereader"]

#: the reason in the ledger of a message that completes an earlier one
SECOND_HALF = "second_half"

_TOUCHED = """
with news as (
    select ledger.* from json_to_recordset(%(news)s) as row (channel text, message_id text)
    join {schema}.ledger using (channel, message_id)),
touched as (
    select channel, message_id from news where half = 'second'
    union
    select second.channel, second.message_id from news join {schema}.ledger as second
        on second.channel = news.channel and second.half = 'second'
        and second.ts between news.ts and news.ts + %(within)s
    union
    select second.channel, second.message_id from news join {schema}.ledger as second
        on second.channel = news.channel and second.half = 'second' and second.reply_to = news.message_id
    union
    select event.channel, event.message_id from news join {schema}.signal_events as event
        on event.channel = news.channel and event.half_of = news.message_id)
select second.channel, second.message_id, second.text, second.caption, second.ts, second.market,
    second.reply_to, second.half, second.reason, first.message_id as first_id, first.half_side, first.half_asset
from touched join {schema}.ledger as second using (channel, message_id)
left join lateral (
    select message_id, half, half_side, half_asset from {schema}.ledger as replied
    where replied.channel = second.channel and replied.message_id = second.reply_to
    union all
    -- the message directly before; of two messages at one instant, the one with the lower number is the earlier one
    (select message_id, half, half_side, half_asset from {schema}.ledger as before
    where second.reply_to is null and before.channel = second.channel
        and before.ts between second.ts - %(within)s and second.ts
        and (before.ts, length(before.message_id), before.message_id)
            < (second.ts, length(second.message_id), second.message_id)
    order by before.ts desc, length(before.message_id) desc, before.message_id desc limit 1)
) as first on first.half = 'first'
"""
_MARK = """
update {schema}.ledger set outcome = row.outcome, reason = row.reason, commit_number = %(number)s
from json_to_recordset(%(rows)s) as row (channel text, message_id text, outcome text, reason text)
where ledger.channel = row.channel and ledger.message_id = row.message_id
    and (ledger.outcome, ledger.reason) is distinct from (row.outcome, row.reason)
"""


class Rereader(Protocol):
    """The grammar, for a transaction that knows more about a message than its text."""

    def settle(self, message: ChannelMessage, market: Market) -> Outcome:
        """Return the outcome of a message in another market."""

    def read(
        self, text: str | None, caption: str | None, market: Market, half_of: FirstHalf | None
    ) -> Reading:
        """Return the reading of a text. If ``half_of`` is given, the text may complete that first half."""


class Halves:
    """Keeps the events of second halves right, inside the ledger's transaction."""

    def __init__(self, schema: str, reader: Rereader) -> None:
        self._reader = reader
        identifier = sql.Identifier(schema)
        self._touched, self._mark = (sql.SQL(text).format(schema=identifier) for text in (_TOUCHED, _MARK))

    def complete(
        self, cursor: Cursor, news: Iterable[tuple[str, str]], *, number: int
    ) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
        """Join the halves that ``news`` affect. Return the second halves, and the rows of their events.

        The rows replace all former events of these messages.
        """
        keys = [{"channel": channel, "message_id": message} for channel, message in sorted(news)]
        values = {"news": to_json(keys).decode(), "within": SECOND_HALF_WITHIN}
        touched = cursor.execute(self._touched, values).fetchall()
        # a message that is no longer a second half keeps the outcome that the ledger has just written
        seconds = [row for row in touched if row["half"] == "second"]
        if not seconds:
            return [], []
        marks, events = [], []
        for row in seconds:
            reading = self._reader.read(row["text"], row["caption"], Market(row["market"]), _first_of(row))
            key = {"channel": row["channel"], "message_id": row["message_id"]}
            completes = bool(reading.events)
            reason = SECOND_HALF if completes else reading.reason
            marks.append({**key, "outcome": reading.kind.value, "reason": reason})
            events += [
                {
                    **key,
                    "position": position,
                    "ts": row["ts"],
                    "text": row["text"] if (row["text"] or "").strip() else row["caption"],
                    "reply_to": row["reply_to"],
                    "half_of": row["first_id"],
                    **event_values(event),
                }
                for position, event in enumerate(reading.events)
            ]
        cursor.execute(self._mark, {"rows": to_json(marks).decode(), "number": number})
        return [(row["channel"], row["message_id"]) for row in seconds], events


def _first_of(row: Mapping[str, Any]) -> FirstHalf | None:
    if row["first_id"] is None:
        return None
    return FirstHalf(side=Side(row["half_side"]), asset=row["half_asset"])
