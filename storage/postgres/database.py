"""PostgreSQL: three pools of connections, a deadline for every call, and our errors in place of the driver's.

Nothing here relies on session state, because PgBouncer and Neon's pooler give each transaction another server
connection. No server-side prepared statements, no SET, no LISTEN, no ``options`` at connect. So each
transaction, and each query without one, asks what its server is. A connection to a standby is given up at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, TypeVar

import psycopg
import psycopg.errors
import structlog
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, RowFactory

from engine.clock import Clock, DatabaseClock, SystemClock
from engine.timers import Timers
from storage.deadline import Deadline, cut_after, shut_down_fd
from storage.errors import DatabaseMisconfiguredError, DatabaseUnavailableError, StorageError
from storage.postgres.asking import Asked, ask_once
from storage.postgres.connect_failures import ADDRESS, with_remedy
from storage.postgres.driver_errors import translate
from storage.postgres.pool import Pool, PoolBusyError, PoolStats
from storage.postgres.stock import PooledConnection

__all__ = ["Cursor", "Database"]

T = TypeVar("T")
Cursor = psycopg.Cursor[DictRow]
#: asks one query without a transaction
AtOnce = Callable[[PooledConnection], Asked[T]]

_log = structlog.get_logger("storage.postgres.database")

#: a longer call is cut: a reader waits for an answer, and the writer writes a thousand rows
READ_DEADLINE_S = 5.0
WRITE_DEADLINE_S = 8.0
PROBE_DEADLINE_S = 2.0
#: how long to wait for a connection; short, so that an outage is answered soon
CONNECT_WAIT_S = 2.0
#: the first statement is trivial, so without an answer in this time the peer is gone or frozen
BEGIN_DEADLINE_S = 2.0
#: how long no query is asked without a transaction after one took BEGIN_DEADLINE_S
SLOW_S = 60.0
#: the limit of an attempt to connect, for each address of the host
CONNECT_TIMEOUT_S = 3
#: the attempts of a call when connections break or a standby answers; behind a pooler, each attempt replaces only
#: one server connection
ATTEMPTS = 3
#: connections that readers do not get: two for the writer's pool, one for the probe
KEPT_CONNECTIONS = 3

STANDBY: Final = (
    "25006: the server is a standby (in recovery) and takes no writes; the host name, or the pooler's, has to lead"
    " to the primary"
)

#: A client that waits longer between two statements is frozen or gone, and others wait for its locks. The limit is
#: shorter than the writer's deadline, so another daemon that waits for the lock gets it within the same call. It is
#: set for each transaction, because a role may have no limit. A shorter limit of the role stays.
IDLE_LIMIT_S = 4
#: one round trip; the instant is a number, so no setting of a role changes its form
_BEGIN = f"""
begin isolation level read committed;
select pg_is_in_recovery() as standby, extract(epoch from clock_timestamp()) as now,
    case when current_setting('idle_in_transaction_session_timeout')::interval not between '1 ms' and '{IDLE_LIMIT_S} s'
    then set_config('idle_in_transaction_session_timeout', '{IDLE_LIMIT_S}s', true) end
