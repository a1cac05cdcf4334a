"""A pool: a bounded number of connections to the database, each made when a caller wants one.

There is no background worker that tries again and may give up: whoever wants a connection and finds none free
has one made. So a pool cannot end up without connections, and nothing waits or is refused beyond a deadline. A
caller that gives up takes its place out of the queue.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow

from storage.deadline import shut_down_fd

__all__ = ["Connection", "Pool", "PoolBusyError", "PoolStats", "PooledLink"]

Connection = psycopg.Connection[DictRow]

#: callers that wait at once: refuse rather than queue without bound
MOST_WAITING: Final = 200
#: a connection is replaced after this, so that a name which leads elsewhere by now is followed
LIFETIME_S: Final = 3600.0
#: a connection that nobody needed for so long is closed
IDLE_S: Final = 600.0

_CLOSED: Final = ConnectionError("the client is closed")


class PoolBusyError(Exception):
    """No connection became free in time. ``cause`` is why none could be made, where that was tried."""

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


@dataclass(slots=True, eq=False, kw_only=True)
class PooledLink:
    """A connection of a pool. ``used`` once a call has run on it: it may have gone stale since."""

    connection: Connection
    fd: int
    made_s: float
    renewal: int
    since_s: float
    used: bool = False


class _Place:
    """A caller's place in the queue: given a link, or told why there is none."""

    __slots__ = ("error", "link", "settled")

    def __init__(self) -> None:
        self.settled = threading.Event()
        self.link: PooledLink | None = None
        self.error: Exception | None = None


