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

# The signals of messages that were edited: each beside every signal that its message had before, and itself. A reading came with an
# edit if the message had another text that was replaced by then. The commit that stored the reading, or an earlier one, has
# replaced that text.
_READINGS = """
select asked.id as signal_id, reading.*, edit.*
from json_to_recordset(%(rows)s) as asked (
    id bigint, channel text, message_id text, commit_number bigint, raw_message text)
cross join lateral (
    select id, commit_number, superseded_by, {columns} from {schema}.signals_history as former
    where (former.channel, former.message_id) = (asked.channel, asked.message_id)
        and former.commit_number < asked.commit_number
    union all
    select asked.id, asked.commit_number, null::bigint, {of_itself}) as reading
cross join lateral (
    select count(*) > 0 as is_of_edit, max(replaced_at) as edited_at from {schema}.message_texts as other
    where (other.channel, other.message_id) = (asked.channel, asked.message_id)
        and other.commit_number <= reading.commit_number
        and other.digest is distinct from {schema}.text_digest(reading.raw_message, null)) as edit
where exists (
    select from {schema}.message_texts as other
    where (other.channel, other.message_id) = (asked.channel, asked.message_id))
order by signal_id, reading.commit_number, reading.id
"""
_ASKED = ("id", "channel", "message_id", "commit_number", "raw_message")
#: what a reading may have otherwise than the signal's row, with the types of the columns
_TYPES = {
    "position": "smallint",
    "side": "text",
    "asset": "text",
    "buy_min": "numeric",
    "buy_max": "numeric",
    "targets": "numeric[]",
    "target_final": "numeric",
    "stop": "numeric",
    "signal_type": "text",
    "valid_until": "text",
    "warnings": "text[]",
    "raw_message": "text",
    "created_at": "timestamptz",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReading:
    """A signal's row as it was read, and the instant from which on everybody could read it."""

    since: datetime
    row: Mapping[str, Any]


class StoredReadings:
    """The readings of signals. All calls may raise ``StorageError``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        itself = (
            "asked.raw_message" if name == "raw_message" else f"null::{_TYPES[name]}" for name in _TYPES
        )
        self._readings = sql.SQL(_READINGS).format(
            schema=sql.Identifier(database.schema),
            columns=sql.SQL(", ").join(map(sql.Identifier, _TYPES)),
            of_itself=sql.SQL(", ".join(itself)),
        )

    def of(self, signals: Sequence[Mapping[str, Any]]) -> dict[int, list[StoredReading]]:
        """Return the readings of each of these rows, by its id: the former ones in order, and the row itself.

        A reading without an edit before it counts from the posting on. Any other one counts from the instant of the edit, or
        from when it was stored if that was earlier, or if the edit's instant is not known.
        """
        body = {"rows": to_json([{name: row[name] for name in _ASKED} for row in signals]).decode()}
        stored: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
        for row in self._database.ask(self._readings, body, dict_row, quick=True):
            stored[row["signal_id"]].append(row)
        return {row["id"]: readings_of(row, stored.get(row["id"], ())) for row in signals}


def readings_of(signal: Mapping[str, Any], stored: Sequence[Mapping[str, Any]]) -> list[StoredReading]:
    """Return the readings of a signal's row from those of its message, itself among them. None are stored without an edit."""
    found: list[StoredReading] = []
    texts: list[str] = []
    for reading in _of_signal(signal, stored):
        itself = reading["id"] == signal["id"]
        row = signal if itself else {**signal, **{name: reading[name] for name in _TYPES}}
        text = row["raw_message"]
        if texts and text == texts[-1]:
            # the same text was read otherwise, by a later version of the grammar
            found[-1] = StoredReading(since=found[-1].since, row=row)
            continue
        since = row["ts"]
        if found or reading["is_of_edit"]:
            stored_at = row["created_at"]
            # of a text that comes back the instant is known of the first time alone
            edited_at = None if text in texts else reading["edited_at"]
            before = found[-1].since if found else row["ts"]
            # the clocks of the gateway and of the database may differ
            since = max(before, min(stored_at, edited_at or stored_at))
        found.append(StoredReading(since=since, row=row))
        texts.append(text)
    return found or [StoredReading(since=signal["ts"], row=signal)]


def _of_signal(signal: Mapping[str, Any], stored: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the readings of a signal in order, itself the last: as long as each text has its asset and side, wherever."""
    chain = [reading for reading in stored if reading["id"] == signal["id"]]
    while chain:
        following = chain[-1]
        former = [
            reading
            for reading in stored
            if reading["superseded_by"] == following["commit_number"]
            and (reading["asset"], reading["side"]) == (signal["asset"], signal["side"])
        ]
        if not former:
            break
        place = signal["position"] if following["id"] == signal["id"] else following["position"]
        chain.append(min(former, key=lambda one: one["position"] != place))
    return chain[::-1]
