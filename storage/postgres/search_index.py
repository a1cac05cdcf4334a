"""The index for `search`: trigrams of asset and message. It needs the extension pg_trgm of PostgreSQL's contrib package.

Without the index a search reads every signal. It takes longer and finds the same.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from storage.postgres.database import Cursor

__all__ = ["BUILD_DEADLINE_S", "make_search_index", "what_search_lacks"]

#: a million signals take about a minute
BUILD_DEADLINE_S = 600.0
_INDEX = "tp_capital_signals_search"
_STATE = """
select to_regclass(%(index)s) is not null as indexed,
    (select nspname from pg_extension join pg_namespace on pg_namespace.oid = extnamespace
        where extname = 'pg_trgm') as extension_schema,
    exists (select from pg_available_extensions where name = 'pg_trgm') as available
"""
_BUILD = """
create index {index} on {schema}.tp_capital_signals using gin (
    asset {extension_schema}.gin_trgm_ops, raw_message {extension_schema}.gin_trgm_ops)
"""
#: the role lacks a right, the server lacks the extension, or the build takes too long; searches then work without it
_NOT_POSSIBLE = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.UndefinedFile,
    psycopg.errors.FeatureNotSupported,
    psycopg.errors.QueryCanceled,
)


def what_search_lacks(cursor: Cursor, schema: str) -> str | None:
    """Return the remedy for a missing index, or None if it exists."""
    state = _look(cursor, schema)
    if state["indexed"]:
        return None
    if state["extension_schema"] is not None:
        return "run tp-capital migrate as the owner"
    made = "create extension pg_trgm schema public; then run tp-capital migrate as the owner"
    where = "" if state["available"] else "install PostgreSQL's contrib package on the server; then "
    return f"{where}as a superuser: {made}"


def make_search_index(cursor: Cursor, schema: str) -> bool:
    """Create the index, and the extension if it is missing. Return whether the index was created."""
    state = _look(cursor, schema)
    if state["indexed"] or not (state["available"] or state["extension_schema"]):
        return False
    build = sql.SQL(_BUILD).format(
        index=sql.Identifier(_INDEX),
        schema=sql.Identifier(schema),
        extension_schema=sql.Identifier(state["extension_schema"] or "public"),
    )
    try:
        with cursor.connection.transaction():
            cursor.execute(f"set local statement_timeout = '{BUILD_DEADLINE_S:g} s'".encode())
            if state["extension_schema"] is None:
                cursor.execute("create extension pg_trgm schema public")
            cursor.execute(build)
    except _NOT_POSSIBLE:
        return False
    return True


def _look(cursor: Cursor, schema: str) -> dict[str, Any]:
    index = sql.Identifier(schema, _INDEX).as_string()
    row = cursor.execute(_STATE, {"index": index}).fetchone()
    assert row is not None  # noqa: S101 - a select without a table has one row
    return row
