"""The tables of what prices say of signals: their outcomes, and the market when they were posted.

A change that readers see draws a commit number and settles the standing of its signal. So pages and streams notice it as
any other change of a signal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import sql
from psycopg.rows import scalar_row, tuple_row

from storage.postgres.database import Cursor, Database
from storage.postgres.enriched_rows import KEY, MARKET, OUTCOME, enriched_of
from storage.postgres.ledger import Ledger
from storage.postgres.ledger_rows import to_json
from storage.postgres.standing import day_of
from storage.postgres.standings import Standings, key_of

__all__ = ["EnrichedSignals"]

_WRITE_OUTCOMES = f"""
insert into {{schema}}.signal_outcomes as known ({KEY}, {OUTCOME})
select {KEY}, {OUTCOME} from json_to_recordset(%(rows)s) as row (
    channel text, message_id text, position smallint, rules integer, id bigint, ts timestamptz, signal_type text,
    side text, asset text, symbol text, state text, reason text, entered_at timestamptz, entry numeric, risk numeric,
    reached timestamptz[], ended_at timestamptz, exit numeric, same_bar boolean, favourable_r numeric,
    adverse_r numeric, first_r numeric, final_r numeric, scaled_r numeric, known_at timestamptz,
    seen_until timestamptz, claim text)
order by {KEY}
on conflict ({KEY}, id) do update set ({OUTCOME}) = row ({{outcome}})
"""  # noqa: S608 - our own column lists
_WRITE_MARKETS = f"""
insert into {{schema}}.signal_enrichment ({KEY}, {MARKET})
select {KEY}, {MARKET} from json_to_recordset(%(rows)s) as row (
    channel text, message_id text, position smallint, rules integer, indicators jsonb, underlying text,
    underlying_indicators jsonb, trade jsonb, score jsonb, score_model text)
order by {KEY}
on conflict ({KEY}) do update set ({MARKET}) = row ({{market}})
"""  # noqa: S608 - our own column lists
_OUTDATED = f"""
select distinct symbol from {{schema}}.signal_outcomes as outcome left join {{schema}}.signal_enrichment using ({KEY})
where symbol > %(after)s and ts > %(since)s and (rules < %(rules)s or score_model is distinct from %(model)s) and not exists (
    select from {{schema}}.signal_outcomes as newer
    where (newer.channel, newer.message_id, newer.position) = (outcome.channel, outcome.message_id, outcome.position)
        and newer.rules > outcome.rules)
order by symbol limit %(limit)s
"""  # noqa: S608 - our own column lists
# An option's symbol begins with the four letters of its paper, and a letter follows.
_OPTIONS = """
select distinct asset from {schema}.signal_outcomes
where symbol >= %(letters)s || 'A' and symbol < %(letters)s || 'Y' order by asset
"""
_UNDECIDED = """
select symbol, min(ts) as ts from {schema}.signal_outcomes where state in ('waiting', 'running') group by symbol
order by symbol
"""


class EnrichedSignals:
    """The two tables. All calls may raise ``StorageError``."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger
        self._standings = Standings(database.schema)
        parts = {
            "schema": sql.Identifier(database.schema),
            "outcome": _excluded(OUTCOME),
            "market": _excluded(MARKET),
        }
        self._write_outcomes, self._write_markets, self._outdated, self._options, self._undecided = (
            sql.SQL(text).format(**parts)
            for text in (_WRITE_OUTCOMES, _WRITE_MARKETS, _OUTDATED, _OPTIONS, _UNDECIDED)
        )

    def of(self, ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
        """Return what is known of signals, by their ids, by the newest rules."""
        return self._database.read(lambda cursor: enriched_of(cursor, self._database.schema, ids))

    def outdated(self, *, after: str, rules: int, model: str, since: datetime, limit: int) -> list[str]:
        """Return the next symbols of signals posted after ``since`` that only earlier rules have judged, or another model.

        ``after`` is the last symbol of before, an empty text at first.
        """
        values = {"after": after, "rules": rules, "model": model, "since": since, "limit": limit}
        found = self._database.read(lambda cursor: cursor.execute(self._outdated, values).fetchall())
        return [row["symbol"] for row in found]

    def options_on(self, paper: str) -> tuple[str, ...]:
        """Return the assets that are options on a paper, or on another one of the same company."""
        if not paper[4:5].isdigit():
            return ()
        values = {"letters": paper[:4]}
        return tuple(self._database.ask(self._options, values, scalar_row, quick=False))

    def undecided(self) -> list[tuple[str, datetime]]:
        """Return the symbols with signals that prices have not ended, each with when the first was posted."""
        return self._database.ask(self._undecided, {}, tuple_row, quick=False)

    def write_unseen(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store the outcomes of signals that readers do not see any more."""
        body = {"rows": to_json(list(rows)).decode()}
        self._database.write(lambda cursor: cursor.execute(self._write_outcomes, body))

    def write(self, rows: Sequence[Mapping[str, Any]], *, seen: Sequence[Mapping[str, Any]]) -> int | None:
        """Store what is known of signals. Return the commit number of the change, None if readers see none.

        ``seen`` are the rows among them whose change readers see.
        """
        body = {"rows": to_json(list(rows)).decode()}
        today = day_of(self._database.now())

        def work(cursor: Cursor) -> int | None:
            # the number first: it makes writers take turns, so the standings are those of the newest events
            number = self._ledger.draw(cursor) if seen else None
            cursor.execute(self._write_outcomes, body)
            cursor.execute(self._write_markets, body)
            if number is not None:
                self._standings.settle(cursor, [], set(map(key_of, seen)), number=number, today=today)
            return number

        return self._database.write(work)


def _excluded(columns: str) -> sql.Composable:
    names = [name.strip() for name in columns.split(",")]
    return sql.SQL(", ").join(sql.Identifier("excluded", name) for name in names)