""".encode()  # noqa: S608 - a number of ours
#: the kernel gives up a peer that acknowledges nothing; the last limit is in milliseconds
_TCP = {"keepalives_idle": 5, "keepalives_interval": 1, "keepalives_count": 3, "tcp_user_timeout": 6000}


class Database:
    """The connections of one daemon. ``clock`` follows the database's clock by its last transactions.

    Reads, writes and the probe have their own pools. So readers cannot starve the writer, and the probe measures the
    database and not the queue of the readers. The server shows ``application`` as the name of the connections.
    ``setting`` is the setting that holds the address, for remedies.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        schema: str,
        pool_max: int,
        timers: Timers,
        clock: Clock | None = None,
        application: str = "tp-capital",
        setting: str = ADDRESS,
    ) -> None:
        self.schema = schema
        self._timers = timers
        self._application = application
        self._setting = setting
        machine = clock or SystemClock()
        self._now_s = machine.monotonic_s
        self.clock = DatabaseClock(machine)
        self._slow_until_s = 0.0
        #: the time and text of each pool's last failure that no row caused
        self._failed: dict[str, tuple[float, str]] = {}
        self._pools = {
            "read": self._pool("read", conninfo, max(1, pool_max - KEPT_CONNECTIONS)),
            "write": self._pool("write", conninfo, KEPT_CONNECTIONS - 1),
            "probe": self._pool("probe", conninfo, 1),
        }

    def open(self) -> None:
        """Start to connect in the background. This returns at once, also during an outage."""
        for pool in self._pools.values():
            pool.open()

    def close(self) -> None:
        """Close all connections and cut the calls that still run. Idempotent."""
        for pool in self._pools.values():
            pool.close()

    def read(self, work: Callable[[Cursor], T]) -> T:
        """Run ``work`` in a transaction of the readers' pool and return its result."""
        return self._run("read", work, READ_DEADLINE_S)

    def ask(
        self,
        query: sql.Composed,
        values: Mapping[str, object],
        row_factory: RowFactory[T],
        *,
        quick: bool = True,
    ) -> list[T]:
        """Return the rows of one query in one round trip, where a transaction takes three.

        If it fails or takes BEGIN_DEADLINE_S, a transaction asks it again, and so tells a slow server from a silent one.
        A query that may take as long is not ``quick``: it begins with the transaction. So does every query in the time
        SLOW_S after one was cut, because a slow server has to do the work of a cut query twice.
        """

        def work(cursor: Cursor) -> list[T]:
            with cursor.connection.cursor(row_factory=row_factory) as rows:
                return rows.execute(query, values).fetchall()

        def at_once(connection: PooledConnection) -> Asked[list[T]]:
            return ask_once(connection, query, values, row_factory)

        quick = quick and self._now_s() >= self._slow_until_s
        return self._run("read", work, READ_DEADLINE_S, at_once if quick else None)

    def write(self, work: Callable[[Cursor], T]) -> T:
        """Run ``work`` in a transaction of the writer's pool. It must be idempotent, because it may run twice."""
        return self._run("write", work, WRITE_DEADLINE_S)

    def check(self, work: Callable[[Cursor], T]) -> T:
        """Run a short ``work`` on the probe's pool, which no other call can keep busy."""
        return self._run("probe", work, PROBE_DEADLINE_S)

    def stats(self) -> dict[str, PoolStats]:
        """Return the connection counts by pool."""
        return {name: pool.stats() for name, pool in self._pools.items()}

    def now(self) -> datetime:
        """Return the database's present instant, asking for it if it has not told it yet.

        Raises:
            StorageError: it cannot be asked.
        """
        while (now := self.clock.now()) is None:
            self.check(lambda _: None)
        return now

    def reading_failed_within(self, seconds: float) -> str | None:
        """Return why a reader's call failed in the last ``seconds``; None when none did."""
        failed = self._failed.get("read")
        return failed[1] if failed and self._now_s() - failed[0] < seconds else None

    def _run(
        self, name: str, work: Callable[[Cursor], T], deadline_s: float, at_once: AtOnce[T] | None = None
    ) -> T:
        """Run ``work``. If its connection is lost, retry on another one. All attempts share one time limit."""
        pool = self._pools[name]
        until_s = self._now_s() + CONNECT_WAIT_S + deadline_s
        for left in range(ATTEMPTS - 1, -1, -1):
            try:
                first = at_once if left == ATTEMPTS - 1 else None
                return self._attempt(pool, work, min(deadline_s, until_s - self._now_s()), first)
            except DatabaseUnavailableError as error:
                if not left or not error.connection_lost or self._now_s() >= until_s:
                    self._failed[name] = self._now_s(), str(error)
                    raise
            except DatabaseMisconfiguredError as error:
                self._failed[name] = self._now_s(), str(error)
                raise
        raise AssertionError("the last attempt returns or raises")

    def _attempt(
        self, pool: Pool, work: Callable[[Cursor], T], deadline_s: float, at_once: AtOnce[T] | None
    ) -> T:
        try:
            connection = pool.take(min(CONNECT_WAIT_S, deadline_s))
        except PoolBusyError as error:
            cause = with_remedy(str(error.cause), setting=self._setting) if error.cause else str(error)
            raise DatabaseUnavailableError(f"no connection: {cause}") from error
        try:
            if at_once is not None and (result := self._answer(connection, at_once)) is not None:
                return result
            self._begin(pool, connection, min(BEGIN_DEADLINE_S, deadline_s))
            return self._finish(pool, connection, work, deadline_s)
        finally:
            pool.give_back(connection)

    def _answer(self, connection: PooledConnection, at_once: AtOnce[T]) -> T | None:
        """Return the result of a quick query, or None if a transaction has to find out what is wrong."""
        asked_s = self._now_s()
        try:
            with self._cut_after(connection, BEGIN_DEADLINE_S) as cut:
                answer = at_once(connection)
        except (psycopg.Error, UnicodeEncodeError) as error:
            if not cut.happened:
                return None
            # the server may only be slow, so the writer keeps its connections
            self._slow_until_s = self._now_s() + SLOW_S
            self._renew(self._pools["read"], why="no answer")
            raise _cut(BEGIN_DEADLINE_S, connection_lost=True) from error
        if answer.standby:
            return None
        self.clock.observe(datetime.fromtimestamp(answer.now_s, UTC), asked_s=asked_s)
        return answer.result

    def _begin(self, pool: Pool, connection: PooledConnection, deadline_s: float) -> None:
        """Begin a transaction. If the peer is silent or a standby, no connection is of use, so replace all of them."""
        asked_s = self._now_s()
        try:
            with self._cut_after(connection, deadline_s) as cut:
                cursor = connection.cursor().execute(_BEGIN, binary=False)
                cursor.nextset()
                row = cursor.fetchone()
        except psycopg.Error as error:
            if cut.happened:
                self._renew(*self._pools.values(), why="no answer")
                raise _cut(deadline_s, connection_lost=connection.used) from error
            self._renew(pool, why="lost")
            ours = translate(error, setting=self._setting)
            assert ours is not None  # noqa: S101 - the driver's
            raise ours from error
        assert row is not None  # noqa: S101 - the statement returns one row
        if row["standby"]:
            # close it inside the transaction, so that a pooler drops its own connection to that server too
            connection.close()
            self._renew(*self._pools.values(), why="standby")
            raise DatabaseUnavailableError(STANDBY, connection_lost=True)
        self.clock.observe(datetime.fromtimestamp(float(row["now"]), UTC), asked_s=asked_s)

    def _finish(
        self, pool: Pool, connection: PooledConnection, work: Callable[[Cursor], T], deadline_s: float
    ) -> T:
        """Run ``work`` in the open transaction, and commit."""
        try:
            # the commit has the same deadline, because a frozen server can hang there too
            with self._cut_after(connection, deadline_s) as cut, _rolled_back(connection):
                result = work(connection.cursor())
                connection.commit()
                return result
        except StorageError:
            raise
        except Exception as error:
            if cut.happened:
                self._renew(pool, why="no answer")
                raise _cut(deadline_s) from error
            ours = translate(error, setting=self._setting)
            if ours is None:
                raise
            if isinstance(ours, DatabaseUnavailableError) and ours.connection_lost:
                connection.close()
                self._renew(pool, why="lost")
            raise ours from error

    def _cut_after(
        self, connection: PooledConnection, deadline_s: float
    ) -> contextlib.AbstractContextManager[Deadline]:
        return cut_after(self._timers, deadline_s, lambda: shut_down_fd(connection.fd))

    def _renew(self, *pools: Pool, why: str) -> None:
        """Replace all connections of ``pools``. One of them was useless, and the others lead to the same server."""
        for pool in pools:
            if pool.renew():
                _log.warning("pool.renewed", pool=pool.name, why=why)

    def _pool(self, name: str, conninfo: str, most: int) -> Pool:
        place = make_conninfo(
            conninfo,
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name=f"{self._application} {name}",
            **_TCP,
        )
        return Pool(name, place, most=most)


@contextlib.contextmanager
def _rolled_back(connection: PooledConnection) -> Iterator[None]:
    """Roll back if the body raises."""
    try:
        yield
    except psycopg.errors.ReadOnlySqlTransaction:
        connection.close()  # inside the transaction, as for a standby
        raise
    except BaseException:
        with contextlib.suppress(psycopg.Error):
            connection.rollback()
        raise


def _cut(deadline_s: float, *, connection_lost: bool = False) -> DatabaseUnavailableError:
    return DatabaseUnavailableError(
        f"no answer within {round(deadline_s, 1):g} s; the connection was cut",
        connection_lost=connection_lost,
    )
