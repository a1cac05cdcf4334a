"""The table of instruments: what each symbol is, from the same files as the bars."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from engine.instruments import Instrument, InstrumentKind
from storage.postgres.database import Cursor, Database

__all__ = ["Instruments"]

_COLUMNS = "symbol, kind, underlying, strike, expiry, isin, name"
_REST = _COLUMNS.removeprefix("symbol, ")
# The files of the exchange differ in what they tell: a value that is not told does not remove a known one. The exchange uses
# the symbols of options again: that of a former series does not replace a later one's.
_PUT = f"""
insert into {{schema}}.instruments as known ({_COLUMNS})
select * from unnest(%(symbol)s::text[], %(kind)s::text[], %(underlying)s::text[], %(strike)s::numeric[],
    %(expiry)s::date[], %(isin)s::text[], %(name)s::text[]) as given ({_COLUMNS})
where not exists (
    select from {{schema}}.instruments as stored where stored.symbol = given.symbol and (given.expiry < stored.expiry or
        row ({", ".join(f"coalesce(given.{name}, stored.{name})" for name in _REST.split(", "))})
            is not distinct from row ({", ".join(f"stored.{name}" for name in _REST.split(", "))})))
order by symbol
on conflict (symbol) do update set ({_REST}) =
    row ({", ".join(f"coalesce(excluded.{name}, known.{name})" for name in _REST.split(", "))})
"""  # noqa: S608 - our own column lists
_STARTING = f"""
select {_COLUMNS} from {{schema}}.instruments where starts_with(symbol, %(letters)s) order by symbol
"""  # noqa: S608 - our own column list


class Instruments:
    """The table of instruments. All calls may raise ``StorageError``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        schema = sql.Identifier(database.schema)
        self._put, self._starting = (sql.SQL(text).format(schema=schema) for text in (_PUT, _STARTING))

    def put(self, instruments: Iterable[Instrument]) -> int:
        """Store instruments and return how many were new or other than stored. Of several with one symbol the last counts."""
        given = list({each.symbol: each for each in instruments}.values())
        values = {name: [getattr(each, name) for each in given] for name in _COLUMNS.split(", ")}
        return self._database.write(lambda cursor: cursor.execute(self._put, values).rowcount)

    def starting(self, letters: str) -> tuple[Instrument, ...]:
        """Return the instruments whose symbol begins with these letters, in order."""

        def work(cursor: Cursor) -> tuple[Instrument, ...]:
            rows = cursor.execute(self._starting, {"letters": letters})
            return tuple(Instrument(**{**row, "kind": InstrumentKind(row["kind"])}) for row in rows)

        return self._database.read(work)
