"""Commit numbers: each writing transaction draws the next one.

A number is an instant in milliseconds, or one more than the number before if that is greater. So a database that was
set back, by a restore or by a failover that lost commits, does not give out the lost numbers again: pages that were
kept under them are never shown, and a stream that has read them misses no later commit.

The instant of a commit is read from its number. So it is later than that of each commit before, also when the server's
clock was set back or a server with a slower clock took over.
"""

from __future__ import annotations

import functools
from typing import Final, NamedTuple

from psycopg import sql

from storage.postgres.database import Cursor

__all__ = ["COMMIT_INSTANT", "Drawn", "draw_number"]

# Late rows may belong in compressed chunks, where TimescaleDB decompresses a thousand rows for each of ours. Its limit
# would always refuse such a batch. The setting lifts the limit for this transaction. Other servers ignore it.
_DRAW = """
select number from {schema}.commits for update;
update {schema}.commits set number = greatest(number + 1, (extract(epoch from clock_timestamp()) * 1000)::bigint)
returning number, set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true)
"""
#: the instant of the commit with the parameter ``number``; null without one
COMMIT_INSTANT: Final = sql.SQL("to_timestamp(%(number)s::bigint / 1000.0)")


class Drawn(NamedTuple):
    """The number of a transaction, and that of the last commit before it."""

    number: int
    after: int


def draw_number(cursor: Cursor, schema: str) -> Drawn:
    """Return a number for the caller's transaction. Until its end, no other transaction that draws a number runs."""
    last = cursor.execute(_statement(schema), binary=False).fetchone()
    cursor.nextset()
    row = cursor.fetchone()
    assert last is not None  # noqa: S101 - the migration wrote the row
    assert row is not None  # noqa: S101 - it is locked
    return Drawn(number=int(row["number"]), after=int(last["number"]))


@functools.cache
def _statement(schema: str) -> sql.Composed:
    return sql.SQL(_DRAW).format(schema=sql.Identifier(schema))
