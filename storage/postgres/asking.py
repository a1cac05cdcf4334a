"""One query in one round trip, beside what each transaction asks first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import psycopg
from psycopg import sql
from psycopg.rows import RowFactory

__all__ = ["Asked", "ask_once"]

T = TypeVar("T")

# The join has no condition, so it is a loop over one row, and the rows of the query keep their order.
_ASK = """
select answer.*, server.* from (
    select pg_is_in_recovery() as standby, date_part('epoch', clock_timestamp()) as now) as server
left join lateral (select given.*, true as there from ({query}) as given) as answer on true
"""
#: so many columns stand after those of the query
_BESIDE = 3


class Asked(NamedTuple, Generic[T]):
    """Whether the server is a standby, its time as seconds of the epoch, and the result of the query."""

    standby: bool
    now_s: float
    result: T


def ask_once(
    connection: psycopg.Connection[Any],
    query: sql.Composed,
    values: Mapping[str, object],
    row_factory: RowFactory[T],
) -> Asked[list[T]]:
    """Ask one query on a connection without a transaction."""

    def beside(cursor: psycopg.Cursor[Any]) -> Callable[[Sequence[Any]], tuple[Sequence[Any], T | None]]:
        make = row_factory(cursor)
        # if the query has no row, there is one of nulls, ``there`` among them
        return lambda row: (row[-_BESIDE:], make(row[:-_BESIDE]) if row[-_BESIDE] else None)

    cursor = connection.cursor(row_factory=beside)
    found = cursor.execute(sql.SQL(_ASK).format(query=query), values).fetchall()
    _, standby, now_s = found[0][0]
    return Asked(standby, now_s, [row for _, row in found if row is not None])
