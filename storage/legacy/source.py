"""The former service's table. It is read in the order of its keys and never changed.

Every statement is a read-only transaction of its own, so it also works through a pooler.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row

from engine.timers import Timers
from storage.deadline import cut_after, shut_down_fd
from storage.errors import DatabaseMisconfiguredError, StorageError
from storage.legacy.rows import NUMBER, OPTIONAL, PRICES, REQUIRED
from storage.postgres.driver_errors import translate
from storage.postgres.session import settle, steady_conninfo

__all__ = ["TABLE_NAME", "LegacySource", "LegacyTableError", "OldTotals"]

#: the name of the old table; its schema is searched for
TABLE_NAME = "tp_capital_signals"
#: counting and summing a large table takes long; after this time the server counts as hung
_DEADLINE_S = 120.0

_FIND = """
select nspname as schema, relname as name from pg_class join pg_namespace on pg_namespace.oid = relnamespace
where relkind in ('r', 'p', 'v', 'm', 'f') and case
    when %(table)s::text is null then relname = %(name)s and exists (
        select from pg_attribute where attrelid = pg_class.oid and attname = 'target_1' and not attisdropped)
    else pg_class.oid = to_regclass(%(table)s::text) end
order by 1
"""
_COLUMNS = """
select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute
where attrelid = to_regclass(%(table)s) and attnum > 0 and not attisdropped
"""
_PAGE = """
select to_jsonb(page)::text as original from (
    select {columns} from {table}
    where %(after)s::text is null or id {operator} %(after)s::text::{key_type} order by id limit %(limit)s) as page
