"""PostgreSQL through psycopg_pool: three lanes, every call with a deadline, driver errors made ours.

Nothing here relies on session state: PgBouncer and Neon's pooler hand each transaction another server
connection. No server-side prepared statements, no SET, no LISTEN, no ``options`` at connect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
import structlog
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolTimeout, TooManyRequests

from engine.timers import Timers
from storage.connect_failures import ADDRESS, with_remedy
from storage.deadline import cut_after, shut_down_fd
from storage.errors import (
    DatabaseMisconfiguredError,
    DatabaseUnavailableError,
    RowsRefusedError,
    StorageError,
)

__all__ = ["Cursor", "Database", "PoolStats", "translate"]

T = TypeVar("T")
Cursor = psycopg.Cursor[DictRow]

_log = structlog.get_logger("storage.database")

#: a call past these is cut, in seconds: readers wait for an answer, the writer for a thousand rows
READ_DEADLINE_S = 5.0
WRITE_DEADLINE_S = 15.0
PROBE_DEADLINE_S = 2.0
#: how long to wait for a connection: short, so that an outage is an answer soon
CONNECT_WAIT_S = 2.0
#: connections kept back from readers, for the writer and its neighbours (2) and the probe (1)
KEPT_CONNECTIONS = 3

#: SQLSTATE classes and states that a value of a row can cause (ARCHITECTURE, failure table)
_ROW_STATES = ("21", "22", "23", "53400", "54")
#: the server cannot serve now: connection, read-only standby, rollback, resources, shutdown, system
_TRANSIENT_STATES = ("08", "25006", "25P03", "25P04", "40", "53", "55", "57", "58")
#: with these the server ends our connection: it stops or restarts, or the role's limit on an idle
#: transaction or on a transaction's time was passed
_ENDING_STATES = ("57P0", "25P03", "25P04")


@dataclass(frozen=True, slots=True)
class PoolStats:
    """One lane's connections: open, in the pool unused, and requests waiting for one.

    Since the start: ``requests`` for a connection, of them ``queued`` to wait, together ``waited_s`` seconds, and
    ``refused`` for none was free in time or too many waited already.
    """

    size: int
    available: int
    waiting: int
    maximum: int
    requests: int
    queued: int
    refused: int
    waited_s: float


class Database:
    """The pools of one daemon.

    Reads, writes and the probe have pools of their own, so that readers cannot starve the writer and
    the probe tells the database's state, not the readers' queue.
    """

    def __init__(self, conninfo: str, *, schema: str, pool_max: int, timers: Timers) -> None:
        self.schema = schema
        self._timers = timers
        self._connecting = _ConnectErrors()
        self._lanes = {
            "read": self._pool("read", conninfo, max(1, pool_max - KEPT_CONNECTIONS)),
            "write": self._pool("write", conninfo, KEPT_CONNECTIONS - 1),
            "probe": self._pool("probe", conninfo, 1),
        }

    def open(self) -> None:
        """Start connecting in the background; a database that is down does not hold this up."""
        for pool in self._lanes.values():
            pool.open(wait=False)

    def close(self) -> None:
        """Close all connections. Idempotent."""
        for pool in self._lanes.values():
            pool.close(timeout=1.0)

    def read(self, work: Callable[[Cursor], T]) -> T:
        """Run ``work`` in a transaction of the readers' lane and return what it returns."""
        return self._run("read", work, READ_DEADLINE_S)

    def write(self, work: Callable[[Cursor], T]) -> T:
        """Run ``work`` in a transaction of the writer's lane; it may run twice, so it is idempotent."""
        return self._run("write", work, WRITE_DEADLINE_S)

    def check(self, work: Callable[[Cursor], T]) -> T:
        """Run a short ``work`` on the probe's lane, which nothing else can keep busy."""
        return self._run("probe", work, PROBE_DEADLINE_S)

    def stats(self) -> dict[str, PoolStats]:
        """Return the connection counts by lane."""
        result = {}
        for lane, pool in self._lanes.items():
            stats = pool.get_stats()
            result[lane] = PoolStats(
                size=stats.get("pool_size", 0),
                available=stats.get("pool_available", 0),
                waiting=stats.get("requests_waiting", 0),
                maximum=pool.max_size,
                requests=stats.get("requests_num", 0),
                queued=stats.get("requests_queued", 0),
                refused=stats.get("requests_errors", 0),
                waited_s=stats.get("requests_wait_ms", 0) / 1000,
            )
        return result

    def _run(self, lane: str, work: Callable[[Cursor], T], deadline_s: float) -> T:
        """Run ``work``; after a server restart every pooled connection is stale, so each may fail once."""
        pool = self._lanes[lane]
        for _ in range(pool.max_size):
            try:
                return self._attempt(pool, work, deadline_s)
            except DatabaseUnavailableError as error:
                if not error.connection_lost:
                    raise
        return self._attempt(pool, work, deadline_s)

    def _attempt(
        self,
        pool: ConnectionPool[psycopg.Connection[DictRow]],
        work: Callable[[Cursor], T],
        deadline_s: float,
    ) -> T:
        cut = None
        try:
            with pool.connection(timeout=CONNECT_WAIT_S) as connection:
                fd = connection.fileno()
                # the commit stands inside as well: a frozen server can hang there too
                with (
                    cut_after(self._timers, deadline_s, lambda: shut_down_fd(fd)) as cut,
                    connection.transaction(),
                ):
                    return work(connection.cursor())
        except StorageError:
            raise
        except Exception as error:
            if cut is not None and cut.happened:
                raise DatabaseUnavailableError(
                    f"no answer within {deadline_s:g} s; the connection was cut"
                ) from error
            if isinstance(error, PoolTimeout | TooManyRequests):
                cause = self._connecting.last or "all connections are in use"
                raise DatabaseUnavailableError(
                    f"no connection within {CONNECT_WAIT_S:g} s: {cause}"
                ) from error
            ours = translate(error)
            if ours is None:
                raise
            raise ours from error

    def _pool(self, lane: str, conninfo: str, max_size: int) -> ConnectionPool[psycopg.Connection[DictRow]]:
        kwargs: dict[str, Any] = {"autocommit": True, "prepare_threshold": None, "row_factory": dict_row}
        return ConnectionPool(
            make_conninfo(conninfo, connect_timeout=3, application_name=f"tp-capital {lane}"),
            connection_class=self._connecting.recorder(),
            kwargs=kwargs,
            min_size=1,
            max_size=max_size,
            open=False,
            name=lane,
            timeout=CONNECT_WAIT_S,
            # refuse rather than queue without bound
            max_waiting=200,
            # the pool's own retries double their delay; given up early, the next caller starts a fresh one,
            # so recovery is noticed within seconds however long the outage was
            reconnect_timeout=2.0,
            num_workers=1,
            reconnect_failed=lambda pool: _log.warning("pool.reconnect_failed", lane=pool.name),
        )


