"""The table of bars: what the market traded for, from files of the exchange, terminals and quote services."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql
from psycopg.rows import kwargs_row, scalar_row

from engine.bars import Bar, BarSource, Interval
from storage.postgres.database import Cursor, Database

__all__ = ["BarChange", "Bars", "BarsPut", "StoredSymbol"]


_COLUMNS = "symbol, interval, opened_at, closed_at, open, high, low, close, volume, distribution"
_VALUES = "closed_at, open, high, low, close, volume, distribution"
# The stored rows are read first: a file that is imported again then locks and writes nothing. Rows are written in the order
# of their keys, so that two imports at once wait for each other instead of ending in a deadlock.
_PUT = f"""
with given as materialized (
    select * from unnest(%(symbol)s::text[], %(interval)s::text[], %(opened_at)s::timestamptz[],
        %(closed_at)s::timestamptz[], %(open)s::numeric[], %(high)s::numeric[], %(low)s::numeric[], %(close)s::numeric[],
        %(volume)s::bigint[], %(distribution)s::integer[]) as given ({_COLUMNS})
), news as materialized (
    select given.*, stored.symbol is null as added,
        array_position(%(ranks)s::text[], stored.source) < array_position(%(ranks)s, %(source)s::text) as outranked
    from given left join {{schema}}.bars as stored using (symbol, interval, opened_at)
    where stored.symbol is null or stored.source <> %(source)s
        or (stored.closed_at, stored.open, stored.high, stored.low, stored.close, stored.volume, stored.distribution)
            is distinct from
            (given.closed_at, given.open, given.high, given.low, given.close, given.volume, given.distribution)
), written as (
    insert into {{schema}}.bars ({_COLUMNS}, source)
    select {_COLUMNS}, %(source)s from news where outranked is not true order by symbol, interval, opened_at
    on conflict (symbol, interval, opened_at) do update
        set ({_VALUES}, source) = row ({", ".join(f"excluded.{name}" for name in _VALUES.split(", "))}, excluded.source)
    returning symbol, opened_at
), told as (
    insert into {{schema}}.bar_changes as known (symbol, since)
    select symbol, min(opened_at) from written group by symbol order by symbol
    on conflict (symbol) do update set since = least(known.since, excluded.since), number = excluded.number
)
select count(*) filter (where added) as added,
    count(*) filter (where not added and outranked is not true) as changed,
    count(*) filter (where outranked) as outranked
from news
"""  # noqa: S608 - our own column lists
_OF = f"""
select {_COLUMNS} from {{schema}}.bars
where symbol = %(symbol)s and interval = any(%(intervals)s) and opened_at >= %(since)s and opened_at < %(until)s
order by opened_at, closed_at
"""  # noqa: S608 - our own column list
_NEWEST = f"""
select bar.* from unnest(%(intervals)s::text[]) as wanted (name), lateral (
    select {_COLUMNS} from {{schema}}.bars
    where symbol = %(symbol)s and interval = wanted.name order by opened_at desc limit 1) as bar
"""  # noqa: S608 - our own column list
_NEWEST_CLOSE = """
select max(bar.closed_at) from unnest(%(intervals)s::text[]) as wanted (name), lateral (
    select closed_at from {schema}.bars where interval = wanted.name order by opened_at desc limit 1) as bar
"""
_CHANGES = "select symbol, since, number from {schema}.bar_changes order by number limit %(limit)s"
_TOUCH = """
insert into {schema}.bar_changes (symbol, since) select symbol, now() from unnest(%(symbols)s::text[]) as symbol
on conflict (symbol) do nothing
"""
_SETTLE = """
delete from {schema}.bar_changes using unnest(%(symbols)s::text[], %(numbers)s::bigint[]) as done (symbol, number)
where bar_changes.symbol = done.symbol and bar_changes.number = done.number
"""
_SYMBOLS = """
select symbol, interval, count(*) as bars, min(opened_at) as first, max(closed_at) as last,
    array_agg(distinct source) as sources
from {schema}.bars where symbol = %(symbol)s group by symbol, interval
order by max(closed_at) - min(opened_at), interval
"""
_FORGET = """
delete from {schema}.bars where ctid = any(array(
    select ctid from {schema}.bars where interval = %(interval)s and opened_at < %(before)s limit %(limit)s))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BarsPut:
    """How many of the given bars were new, were other than stored, came from a lesser source, or changed nothing."""

    added: int = 0
    changed: int = 0
    outranked: int = 0
    unchanged: int = 0

    def __add__(self, other: BarsPut) -> BarsPut:
        """Return both together."""
        return BarsPut(
            added=self.added + other.added,
            changed=self.changed + other.changed,
            outranked=self.outranked + other.outranked,
            unchanged=self.unchanged + other.unchanged,
        )