class Pool:
    """At most ``most`` connections, made by ``connect``, which has a time limit of its own."""

    def __init__(self, name: str, connect: Callable[[], Connection], *, most: int) -> None:
        self.name = name
        self.most = most
        self._connect = connect
        self._lock = threading.Lock()
        #: unused ones, the one used last at the end
        self._free: deque[PooledLink] = deque()
        self._lent: set[PooledLink] = set()
        self._waiting: deque[_Place] = deque()
        self._connecting = 0
        self._renewal = 0
        self._closed = False
        self._error: Exception | None = None
        self._requests = self._queued = self._refused = 0
        self._waited_s = 0.0

    def open(self) -> None:
        """Begin to connect; returns at once."""
        with self._lock:
            if not self._lent and not self._free and not self._connecting:
                self._start_connecting()

    def take(self, timeout_s: float) -> PooledLink:
        """Return a connection that is the caller's until :meth:`give_back`.

        Raises:
            PoolBusyError: none became free or could be made in time.
        """
        start_s = time.monotonic()
        with self._lock:
            self._requests += 1
            link, stale = self._take_free()
            place = None
            if link is None:
                if self._closed or len(self._waiting) >= MOST_WAITING:
                    self._refused += 1
                    raise PoolBusyError(self._why_none())
                place = _Place()
                self._waiting.append(place)
                self._queued += 1
                self._grow()
        _close(stale)
        if place is None:
            assert link is not None  # noqa: S101 - else there is a place
            return link
        place.settled.wait(timeout_s)
        with self._lock:
            self._waited_s += time.monotonic() - start_s
            # a link given between the time-out and here is taken, not lost
            if place.link is not None:
                return place.link
            if not place.settled.is_set():
                self._waiting.remove(place)
            self._refused += 1
            raise PoolBusyError(place.error or self._why_none())

    def give_back(self, link: PooledLink) -> None:
        """Take a connection back; one that is broken, old or in a transaction is closed."""
        status = link.connection.pgconn.transaction_status
        with self._lock:
            self._lent.discard(link)
            if status == TransactionStatus.IDLE and self._is_current(link):
                link.used = True
                self._hand(link)
                return
            self._grow()
        _close([link])

    def renew(self) -> bool:
        """Replace all connections, those in use when they come back; return whether any was open."""
        with self._lock:
            stale = list(self._free)
            self._free.clear()
            if not stale and not self._lent:
                return False
            self._renewal += 1
        _close(stale)
        return True

    def close(self) -> None:
        """Close all connections. Calls that still run are cut, callers that wait are refused. Idempotent."""
        with self._lock:
            self._closed = True
            stale = list(self._free)
            self._free.clear()
            self._refuse_all(_CLOSED)
            for link in self._lent:
                if not link.connection.closed:
                    shut_down_fd(link.fd)
        _close(stale)

    def stats(self) -> PoolStats:
        """Return the counts as they stand."""
        now_s = time.monotonic()
        with self._lock:
            return PoolStats(
                size=len(self._free) + len(self._lent),
                available=len(self._free),
                waiting=len(self._waiting),
                maximum=self.most,
                requests=self._requests,
                queued=self._queued,
                refused=self._refused,
                waited_s=self._waited_s,
                renewals=self._renewal,
                longest_s=max((now_s - link.since_s for link in self._lent), default=0.0),
            )

    # ── under the lock ───────────────────────────────────────────────────────

    def _take_free(self) -> tuple[PooledLink | None, list[PooledLink]]:
        """Return the unused connection that was used last, and those that are too old to be used or kept."""
        stale = []
        if self._free and time.monotonic() - self._free[0].since_s > IDLE_S:
            stale.append(self._free.popleft())
        while self._free:
            link = self._free.pop()
            if self._is_current(link):
                self._lend(link)
                return link, stale
            stale.append(link)
        return None, stale

    def _why_none(self) -> Exception | None:
        if self._closed:
            return _CLOSED
        if self._error is None and self._connecting:
            return ConnectionError("connecting timed out")
        return self._error

    def _is_current(self, link: PooledLink) -> bool:
        young = time.monotonic() - link.made_s < LIFETIME_S
        return young and not self._closed and link.renewal == self._renewal

    def _lend(self, link: PooledLink) -> None:
        link.since_s = time.monotonic()
        self._lent.add(link)

    def _hand(self, link: PooledLink) -> None:
        """Give a connection to the caller that has waited longest, or keep it."""
        if self._waiting:
            place = self._waiting.popleft()
            place.link = link
            self._lend(link)
            place.settled.set()
        else:
            link.since_s = time.monotonic()
            self._free.append(link)

    def _grow(self) -> None:
        """Have as many connections made as callers wait, or as there is room for."""
        while (
            not self._closed
            and self._connecting < len(self._waiting)
            and len(self._free) + len(self._lent) + self._connecting < self.most
            and self._start_connecting()
        ):
            pass

    def _start_connecting(self) -> bool:
        # on a thread of its own: a name that does not resolve holds up whoever asks, and nobody can cut that
        thread = threading.Thread(
            target=self._make, args=(self._renewal,), name=f"{self.name}-connecting", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:  # the machine has no thread left: the next caller tries again
            self._error = error
            return False
        self._connecting += 1
        self._error = None
        return True

    def _refuse_all(self, error: Exception) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            place.error = error
            place.settled.set()

    # ── on a thread of its own ───────────────────────────────────────────────

    def _make(self, renewal: int) -> None:
        """Make a connection and hand it on. While the pool has none at all, a failure is everybody's answer."""
        try:
            connection = self._connect()
        except Exception as error:  # noqa: BLE001 - whatever it was, the callers are told
            with self._lock:
                self._connecting -= 1
                self._error = error
                if not self._free and not self._lent and not self._connecting:
                    self._refuse_all(error)
            return
        now_s = time.monotonic()
        link = PooledLink(
            connection=connection, fd=connection.fileno(), made_s=now_s, renewal=renewal, since_s=now_s
        )
        with self._lock:
            self._connecting -= 1
            if self._is_current(link):
                self._hand(link)
                return
            self._grow()
        _close([link])


def _close(links: list[PooledLink]) -> None:
    for link in links:
        link.connection.close()
