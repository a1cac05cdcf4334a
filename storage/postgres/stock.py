"""A stock of connections: psycopg_pool makes, lends and takes them back, and closes what is old or unused."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, Self

from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from storage.postgres.session import SteadyConnection

__all__ = ["PooledConnection", "Stock"]

#: a connection is replaced after this, so that a name which leads elsewhere by now is followed
LIFETIME_S: Final = 3600.0
#: after each such time in which a connection was never needed, it is closed
IDLE_S: Final = 60.0

# it warns at each attempt of what the callers are told
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)


class PooledConnection(SteadyConnection):
    """A connection of a stock. ``used`` once a call has run on it: it may have gone stale since."""

    fd: int
    #: when it was lent
    since_s: float
    used = False

    @classmethod
    def connect(cls, conninfo: str = "", **kwargs: Any) -> Self:
        """Connect for the ``stock`` among the arguments, which is told of a failure."""
        stock: Stock = kwargs.pop("stock")
        stock.failure = None
        try:
            connection = super().connect(conninfo, **kwargs)
        except Exception as error:
            stock.failed(stock, error)
            raise
        connection.fd = connection.fileno()
        return connection


class Stock(ConnectionPool[PooledConnection]):
    """At most ``most`` connections. One that is closed is not opened again.

    ``failed`` is called on a thread of the stock's when a connection could not be made. It writes the cause into
    ``failure``, which the next attempt empties.
    """

    def __init__(
        self, conninfo: str, *, name: str, least: int, most: int, failed: Callable[[Stock, Exception], None]
    ) -> None:
        self.failure: Exception | None = None
        self.failed = failed
        super().__init__(
            conninfo,
            connection_class=PooledConnection,
            kwargs={"stock": self, "autocommit": True, "prepare_threshold": None, "row_factory": dict_row},
            name=name,
            min_size=least,
            max_size=most,
            max_lifetime=LIFETIME_S,
            max_idle=IDLE_S,
            reconnect_timeout=0.0,
            num_workers=1,
            open=False,
        )

    def _get_ready_connection(self, timeout: float | None) -> PooledConnection | None:
        # The library looks whether it is closed before it takes its lock: a caller in between would wait in vain.
        self._check_open_getconn()
        # It lends in turns. The one used last is twice as fast: what serves it is still in the processor's caches.
        self._pool.rotate()
        return super()._get_ready_connection(timeout)
