"""Reads the whole list of signals in one consistent state, in parts. No connection is held between two parts.

A reader may take minutes, while signals are added and replaced. So the list is that of one commit: rows of later commits
are left out, rows that later commits replaced are taken from the history, and later events are not told. A status that
has changed since is worked out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from psycopg import sql

from storage.postgres.database import Cursor, Database
from storage.postgres.orders import After
from storage.postgres.page_query import SignalQuery, Window, conditions_of, weeks_of
from storage.postgres.signals import JOIN, LABEL, SIGNAL_COLUMNS, STANDING, Signals

__all__ = ["PART_ROWS", "WholeList"]

#: so many rows are read at once, and are in memory at once
PART_ROWS = 1000
_NUMBER = "select number from {schema}.commits"
# the filters name the table of signals, so the rows of both tables get its name
_PART = """
select part.*, {label}, {standing}
from (select {columns} from (
    select {columns} from {schema}.tp_capital_signals where commit_number <= %(as_of)s
    union all
    select {columns} from {schema}.signals_history
    where commit_number <= %(as_of)s and superseded_by > %(as_of)s) as tp_capital_signals
where {condition} and ts > %(oldest)s
order by ts {way}, id {way} limit %(rows)s) as part
{join} and standing.commit_number <= %(as_of)s
order by part.ts {way}, part.id {way}
"""
# only what has not changed since surely had no other status
_MAY_BE = """not exists (
    select from {{schema}}.signal_standings as standing
    where standing.id = tp_capital_signals.id and standing.ts = tp_capital_signals.ts
        and standing.commit_number <= %(as_of)s and not {condition})"""


class WholeList:
    """Reads whole lists. ``retention`` hides older signals, even if they are still stored."""

    def __init__(self, database: Database, signals: Signals, *, retention: timedelta) -> None:
        self._database = database
        self._signals = signals
        self._schema = schema = sql.Identifier(database.schema)
        self._retention = retention
        self._number = sql.SQL(_NUMBER).format(schema=schema)
        self._fragments = {
            name: sql.SQL(text).format(schema=schema, row=sql.Identifier("part"))
            for name, text in {"label": LABEL, "standing": STANDING, "join": JOIN}.items()
        }

    def parts(self, query: SignalQuery) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of a list in order, as those of :class:`Signals`. ``limit`` of the query is not used.

        Raises:
            StorageError: the database cannot be read. The list ends there.
        """
        now = self._database.now()
        oldest, as_of = now - self._retention, self._database.read(self._newest)
        by_status = query.by_status
        # week by week: a statement over all weeks would take longer to plan than to run, and might take too long
        for week in weeks_of(query, now=now, oldest=oldest):
            full = True
            while full:
                rows = self._database.read(
                    partial(self._part, query=query, week=week, oldest=oldest, as_of=as_of)
                )
                if rows:
                    wanted = [row for row in rows if not by_status or by_status.wants(row)]
                    if wanted:
                        yield wanted
                    # also beyond the week, because an instant may be in two of them
                    query = replace(query, after=After(ts=rows[-1]["ts"], id=rows[-1]["id"]))
                full = len(rows) == PART_ROWS

    def _newest(self, cursor: Cursor) -> int:
        row = cursor.execute(self._number).fetchone()
        assert row is not None  # noqa: S101 - the migration made the only row
        return int(row["number"])

    def _part(
        self, cursor: Cursor, *, query: SignalQuery, week: Window, oldest: datetime, as_of: int
    ) -> list[dict[str, Any]]:
        conditions, values = conditions_of(query, week)
        if by_status := query.by_status:
            conditions.append(_MAY_BE.format(condition=by_status.condition))
            values |= by_status.values
        statement = sql.SQL(_PART).format(
            columns=SIGNAL_COLUMNS,
            schema=self._schema,
            condition=sql.SQL(" and ".join(conditions)).format(schema=self._schema),
            way=sql.SQL("asc" if query.ascending else "desc"),
            **self._fragments,
        )
        values |= {"as_of": as_of, "oldest": oldest, "rows": PART_ROWS}
        rows = cursor.execute(statement, values).fetchall()
        self._signals.add_events(cursor, rows, as_of=as_of)
        for row in rows:
            del row["told"]
        return rows