def translate(error: Exception, *, setting: str = ADDRESS) -> StorageError | None:
    """Return what a driver error means for us; None when it is none of the driver's, or a bug of ours.

    ``setting`` is where the address is given, for the remedy of a connection that failed.

    The table is ARCHITECTURE's. A NUL byte or a lone surrogate is refused by the driver before the
    server sees it: the first as a DataError without SQLSTATE, the second as an encoding error.
    """
    if isinstance(error, UnicodeEncodeError):
        return RowsRefusedError(f"not encodable: {error.reason}")
    if not isinstance(error, psycopg.Error):
        return None
    state = error.sqlstate
    row = state is not None and state.startswith(_ROW_STATES)
    text = " ".join(_words(error, row=row).split())[:300] or type(error).__name__
    if state is None:
        if isinstance(error, psycopg.DataError):
            return RowsRefusedError(text)
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return DatabaseUnavailableError(
                with_remedy(str(error), setting=setting) or text, connection_lost=True
            )
        return DatabaseMisconfiguredError(text)
    if row:
        return RowsRefusedError(f"{state}: {text}")
    if state.startswith(_TRANSIENT_STATES):
        return DatabaseUnavailableError(f"{state}: {text}", connection_lost=state.startswith(_ENDING_STATES))
    return DatabaseMisconfiguredError(f"{state}: {text}")


def _words(error: psycopg.Error, *, row: bool) -> str:
    """Return what the server said, without the context, which quotes the data: texts do not belong into a log.

    Of a refused row not the detail either: it may hold the whole row.
    """
    said = error.diag
    if said.message_primary is None:
        return str(error)
    more = () if row else (said.message_detail, said.message_hint)
    return ". ".join(part.rstrip(".") for part in (said.message_primary, *more) if part)


class _ConnectErrors:
    """Remembers why the last attempt to connect failed: the pool itself reports only a time-out."""

    def __init__(self) -> None:
        self.last: str | None = None

    def recorder(self) -> type[psycopg.Connection[DictRow]]:
        """Return a connection class that notes its failures here."""
        errors = self

        class Recording(psycopg.Connection[DictRow]):
            @classmethod
            def connect(cls, *args: Any, **kwargs: Any) -> Any:
                try:
                    connection = super().connect(*args, **kwargs)
                except psycopg.Error as error:
                    errors.last = with_remedy(str(error))
                    raise
                errors.last = None
                return connection

        return Recording
