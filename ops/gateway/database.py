"""Connections of the gateway: a small pool, a deadline for every call, two kinds of error."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from typing import Any, Self, TypeVar

import psycopg
import structlog
from psycopg import errors, sql
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from storage.postgres.session import settle, steady_conninfo, wrong_encoding

__all__ = ["Connection", "Database", "DatabaseUnavailableError", "RefusedValueError"]

Connection = psycopg.AsyncConnection[DictRow]
T = TypeVar("T")

POOL_MAX = 5
POOL_TIMEOUT_S = 3.0
MAX_WAITING = 500
RECONNECT_TIMEOUT_S = 5.0
CALL_DEADLINE_S = 8.0
SCHEMA_RETRY_S = 1.0
#: any constant will do as long as nobody else in the database uses it
SCHEMA_LOCK = 4010_2026

log = structlog.get_logger("gateway")


class DatabaseUnavailableError(Exception):
    """The database cannot be asked now; the same call may well succeed later."""


class RefusedValueError(Exception):
    """The database does not take a value of the call; it never will."""


class Database:
    """Run units of work on pooled connections.

    Connections are in autocommit and keep no session state, so a pooler in transaction mode may
    stand between. ``announced`` logs when the database is lost and reached. All work given to :meth:`run` must be idempotent: it is done again on another
    connection when the first one turns out to be broken (the server was restarted).
    """

    def __init__(self, database_url: str, *, announced: bool = True) -> None:
        self._announced = announced
        self._refusal: str | None = None
        self._database_url = database_url
        self._pool = self._make_pool()
        self._asking = 0
        self._sockets: set[int] = set()
        self._reachable: bool | None = None
        self._schema_ready = asyncio.Event()
        self._schema_lost = asyncio.Event()
        self._reconciler: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Open the pool and keep the schema in place; a database that is down is waited for."""
        await self._pool.open(wait=False)
        self._reconciler = asyncio.create_task(self._keep_schema())
        with suppress(TimeoutError):
            async with asyncio.timeout(POOL_TIMEOUT_S + 1):
                await self._schema_ready.wait()

    async def open_now(self) -> None:
        """Open the pool alone, for a tool that reports an outage instead of waiting."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Stop, cutting calls that hang."""
        if self._reconciler is not None:
            self._reconciler.cancel()
        for fd in tuple(self._sockets):
            _shut(fd)
        if self._reconciler is not None:
            with suppress(asyncio.CancelledError):
                await self._reconciler
        await self._pool.close(timeout=2.0)

    async def run(
        self, work: Callable[[Connection], Awaitable[T]], *, deadline_s: float = CALL_DEADLINE_S
    ) -> T:
        """Return what ``work`` makes of a connection.

        Raises:
            DatabaseUnavailableError: no connection, a lost one, a deadline, a missing table or right.
            RefusedValueError: a value that the database does not take.
        """
        # After a restart of the server every pooled connection is broken, each found by its use.
        for _ in range(POOL_MAX + 1):
            pool = self._pool
            self._asking += 1
            try:
                async with pool.connection() as conn:
                    with self._cut_after(conn, deadline_s) as cut:
                        result = await work(conn)
            except (PoolTimeout, TooManyRequests, PoolClosed) as exc:
                await self._renew(pool, exc)
                raise self._lost(exc, why=self._refusal) from exc
            except (psycopg.DataError, errors.CheckViolation, UnicodeEncodeError) as exc:
                raise RefusedValueError(str(exc).partition("\n")[0]) from exc
            except psycopg.Error as exc:
                self._note_schema(exc)
                if conn.closed and not cut.is_set():
                    continue
                if cut.is_set():
                    await pool.drain()  # the others lead to the same silent peer
                raise self._lost(exc) from exc
            finally:
                self._asking -= 1
            self._refusal = None
            if self._reachable is not True:
                self._reachable = True
                if self._announced:
                    log.info("database.reached")
            return result
        raise self._lost(ConnectionError("every pooled connection is broken"))

    async def apply_schema(self, *, again: bool = False) -> None:
        """Create what is missing, or everything once more. Safe to run twice at once.

        The fingerprint in the table's comment spares a schema that is up to date the statements,
        which need the owner's rights and wait for open transactions of writers.
        """
        ddl = files(__package__).joinpath("schema.sql").read_text(encoding="utf-8")
        fingerprint = "schema " + hashlib.sha256(ddl.encode()).hexdigest()[:16]

        async def apply(conn: Connection) -> None:
            async with conn.transaction():
                await conn.execute("SELECT pg_advisory_xact_lock(%s)", (SCHEMA_LOCK,))
                cursor = await conn.execute(
                    "SELECT obj_description(to_regclass('telegram_gateway.messages'), 'pg_class') AS found"
                )
                row = await cursor.fetchone()
                if row and row["found"] == fingerprint and not again:
                    return
                # an index on an existing table waits for its writers: rather try again
                await conn.execute("SET LOCAL lock_timeout = '5s'")
                await conn.cursor().execute(ddl.encode(), binary=False)
                comment = sql.SQL("COMMENT ON TABLE telegram_gateway.messages IS {}")
                await conn.execute(comment.format(sql.Literal(fingerprint)))

        await self.run(apply)

    async def _keep_schema(self) -> None:
        """Apply the schema as soon as the database can be reached, and again if it was lost."""
        while True:
            self._schema_lost.clear()
            try:
                await self.apply_schema(again=self._schema_ready.is_set())
            except (DatabaseUnavailableError, RefusedValueError):
                await asyncio.sleep(SCHEMA_RETRY_S)
                continue
            self._schema_ready.set()
            await self._schema_lost.wait()

    def _note_schema(self, exc: psycopg.Error) -> None:
        if isinstance(exc, errors.UndefinedTable | errors.UndefinedColumn | errors.InvalidSchemaName):
            self._schema_lost.set()

    def _make_pool(self) -> AsyncConnectionPool[Connection]:
        return AsyncConnectionPool(
            steady_conninfo(self._database_url),
            connection_class=self._noting(),
            open=False,
            min_size=1,
            max_size=POOL_MAX,
            timeout=POOL_TIMEOUT_S,
            reconnect_timeout=RECONNECT_TIMEOUT_S,
            max_waiting=MAX_WAITING,
            kwargs={
                "autocommit": True,
                "prepare_threshold": None,
                "connect_timeout": 3,
                "row_factory": dict_row,
                "application_name": "tp-capital-gateway",
            },
        )

    async def _renew(self, full: AsyncConnectionPool[Connection], why: Exception) -> None:
        """Replace a pool whose queue holds callers that have given up: full of them it refuses and never connects."""
        if not isinstance(why, TooManyRequests) or self._pool is not full or self._asking >= MAX_WAITING:
            return
        self._pool = self._make_pool()
        await self._pool.open(wait=False)
        await full.close(timeout=POOL_TIMEOUT_S)

    def _noting(self) -> type[Connection]:
        """Return a connection class that notes why connecting fails: a pool's timeout does not say."""

        class Noting(Connection):
            @classmethod
            async def connect(cls, *args: Any, **kwargs: Any) -> Self:
                try:
                    connection = await super().connect(*args, **kwargs)
                    if wrong := wrong_encoding(connection):
                        await connection.close()
                        raise psycopg.OperationalError(wrong)
                except psycopg.Error as exc:
                    self._refusal = _first_line(exc)
                    raise
                settle(connection)
                return connection

        return Noting

    def _lost(self, cause: Exception, *, why: str | None = None) -> DatabaseUnavailableError:
        # libpq's words name host, port and user, never the password
        text = why or _first_line(cause)
        if self._reachable is not False:
            self._reachable = False
            if self._announced:
                log.error("database.lost", error=type(cause).__name__, cause=text)
        return DatabaseUnavailableError(text)

    @contextmanager
    def _cut_after(self, conn: Connection, deadline_s: float) -> Iterator[asyncio.Event]:
        """Shut the socket of ``conn`` after ``deadline_s``.

        Cancelling would ask the server first, and keep-alives do not notice a frozen one.
        """
        cut = asyncio.Event()
        fd = conn.fileno()

        def shut() -> None:
            cut.set()
            _shut(fd)

        self._sockets.add(fd)
        timer = asyncio.get_running_loop().call_later(deadline_s, shut)
        try:
            yield cut
        finally:
            timer.cancel()
            self._sockets.discard(fd)


def _first_line(exc: Exception) -> str:
    return str(exc).strip().partition("\n")[0]


def _shut(fd: int) -> None:
    with suppress(OSError), socket.socket(fileno=os.dup(fd)) as duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)