@dataclass(frozen=True, slots=True)
class BarChange:
    """Bars of ``symbol`` were added or changed; the first of them opened at ``since``."""

    symbol: str
    since: datetime
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSymbol:
    """What is stored of a symbol in one interval."""

    symbol: str
    interval: Interval
    bars: int
    first: datetime
    last: datetime
    sources: Sequence[str]


class Bars:
    """The table of bars. All calls may raise ``StorageError``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        schema = sql.Identifier(database.schema)
        self._sql = {
            name: sql.SQL(text).format(schema=schema)
            for name, text in {
                "put": _PUT,
                "of": _OF,
                "newest": _NEWEST,
                "newest_close": _NEWEST_CLOSE,
                "changes": _CHANGES,
                "settle": _SETTLE,
                "touch": _TOUCH,
                "symbols": _SYMBOLS,
                "forget": _FORGET,
            }.items()
        }

    def put(self, bars: Iterable[Bar], *, source: BarSource) -> BarsPut:
        """Store bars, a few thousand at a time. Of several with the same symbol, interval and opening the last counts.

        The same bars again change nothing.
        """
        given = list({(bar.symbol, bar.interval, bar.opened_at): bar for bar in bars}.values())
        values: dict[str, Any] = {
            name: [getattr(bar, name) for bar in given] for name in _COLUMNS.split(", ")
        }
        values |= {"source": source, "ranks": list(BarSource)}

        def work(cursor: Cursor) -> BarsPut:
            row = cursor.execute(self._sql["put"], values).fetchone()
            assert row is not None  # noqa: S101 - a count returns its row
            return BarsPut(**row, unchanged=len(given) - sum(row.values()))

        return self._database.write(work)

    def of(
        self, symbol: str, intervals: Collection[Interval], since: datetime, until: datetime
    ) -> tuple[Bar, ...]:
        """Return the bars that opened from ``since`` to before ``until``, in order; shorter ones first."""
        values = {"symbol": symbol, "intervals": list(intervals), "since": since, "until": until}
        return tuple(self._database.read(lambda cursor: self._bars(cursor, "of", values)))

    def newest(self, symbol: str) -> dict[Interval, Bar]:
        """Return the newest bar of each interval that the symbol has."""
        values = {"symbol": symbol, "intervals": list(Interval)}
        found = self._database.read(lambda cursor: self._bars(cursor, "newest", values))
        return {bar.interval: bar for bar in found}

    def newest_close(self) -> datetime | None:
        """Return when the newest bar of all closed, None without any."""
        values = {"intervals": list(Interval)}
        # a row of nothing but null is no answer
        found: list[datetime] = self._database.ask(self._sql["newest_close"], values, scalar_row, quick=True)
        return found[0] if found else None

    def changes(self, *, limit: int) -> tuple[BarChange, ...]:
        """Return symbols whose bars have changed since they were last settled, the longest unsettled first."""

        def work(cursor: Cursor) -> tuple[BarChange, ...]:
            return tuple(BarChange(**row) for row in cursor.execute(self._sql["changes"], {"limit": limit}))

        return self._database.read(work)

    def settle(self, changes: Sequence[BarChange]) -> None:
        """Say that these changes were dealt with. A symbol that has changed meanwhile stays among the changes."""
        values = {"symbols": [each.symbol for each in changes], "numbers": [each.number for each in changes]}
        self._database.write(lambda cursor: cursor.execute(self._sql["settle"], values))

    def touch(self, symbols: Sequence[str]) -> None:
        """Put symbols among the changes, though their bars are the same."""
        if symbols:
            values = {"symbols": list(symbols)}
            self._database.write(lambda cursor: cursor.execute(self._sql["touch"], values))

    def stored(self, symbol: str) -> tuple[StoredSymbol, ...]:
        """Return what is stored of a symbol, by interval."""

        def work(cursor: Cursor) -> tuple[StoredSymbol, ...]:
            rows = cursor.execute(self._sql["symbols"], {"symbol": symbol})
            return tuple(StoredSymbol(**{**row, "interval": Interval(row["interval"])}) for row in rows)

        return self._database.read(work)

    def forget(self, interval: Interval, *, before: datetime, limit: int) -> int:
        """Delete up to ``limit`` bars that opened before an instant. Return how many there were."""
        values = {"interval": interval, "before": before, "limit": limit}
        return self._database.write(lambda cursor: cursor.execute(self._sql["forget"], values).rowcount)

    def _bars(self, cursor: Cursor, name: str, values: Mapping[str, object]) -> list[Bar]:
        with cursor.connection.cursor(row_factory=kwargs_row(_bar)) as rows:
            return rows.execute(self._sql[name], values).fetchall()


def _bar(**row: Any) -> Bar:
    return Bar(**{**row, "interval": Interval(row["interval"])})