order by id
"""
_KEYS = "select count(*) as rows, count(id) as keys, count(distinct id) as different from {table}"
_COUNT = "select count(*) as rows from {table}"
_CHANNELS = "select distinct channel from {table} where asset is distinct from '__checkpoint__' order by 1"
# through JSON: the digits as a float was written, not its binary value
_SUM = (
    f"sum(case when to_jsonb({{column}})#>>'{{{{}}}}' ~ '{NUMBER}' then (to_jsonb({{column}})#>>'{{{{}}}}')::numeric end)"
    " as {column}"
)


@dataclass(frozen=True, slots=True)
class OldTotals:
    """The number of rows of the old table, and the exact sum of each column of prices."""

    rows: int
    sums: Mapping[str, Decimal]


class LegacyTableError(StorageError):
    """The table does not exist, or it is no table of the former service."""


class LegacySource:
    """One old table. ``table`` is its name, with its schema if needed. With None it is searched for.

    Raises:
        LegacyTableError: :meth:`open` found a problem with the table.
        StorageError: the server cannot be read; any method may raise it.
    """

    def __init__(self, conninfo: str, *, table: str | None, timers: Timers) -> None:
        self._conninfo = conninfo
        self._wanted = table
        self._timers = timers
        self._connection: psycopg.Connection[DictRow] | None = None
        self._table = sql.Identifier(TABLE_NAME)
        self._columns: Sequence[str] = ()
        self._key_type: sql.Composable = sql.SQL("text")
        #: the table with its schema, for people
        self.name = table or TABLE_NAME

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Connect, find the table, and check that it can be read in the order of its keys."""
        timeout = conninfo_to_dict(self._conninfo).get("connect_timeout", 5)
        conninfo = make_conninfo(
            steady_conninfo(self._conninfo),
            connect_timeout=timeout,
            application_name="tp-capital migrate-data",
        )
        try:
            self._connection = psycopg.Connection[DictRow].connect(
                conninfo, prepare_threshold=None, row_factory=dict_row
            )
        except psycopg.Error as error:
            raise translate(error, setting="--from") or error from error
        settle(self._connection)
        self._connection.read_only = True
        self._find()
        self._check_columns()
        self._check_keys()

    def close(self) -> None:
        """Close the connection. Idempotent."""
        if self._connection is not None:
            self._connection.close()

    def page(self, after: str | None, *, size: int, again: bool) -> list[str]:
        """Return the rows after the row ``after`` as JSON, in the order of their keys. None begins at the start.

        With ``again`` the row ``after`` itself comes first.
        """
        statement = sql.SQL(_PAGE).format(
            columns=sql.SQL(", ").join(sql.Identifier(name) for name in self._columns),
            table=self._table,
            operator=sql.SQL(">=" if again else ">"),
            key_type=self._key_type,
        )
        return [row["original"] for row in self._ask(statement, {"after": after, "limit": size})]

    def count(self) -> int:
        """Return the present number of rows."""
        (row,) = self._ask(sql.SQL(_COUNT).format(table=self._table))
        return int(row["rows"])

    def totals(self) -> OldTotals:
        """Return the count and the sums of all rows."""
        columns = [sql.SQL(_SUM).format(column=sql.Identifier(name)) for name in PRICES]
        statement = sql.SQL("select count(*) as rows, {} from {}").format(
            sql.SQL(", ").join(columns), self._table
        )
        (row,) = self._ask(statement)
        return OldTotals(int(row["rows"]), {name: row[name] or Decimal(0) for name in PRICES})

    def channels(self) -> tuple[str, ...]:
        """Return the channels in the rows."""
        rows = self._ask(sql.SQL(_CHANNELS).format(table=self._table))
        return tuple(str(row["channel"]) for row in rows if row["channel"] is not None)

    # ── the table ────────────────────────────────────────────────────────────

    def _find(self) -> None:
        try:
            found = self._ask(sql.SQL(_FIND), {"table": self._wanted, "name": TABLE_NAME})
        except DatabaseMisconfiguredError as error:
            raise LegacyTableError(f"--table {self._wanted}: no table's name: {error}") from error
        if not found and self._wanted:
            raise LegacyTableError(f"--table {self._wanted}: there is no such table in that database")
        if not found:
            raise LegacyTableError(
                f"that database has no table {TABLE_NAME} of the former service; "
                "name it with --table SCHEMA.TABLE"
            )
        names = [sql.Identifier(row["schema"], row["name"]) for row in found]
        if len(names) > 1:
            choice = ", ".join(name.as_string(None) for name in names)
            raise LegacyTableError(f"there are several such tables, choose one with --table: {choice}")
        self._table = names[0]
        self.name = f"{found[0]['schema']}.{found[0]['name']}"

    def _check_columns(self) -> None:
        rows = self._ask(sql.SQL(_COLUMNS), {"table": self._table.as_string(None)})
        types = {row["name"]: row["type"] for row in rows}
        if {"message_id", "position", "targets"} <= types.keys():
            raise LegacyTableError(
                f"{self.name} is a table of this version, not the former service's: the table that is read "
                "and the one that is written must be two"
            )
        if missing := [name for name in REQUIRED if name not in types]:
            raise LegacyTableError(f"{self.name} lacks the columns {', '.join(missing)}")
        self._columns = [*REQUIRED, *(name for name in OPTIONAL if name in types)]
        # as the server writes it, with quotes if needed
        self._key_type = sql.SQL(types["id"])

    def _check_keys(self) -> None:
        (row,) = self._ask(sql.SQL(_KEYS).format(table=self._table))
        if not row["rows"] == row["keys"] == row["different"]:
            raise LegacyTableError(
                f"the column id of {self.name} is no key: {row['rows']} rows, {row['different']} different ids"
            )

    def _ask(
        self, statement: sql.SQL | sql.Composed, values: Mapping[str, Any] | None = None
    ) -> Sequence[DictRow]:
        assert self._connection is not None  # noqa: S101 - opened first
        fd = self._connection.fileno()
        try:
            with (
                cut_after(self._timers, _DEADLINE_S, lambda: shut_down_fd(fd)),
                self._connection.transaction(),
            ):
                # this setting decides the digits of a float in JSON
                self._connection.execute("select set_config('extra_float_digits', '1', true)")
                return self._connection.execute(statement, values or {}).fetchall()
        except psycopg.Error as error:
            raise translate(error) or error from error
