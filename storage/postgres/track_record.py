"""Reads the outcomes that a track record counts: of stored signals, and of those that retention has dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row

from storage.postgres.database import Database
from storage.postgres.page_query import SignalQuery

__all__ = ["Outcomes"]

# Of a signal that several versions of the rules have judged, the newest one counts. A signal that an edit has written over
# counts too (storage/postgres/replaced_signals.py), unless its trade goes on in the text that has replaced it.
_READ = """
select distinct on (channel, message_id, position, id) channel, message_id, position, ts, signal_type, side, asset, state,
    entered_at, cardinality(reached) as reached, first_r, final_r, scaled_r, known_at, claim
from {schema}.signal_outcomes as outcome
where {condition} and not exists (
    select from {schema}.signals_history as replaced
    where replaced.channel = outcome.channel and replaced.message_id = outcome.message_id and replaced.id = outcome.id
        and replaced.written_over_at is null)
order by channel, message_id, position, id, rules desc
"""
_CONDITIONS = {
    "channel": "channel = any(%(channel)s)",
    "asset": "upper(asset) = any(%(asset)s)",
    "signal_type": "lower(signal_type) = any(%(signal_type)s)",
    "side": "side = any(%(side)s)",
    "since": "ts >= %(since)s",
    "until": "ts <= %(until)s",
}


class Outcomes:
    """Reads outcomes. All calls may raise ``StorageError``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._schema = sql.Identifier(database.schema)

    def of(self, query: SignalQuery) -> Sequence[Mapping[str, Any]]:
        """Return the outcomes of the signals that ``query`` selects by channel, asset, type, side and time."""
        values = {
            "channel": list(query.channel),
            "asset": [asset.upper() for asset in query.asset],
            "signal_type": [name.lower() for name in query.signal_type],
            "side": list(query.side),
            "since": query.since,
            "until": query.until,
        }
        parts = [text for name, text in _CONDITIONS.items() if values[name]] or ["true"]
        statement = sql.SQL(_READ).format(schema=self._schema, condition=sql.SQL(" and ".join(parts)))
        return self._database.ask(statement, values, dict_row, quick=False)
