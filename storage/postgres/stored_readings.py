"""The readings of a signal: what its message said when it was posted, and after each edit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row

from storage.postgres.database import Database
from storage.postgres.ledger_rows import to_json

__all__ = ["StoredReading", "StoredReadings", "readings_of"]

# Signals whose message had another text: a row for each former reading, one with a null reading if there was none. A text
# that is no text of a reading was no signal, or came too late to be read: the message had it before or between the others.
_FORMER = """
with edited as (
    select signal.id as signal_id, channel, message_id, position, held.message_updated_at as edited_at,
        {schema}.text_digest(held.text, held.caption) as digest
    from json_to_recordset(%(rows)s) as signal (id bigint, channel text, message_id text, position smallint)
    join {schema}.ledger as held using (channel, message_id)
    where exists (
        select from {schema}.message_texts as other
        where (other.channel, other.message_id) = (held.channel, held.message_id)
            and other.digest is distinct from {schema}.text_digest(held.text, held.caption)))
select signal_id, edited_at, exists (
        select from {schema}.message_texts as other
        where (other.channel, other.message_id) = (edited.channel, edited.message_id)
            and other.digest is distinct from edited.digest and not exists (
                select from {schema}.signals_history as read
                where (read.channel, read.message_id) = (other.channel, other.message_id)
                    and {schema}.text_digest(read.raw_message, null) = other.digest)) as was_no_signal,
    former.side, former.asset, former.buy_min, former.buy_max, former.targets, former.target_final, former.stop,
    former.warnings, former.raw_message, former.created_at
from edited left join {schema}.signals_history as former using (channel, message_id, position)
order by signal_id, former.id
"""
_READ = (
    *("side", "asset", "buy_min", "buy_max", "targets", "target_final"),
    *("stop", "warnings", "raw_message", "created_at"),
)
_KEY = ("id", "channel", "message_id", "position")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReading:
    """A signal's row as it was read, and the instant from which on everybody could read it."""

    since: datetime
    row: Mapping[str, Any]


class StoredReadings:
    """The readings of signals. All calls may raise ``StorageError``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._former = sql.SQL(_FORMER).format(schema=sql.Identifier(database.schema))

    def of(self, signals: Sequence[Mapping[str, Any]]) -> dict[int, list[StoredReading]]:
        """Return the readings of each of these rows, by its id: the former ones in order, and the row itself.

        A reading without an edit before it counts from the posting on. Any other one counts from the instant when it was
        stored, the last one from the instant of the edit if that is known and earlier.
        """
        body = {"rows": to_json([{name: row[name] for name in _KEY} for row in signals]).decode()}
        former: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
        for row in self._database.ask(self._former, body, dict_row, quick=True):
            former[row["signal_id"]].append(row)
        return {row["id"]: readings_of(row, former.get(row["id"], ())) for row in signals}


def readings_of(signal: Mapping[str, Any], former: Sequence[Mapping[str, Any]]) -> list[StoredReading]:
    """Return the readings of a signal's row from what is stored of an edited message. ``former`` is empty without an edit."""
    rows = [
        {**signal, **{name: row[name] for name in _READ}} for row in former if row["raw_message"] is not None
    ]
    found: list[StoredReading] = []
    for row in (*rows, signal):
        if found and row["raw_message"] == found[-1].row["raw_message"]:
            # the same text was read otherwise, by a later version of the grammar
            found[-1] = StoredReading(since=found[-1].since, row=row)
        elif not found and not (former and former[0]["was_no_signal"]):
            found.append(StoredReading(since=row["ts"], row=row))
        else:
            edited_at = former[0]["edited_at"] if row is signal else None
            stored_at = row["created_at"]
            since = min(stored_at, edited_at) if edited_at is not None else stored_at
            before = found[-1].since if found else row["ts"]
            # two clocks: that of the gateway, and that of the database
            found.append(StoredReading(since=max(before, since), row=row))
    return found
