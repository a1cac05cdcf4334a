"""The models of the score, and the results that they learn from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row, scalar_row, tuple_row

from storage.postgres.database import Database
from storage.postgres.ledger_rows import to_json

__all__ = ["ScoreModels"]

# A hit is known when the day of it is over, at the latest: the bar that told it may have lasted so long. That instant never
# changes with later bars. What a later reading of its message has replaced does not count.
_KNOWN = """
select * from (
    select distinct on (channel, message_id, position) channel, message_id, position, ts, signal_type, side, trade, indicators,
        reached <> '{{}}' as hit, case
            when first_r is null or state in ('no_bars', 'unclear', 'unadjusted') then null
            when reached = '{{}}' then known_at
            else least(known_at, (date_trunc('day', reached[1] at time zone 'America/Sao_Paulo') + interval '1 day')
                at time zone 'America/Sao_Paulo')
        end as result_at
    from {schema}.signal_outcomes as outcome join {schema}.signal_enrichment using (channel, message_id, position, rules)
    where (channel, message_id, position) > (%(channel)s, %(message_id)s, %(position)s) and not exists (
        select from {schema}.signals_history as replaced
        where replaced.channel = outcome.channel and replaced.message_id = outcome.message_id
            and replaced.id = outcome.id)
    order by channel, message_id, position, rules desc
) as known
where trade is not null
order by channel, message_id, position limit %(limit)s
"""
_RESULTS = "select channel, result_at, hit from ({known}) as result where result_at is not null"
_COUNT = "select count(*) from ({known}) as result where result_at is not null"
# the fits may be a megabyte
_NEWEST = """
select trained_at, version, results, shown, report from {schema}.score_models order by id desc limit 1
"""
_FITS = "select fits from {schema}.score_models where version = %(version)s order by id desc limit 1"
_PUT = """
insert into {schema}.score_models (trained_at, version, results, shown, fits, report)
select trained_at, version, results, shown, fits, report from json_to_recordset(%(rows)s) as row (
    trained_at timestamptz, version text, results integer, shown boolean, fits jsonb, report jsonb)
"""
#: rows of one query: none takes long
_PAGE = 1000
_KEY = ("channel", "message_id", "position")
_ALL: Mapping[str, Any] = {"channel": "", "message_id": "", "position": -1, "limit": None}


class ScoreModels:
    """The table of models. All calls may raise ``StorageError``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        schema = sql.Identifier(database.schema)
        self._known = sql.SQL(_KNOWN).format(schema=schema)
        self._results, self._count = (sql.SQL(text).format(known=self._known) for text in (_RESULTS, _COUNT))
        self._newest, self._fits, self._put = (
            sql.SQL(text).format(schema=schema) for text in (_NEWEST, _FITS, _PUT)
        )

    def newest(self) -> Mapping[str, Any] | None:
        """Return the newest model with its report, without its fits."""
        found = self._database.ask(self._newest, {}, dict_row, quick=True)
        return found[0] if found else None

    def fits(self, version: str) -> Sequence[Mapping[str, Any]]:
        """Return the fits of a model."""
        ((fits,),) = self._database.ask(self._fits, {"version": version}, tuple_row, quick=True)
        return list(fits)

    def put(self, row: Mapping[str, Any]) -> None:
        """Store what a training has learnt."""
        body = {"rows": to_json([row]).decode()}
        self._database.write(lambda cursor: cursor.execute(self._put, body))

    def count_results(self) -> int:
        """Return how many results there are."""
        (count,) = self._database.ask(self._count, _ALL, scalar_row, quick=False)
        return int(count)

    def results(self) -> list[tuple[str, datetime, bool]]:
        """Return all results: the channel, since when it is known, and whether it was a hit."""
        return self._database.ask(self._results, _ALL, tuple_row, quick=False)

    def examples(self) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Yield all signals with what was known when they were posted, and their results, some at a time."""
        values: Mapping[str, Any] = {**_ALL, "limit": _PAGE}
        while page := self._database.ask(self._known, values, dict_row, quick=False):
            yield page
            values = {name: page[-1][name] for name in _KEY} | {"limit": _PAGE}
