"""PostgreSQL: three pools of connections, every call with a deadline, driver errors made ours.

Nothing here relies on session state: PgBouncer and Neon's pooler hand each transaction another server
connection. No server-side prepared statements, no SET, no LISTEN, no ``options`` at connect. So each
transaction asks what its server is, and a connection to a standby is given up at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final, TypeVar

import psycopg
import psycopg.errors
import structlog
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow

from engine.clock import Clock, DatabaseClock, SystemClock
from engine.timers import Timers
from storage.deadline import Deadline, cut_after, shut_down_fd
from storage.errors import DatabaseMisconfiguredError, DatabaseUnavailableError, StorageError
from storage.postgres.connect_failures import ADDRESS, with_remedy
from storage.postgres.driver_errors import translate
from storage.postgres.pool import Pool, PoolBusyError, PoolStats
from storage.postgres.stock import PooledConnection

__all__ = ["Cursor", "Database"]

T = TypeVar("T")
Cursor = psycopg.Cursor[DictRow]

_log = structlog.get_logger("storage.postgres.database")

#: a call past these is cut, in seconds: readers wait for an answer, the writer for a thousand rows
READ_DEADLINE_S = 5.0
WRITE_DEADLINE_S = 8.0
PROBE_DEADLINE_S = 2.0
#: how long to wait for a connection: short, so that an outage is an answer soon
CONNECT_WAIT_S = 2.0
#: the first statement asks next to nothing: without an answer within this the peer is gone or frozen
BEGIN_DEADLINE_S = 2.0
#: how long making a connection may take for each address its host has
CONNECT_TIMEOUT_S = 3
#: a call is tried this often when connections break or a standby answers: with a pooler between, only the
#: server's side is replaced each time
ATTEMPTS = 3
#: connections kept back from readers, for the writer and its neighbours (2) and the probe (1)
KEPT_CONNECTIONS = 3

STANDBY: Final = (
    "25006: the server is a standby (in recovery) and takes no writes; the host name, or the pooler's, has to lead"
    " to the primary"
)

#: Who waits between two statements for longer is frozen or gone without a word, and others wait for its locks.
#: Less than the writer's deadline: another daemon that waits meanwhile gets the lock in the same call.
#: Set for each transaction, since a role need not have a limit; the role's own one holds where it is shorter.
IDLE_LIMIT_S = 4
#: in one round trip; the instant is a number, which no setting of a role writes differently
_BEGIN = f"""
begin isolation level read committed;
select pg_is_in_recovery() as standby, extract(epoch from clock_timestamp()) as now,
    case when current_setting('idle_in_transaction_session_timeout')::interval not between '1 ms' and '{IDLE_LIMIT_S} s'
    then set_config('idle_in_transaction_session_timeout', '{IDLE_LIMIT_S}s', true) end
""".encode()  # noqa: S608 - a number of ours
#: the kernel gives a peer up that acknowledges nothing; the last counts milliseconds
_TCP = {"keepalives_idle": 5, "keepalives_interval": 1, "keepalives_count": 3, "tcp_user_timeout": 6000}


class Database:
    """The connections of one daemon. ``clock`` is the database's, as its last transactions told it.

    Reads, writes and the probe have pools of their own, so that readers cannot starve the writer and
    the probe tells the database's state, not the readers' queue. ``application`` is the name that the server
    shows for the connections; ``setting`` is where the address is given, for remedies.
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
        #: the last failure of each pool that was not a row's fault: when and why
        self._failed: dict[str, tuple[float, str]] = {}
        self._pools = {
            "read": self._pool("read", conninfo, max(1, pool_max - KEPT_CONNECTIONS)),
            "write": self._pool("write", conninfo, KEPT_CONNECTIONS - 1),
            "probe": self._pool("probe", conninfo, 1),
        }

    def open(self) -> None:
        """Start connecting in the background; a database that is down does not hold this up."""
        for pool in self._pools.values():
            pool.open()

    def close(self) -> None:
        """Close all connections and cut the calls that still run. Idempotent."""
        for pool in self._pools.values():
            pool.close()

    def read(self, work: Callable[[Cursor], T]) -> T:
        """Run ``work`` in a transaction of the readers' pool and return what it returns."""
        return self._run("read", work, READ_DEADLINE_S)

    def write(self, work: Callable[[Cursor], T]) -> T:
        """Run ``work`` in a transaction of the writer's pool; it may run twice, so it is idempotent."""
        return self._run("write", work, WRITE_DEADLINE_S)

    def check(self, work: Callable[[Cursor], T]) -> T:
        """Run a short ``work`` on the probe's pool, which nothing else can keep busy."""
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

    def _run(self, name: str, work: Callable[[Cursor], T], deadline_s: float) -> T:
        """Run ``work``, again on another connection when one turns out to be lost, within one time for all."""
        pool = self._pools[name]
        until_s = self._now_s() + CONNECT_WAIT_S + deadline_s
        for left in range(ATTEMPTS - 1, -1, -1):
            try:
                return self._attempt(pool, work, min(deadline_s, until_s - self._now_s()))
            except DatabaseUnavailableError as error:
                if not left or not error.connection_lost or self._now_s() >= until_s:
                    self._failed[name] = self._now_s(), str(error)
                    raise
            except DatabaseMisconfiguredError as error:
                self._failed[name] = self._now_s(), str(error)
                raise
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, pool: Pool, work: Callable[[Cursor], T], deadline_s: float) -> T:
        try:
            connection = pool.take(min(CONNECT_WAIT_S, deadline_s))
        except PoolBusyError as error:
            cause = with_remedy(str(error.cause), setting=self._setting) if error.cause else str(error)
            raise DatabaseUnavailableError(f"no connection: {cause}") from error
        try:
            self._begin(pool, connection, min(BEGIN_DEADLINE_S, deadline_s))
            return self._finish(pool, connection, work, deadline_s)
        finally:
            pool.give_back(connection)

    def _begin(self, pool: Pool, connection: PooledConnection, deadline_s: float) -> None:
        """Begin a transaction, unless the peer is silent or a standby: then none of our connections is of use."""
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
            # closed inside the transaction, so that a pooler lets its own connection to that server go, too
            connection.close()
            self._renew(*self._pools.values(), why="standby")
            raise DatabaseUnavailableError(STANDBY, connection_lost=True)
        self.clock.observe(datetime.fromtimestamp(float(row["now"]), UTC), asked_s=asked_s)

    def _finish(
        self, pool: Pool, connection: PooledConnection, work: Callable[[Cursor], T], deadline_s: float
    ) -> T:
        """Run ``work`` in the transaction that was begun, and commit."""
        try:
            # the commit stands inside as well: a frozen server can hang there too
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
    """Roll back when the body raises."""
    try:
        yield
    except psycopg.errors.ReadOnlySqlTransaction:
        connection.close()  # inside the transaction, as that to a standby
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
