"""A pool: a limited number of connections to the database. Each is made when a caller needs one.

psycopg_pool keeps the connections (`stock.py`). This queue in front of it adds what the library does not promise:

- A caller that gives up leaves the queue. The library's own queue would keep it. So the library gets at most as many
  callers as connections, and the others wait here.
- If there is no connection and none could be made, all waiting callers get the cause at once.
- No caller waits for a pause between attempts. A stock that has no connection and could not make one is closed, and
  the next caller opens another. So there is no state in which nobody connects.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Final

from psycopg.pq import TransactionStatus
from psycopg_pool import PoolClosed, PoolTimeout

from storage.deadline import shut_down_fd
from storage.postgres.stock import PooledConnection, Stock

__all__ = ["Pool", "PoolBusyError", "PoolStats"]

#: the most callers that wait at once; further callers are refused
MOST_WAITING: Final = 200
#: how long closing waits for a thread that is connecting
CLOSING_S: Final = 0.5

_CLOSED: Final = ConnectionError("the client is closed")


class PoolBusyError(Exception):
    """No connection became free in time. ``cause`` tells why none could be made, if one was tried."""

    def __init__(self, cause: Exception | None = None) -> None:
        super().__init__(str(cause) if cause else "all connections are in use")
        self.cause = cause


@dataclass(frozen=True, slots=True)
class PoolStats:
    """The counts of one pool: connections that are open or unused, and callers that wait for one.

    Since the start: ``requests`` for a connection. ``queued`` of them had to wait, ``waited_s`` seconds in total.
    ``refused`` of them got none, because none came in time or too many waited. ``renewals`` counts how often all
    connections were replaced. ``longest_s`` is how long the oldest running call has run.
    """

    size: int
    available: int
    waiting: int
    maximum: int
    requests: int
    queued: int
    refused: int
    waited_s: float
    renewals: int
    longest_s: float


class _Place:
    """A caller's place in the queue. The caller is let in, or gets the reason why not."""

    __slots__ = ("error", "settled")

    def __init__(self) -> None:
        self.settled = threading.Event()
        self.error: Exception | None = None


