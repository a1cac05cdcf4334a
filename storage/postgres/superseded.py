"""Moves signals into the history when another reading of their message replaces them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import sql

from storage.postgres.database import Cursor
from storage.postgres.ledger_rows import to_json
from storage.postgres.signals import DETAIL_COLUMNS

__all__ = ["Superseded"]

# One statement for each instant, as a plain value. TimescaleDB then leaves alone all other chunks, and all other
# batches of a compressed chunk. A list of instants or a join would decompress every batch of a week.
_SUPERSEDE = """
with keys as (
    select * from json_to_recordset(%(keys)s) as key (channel text, message_id text)),
following as (
    select * from json_to_recordset(%(following)s) as next (channel text, message_id text, asset text, side text)),
gone as (
    delete from {schema}.tp_capital_signals using keys
    where tp_capital_signals.channel = keys.channel and tp_capital_signals.message_id = keys.message_id
        and tp_capital_signals.ts = %(ts)s
    returning tp_capital_signals.*),
unsettled as (
    delete from {schema}.signal_standings using gone
    where signal_standings.channel = gone.channel and signal_standings.message_id = gone.message_id),
kept as (
    insert into {schema}.signals_history ({columns}, superseded_at, superseded_by, written_over_at)
    select {columns}, now(), %(number)s, (
        -- without a ledger row: the row of another service that leaves for its message
        select least(held.message_updated_at, now()) from {schema}.ledger as held
        where held.channel = gone.channel and held.message_id = gone.message_id
            and {schema}.text_digest(held.text, held.caption)
                is distinct from {schema}.text_digest(gone.raw_message, null)
            and not exists (
                select from following where (following.channel, following.message_id, following.asset, following.side)
                    = (gone.channel, gone.message_id, gone.asset, gone.side)))
    from gone)
select from keys limit 0
"""


class Superseded:
    """Moves signals, inside the ledger's transaction."""

    def __init__(self, schema: str) -> None:
        self._statement = sql.SQL(_SUPERSEDE).format(schema=sql.Identifier(schema), columns=DETAIL_COLUMNS)

    def move(
        self,
        cursor: Cursor,
        former: Mapping[tuple[str, str], datetime | None],
        *,
        number: int,
        following: Sequence[Mapping[str, Any]],
    ) -> None:
        """Move the signals of these messages. ``former`` maps each message to the instant of its signals.

        ``following`` are the signals that these messages have now. A signal was written over if another text, without a
        signal of its asset and side, has replaced its own.
        """
        names = ("channel", "message_id", "asset", "side")
        of_messages = [row for row in following if (row["channel"], row["message_id"]) in former]
        told = to_json([{name: row[name] for name in names} for row in of_messages]).decode()
        for ts, keys in _by_instant(former).items():
            cursor.execute(self._statement, {"number": number, "ts": ts, "keys": keys, "following": told})


def _by_instant(former: Mapping[tuple[str, str], datetime | None]) -> dict[datetime, str]:
    """Return the keys of each instant as JSON. A message without an instant, such as a dead letter, has no signals."""
    found: dict[datetime, list[dict[str, str]]] = defaultdict(list)
    for (channel, message_id), ts in sorted(former.items(), key=lambda item: item[0]):
        if ts is not None:
            found[ts].append({"channel": channel, "message_id": message_id})
    return {ts: to_json(found[ts]).decode() for ts in sorted(found)}
