"""The gateway's database: the engine's client, and a schema of its own that is kept in place."""

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
#: any constant will do as long as nobody else in the database uses it
SCHEMA_LOCK = 4010_2026


@contextmanager
def open_database(database_url: str) -> Iterator[Database]:
    """Give the client; it connects when it is first asked. In the end, calls that hang are cut."""
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


def apply_schema(database: Database, *, again: bool = False) -> None:
    """Create what is missing, or everything once more. Safe to run twice at once.

    The fingerprint in the table's comment spares a schema that is up to date the statements,
    which need the owner's rights and wait for open transactions of writers.

    Raises:
        StorageError: it cannot be done now.
    """
    ddl = files(__package__).joinpath("schema.sql").read_text(encoding="utf-8")
    fingerprint = "schema " + hashlib.sha256(ddl.encode()).hexdigest()[:16]

    def apply(cursor: Cursor) -> None:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (SCHEMA_LOCK,))
        cursor.execute(
            "SELECT obj_description(to_regclass('telegram_gateway.messages'), 'pg_class') AS found"
        )
        row = cursor.fetchone()
        if row and row["found"] == fingerprint and not again:
            return
        # an index on an existing table waits for its writers: rather try again
        cursor.execute("SET LOCAL lock_timeout = '5s'")
        cursor.execute(ddl.encode(), binary=False)
        comment = sql.SQL("COMMENT ON TABLE telegram_gateway.messages IS {}")
        cursor.execute(comment.format(sql.Literal(fingerprint)))

    database.write(apply)


def lacks_schema(error: StorageError) -> bool:
    """Return whether a call failed because a part of the schema is missing."""
    missing = errors.UndefinedTable | errors.UndefinedColumn | errors.InvalidSchemaName
    return isinstance(error.__cause__, missing)