class Pool:
    """At most ``most`` connections to ``conninfo``, which also holds the time limit for connecting."""

    def __init__(self, name: str, conninfo: str, *, most: int) -> None:
        self.name = name
        self.most = most
        self._conninfo = conninfo
        self._lock = threading.Lock()
        self._stock: Stock | None = None
        self._lent: dict[PooledConnection, Stock] = {}
        #: the number of callers that have a connection or wait in the library
        self._inside = 0
        self._waiting: deque[_Place] = deque()
        self._closed = False
        #: whether a call has ended well since the last renewal, or there was no renewal yet
        self._proven = True
        self._requests = self._queued = self._refused = self._renewals = 0
        self._waited_s = 0.0

    def open(self) -> None:
        """Begin to connect, and return at once."""
        # if the machine has no thread left, the first caller retries
        with self._lock, contextlib.suppress(PoolBusyError):
            if self._stock is None and not self._closed:
                self._stock = self._open_stock(least=1)

    def take(self, timeout_s: float) -> PooledConnection:
        """Return a connection for this caller alone, until :meth:`give_back`.

        Raises:
            PoolBusyError: no connection became free or could be made in time.
        """
        start_s = time.monotonic()
        try:
            queued = self._enter(timeout_s)
            return self._borrow(start_s, timeout_s, queued=queued)
        except PoolBusyError:
            with self._lock:
                self._refused += 1
                self._waited_s += time.monotonic() - start_s
            raise

    def give_back(self, connection: PooledConnection) -> None:
        """Take a connection back. Close it if it is broken, old or in a transaction."""
        with self._lock:
            stock = self._lent.pop(connection)
        if connection.pgconn.transaction_status != TransactionStatus.IDLE:
            connection.close()
        else:
            self._proven = True
        connection.used = True
        stock.putconn(connection)
        self._leave()

    def renew(self) -> bool:
        """Replace all connections. Those in use are replaced when they come back. Return whether any had served a caller.

        A pooler goes on letting callers in while its server is away. Only the first renewal of such an outage is news.
        """
        with self._lock:
            stock = self._stock
            if stock is None or stock.closed or not self._has_connections(stock):
                return False
            self._renewals += 1
            stock.failure = None
            proven, self._proven = self._proven, False
        stock.close(timeout=0)
        return proven

    def close(self) -> None:
        """Close all connections. Cut running calls and refuse waiting callers. Idempotent."""
        with self._lock:
            self._closed = True
            self._refuse_all(_CLOSED)
            for connection in self._lent:
                if not connection.closed:
                    shut_down_fd(connection.fd)
        if self._stock:
            self._stock.close(timeout=CLOSING_S)

    def stats(self) -> PoolStats:
        """Return the present counts."""
        now_s = time.monotonic()
        with self._lock:
            available = self._stock.get_stats()["pool_available"] if self._stock else 0
            return PoolStats(
                size=available + len(self._lent),
                available=available,
                waiting=len(self._waiting) + self._inside - len(self._lent),
                maximum=self.most,
                requests=self._requests,
                queued=self._queued,
                refused=self._refused,
                waited_s=self._waited_s,
                renewals=self._renewals,
                longest_s=max((now_s - connection.since_s for connection in self._lent), default=0.0),
            )

    # ── callers ──────────────────────────────────────────────────────────────

    def _enter(self, timeout_s: float) -> bool:
        """Wait until the caller may use the library. Return whether it had to wait."""
        with self._lock:
            self._requests += 1
            if self._inside < self.most:
                self._inside += 1
                return False
            if self._closed or len(self._waiting) >= MOST_WAITING:
                raise PoolBusyError(self._why_none())
            self._queued += 1
            place = _Place()
            self._waiting.append(place)
        place.settled.wait(timeout_s)
        with self._lock:
            # a caller may be let in after its time-out; it is then in
            if not place.settled.is_set():
                self._waiting.remove(place)
                raise PoolBusyError(self._why_none())
        if place.error:
            raise PoolBusyError(place.error)
        return True

    def _leave(self) -> None:
        """Let in the caller that has waited longest."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().settled.set()
            else:
                self._inside -= 1

    def _borrow(self, start_s: float, timeout_s: float, *, queued: bool) -> PooledConnection:
        """Return a connection of the library. If there is none, the caller has left when this raises."""
        try:
            while True:
                stock = self._open_one()
                try:
                    connection = stock.getconn(start_s + timeout_s - time.monotonic())
                except PoolTimeout:
                    with self._lock:
                        raise PoolBusyError(self._why_none()) from None
                except PoolClosed:
                    if stock.failure is None:  # the pool was renewed meanwhile
                        continue
                    raise PoolBusyError(stock.failure) from None
                with self._lock:
                    if not stock.closed:
                        self._lent[connection] = stock
                        connection.since_s = time.monotonic()
                        self._waited_s += connection.since_s - start_s
                        # a caller with a new connection has waited for it
                        self._queued += not (queued or connection.used)
                        return connection
                stock.putconn(connection)
        except BaseException:
            self._leave()
            raise

    def _open_one(self) -> Stock:
        """Return the stock to borrow from. Replace it if it is closed."""
        with self._lock:
            if self._closed:
                raise PoolBusyError(_CLOSED)
            if self._stock is None or self._stock.closed:
                self._stock = self._open_stock(least=0)
            return self._stock

    # ── under the lock ───────────────────────────────────────────────────────

    def _open_stock(self, *, least: int) -> Stock:
        stock = Stock(self._conninfo, name=self.name, least=least, most=self.most, failed=self._note_failure)
        try:
            stock.open()
        except RuntimeError as error:  # the machine has no thread left; the next caller retries
            stock.close(timeout=0)
            raise PoolBusyError(error) from error
        return stock

    def _has_connections(self, stock: Stock) -> bool:
        return stock.get_stats()["pool_available"] > 0 or stock in self._lent.values()

    def _why_none(self) -> Exception | None:
        if self._closed:
            return _CLOSED
        stock = self._stock
        if stock is None:
            return None
        if stock.connecting and not self._has_connections(stock):
            return ConnectionError("connecting timed out")
        return stock.failure

    def _refuse_all(self, error: Exception) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            place.error = error
            place.settled.set()

    # ── on a thread of the library ───────────────────────────────────────────

    def _note_failure(self, stock: Stock, error: Exception) -> None:
        """Give all waiting callers the cause, unless the stock has other connections to wait for."""
        with self._lock:
            if stock is not self._stock or stock.closed:
                return
            stock.failure = error
            if self._has_connections(stock):
                return
            self._refuse_all(error)
        # another thread closes the stock, because closing waits for the library's threads, and this is one of them
        closing = threading.Thread(target=stock.close, args=(0,), name=f"{self.name}-closing", daemon=True)
        closing.start()
        closing.join()
