"""Commit numbers: each writing transaction draws the next one.

A number is an instant in milliseconds, or one more than the number before if that is greater. So a database that was
set back, by a restore or by a failover that lost commits, does not give out the lost numbers again: pages that were
kept under them are never shown, and a stream that has read them misses no later commit.
"""

from __future__ import annotations

import functools

from psycopg import sql

from storage.postgres.database import Cursor

__all__ = ["draw_number"]

# Late rows may belong in compressed chunks, where TimescaleDB decompresses a thousand rows for each of ours. Its limit
# would always refuse such a batch. The setting lifts the limit for this transaction. Other servers ignore it.
_DRAW = """
update {schema}.commits set number = greatest(number + 1, (extract(epoch from clock_timestamp()) * 1000)::bigint)
returning number, set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true)
"""


def draw_number(cursor: Cursor, schema: str) -> int:
    """Return a number for the caller's transaction. Until its end, no other transaction that draws a number runs."""
    row = cursor.execute(_statement(schema)).fetchone()
    assert row is not None  # noqa: S101 - the migration wrote the row
    return int(row["number"])


@functools.cache
def _statement(schema: str) -> sql.Composed:
    return sql.SQL(_DRAW).format(schema=sql.Identifier(schema))
