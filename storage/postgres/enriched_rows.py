"""The rows that say what prices say of signals, beside the rows of signals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql

from storage.postgres.database import Cursor

__all__ = ["ENRICHED_COLUMNS", "KEY", "MARKET", "OUTCOME", "enriched_of"]

KEY = "channel, message_id, position, rules"
_JUDGED = """state, reason, entered_at, entry, risk, reached, ended_at, exit, same_bar, favourable_r, adverse_r, first_r,
    final_r, scaled_r, known_at, seen_until, claim"""
OUTCOME = f"id, ts, signal_type, side, asset, symbol, {_JUDGED}"
MARKET = "indicators, underlying, underlying_indicators, trade, score, score_model"
#: what :class:`storage.postgres.enrichment.EnrichedSignals` takes and returns
ENRICHED_COLUMNS = tuple(name.strip() for name in f"{KEY}, {OUTCOME}, {MARKET}".split(","))

# Both tables have one row for each signal, so the second one is found by the key of the first.
_OF = f"""
select {", ".join(f"outcome.{name.strip()}" for name in f"{KEY}, {OUTCOME}".split(","))}, {MARKET}
from {{schema}}.signal_outcomes as outcome left join {{schema}}.signal_enrichment using ({KEY})
where outcome.id = any(%(ids)s)
order by rules
"""  # noqa: S608 - our own column lists


def enriched_of(cursor: Cursor, schema: str, ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """Return what is known of signals, by their ids, by the newest rules."""
    statement = sql.SQL(_OF).format(schema=sql.Identifier(schema))
    # the newest rules come last
    return {row["id"]: row for row in cursor.execute(statement, {"ids": list(ids)})} if ids else {}
