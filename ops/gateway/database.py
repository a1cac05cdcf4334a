"""The gateway's database: the engine's client, and the gateway's own schema."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

from psycopg import errors, sql

from engine.timers import TimerThread
from storage.errors import StorageError
from storage.postgres.database import Cursor, Database

__all__ = ["URL_SETTING", "apply_schema", "lacks_schema", "open_database"]

URL_SETTING = "TELEGRAM_GATEWAY_DATABASE_URL"
SCHEMA = "telegram_gateway"
#: five for readers, two for writers, one for the probe
POOL_MAX = 8
#: any constant that nobody else in the database uses
SCHEMA_LOCK = 4010_2026
_NO_OUTBOX = """
    DROP TRIGGER IF EXISTS messages_new_to_outbox ON telegram_gateway.messages;
    DROP TRIGGER IF EXISTS messages_edit_to_outbox ON telegram_gateway.messages;
    DROP TABLE telegram_gateway.outbox"""


@contextmanager
def open_database(database_url: str) -> Iterator[Database]:
    """Yield the client. It connects at the first call. At the end, hanging calls are cut."""
    timers = TimerThread()
    database = Database(
        database_url,
        schema=SCHEMA,
        pool_max=POOL_MAX,
        timers=timers,
        application="tp-capital-gateway",
        setting=URL_SETTING,
    )
    try:
        yield database
    finally:
        database.close()
        timers.close()


def apply_schema(database: Database, *, again: bool = False, outbox: bool | None = None) -> None:
    """Create or update the schema. Two runs at the same time are safe.

    ``outbox``: whether messages are written to the outbox from now on; None leaves that as it is. A gateway without a
    broker removes the outbox, because nothing would empty it.

    The statements need the owner's rights and wait for open transactions of writers. The table's comment holds a
    fingerprint of the schema, and if it matches, they are skipped.

    Raises:
        StorageError: the database cannot do it now.
    """

    def apply(cursor: Cursor) -> None:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (SCHEMA_LOCK,))
        # an index or a trigger on an existing table waits for its writers; a later attempt is better than a long wait
        cursor.execute("SET LOCAL lock_timeout = '5s'")
        _apply_once(cursor, "messages", "schema.sql", again=again)
        if outbox:
            _apply_once(cursor, "outbox", "outbox.sql", again=again)
        elif outbox is False and _comment_of(cursor, "outbox") is not None:
            cursor.execute(_NO_OUTBOX, binary=False)

    database.write(apply)


def _apply_once(cursor: Cursor, table: str, file: str, *, again: bool) -> None:
    ddl = files(__package__).joinpath(file).read_text(encoding="utf-8")
    fingerprint = "schema " + hashlib.sha256(ddl.encode()).hexdigest()[:16]
    if _comment_of(cursor, table) == fingerprint and not again:
        return
    cursor.execute(ddl.encode(), binary=False)
    comment = sql.SQL("COMMENT ON TABLE {} IS {}")
    cursor.execute(comment.format(sql.Identifier(SCHEMA, table), sql.Literal(fingerprint)))


def _comment_of(cursor: Cursor, table: str) -> str | None:
    """Return the comment of a table of ours, or None when there is no such table or no comment."""
    (row,) = cursor.execute(
        "SELECT obj_description(to_regclass(%s), 'pg_class') AS found", (f"{SCHEMA}.{table}",)
    ).fetchall()
    found: str | None = row["found"]
    return found


def lacks_schema(error: StorageError) -> bool:
    """Return whether a call failed because a part of the schema is missing."""
    missing = errors.UndefinedTable | errors.UndefinedColumn | errors.InvalidSchemaName
    return isinstance(error.__cause__, missing)
