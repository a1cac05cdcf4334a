"""A stock of connections. psycopg_pool makes and lends them, and closes those that are old or unused."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, Self

from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from storage.postgres.session import SteadyConnection

__all__ = ["PooledConnection", "Stock"]

#: a connection is replaced after this time, because its host name may lead to another server by now
LIFETIME_S: Final = 3600.0
#: after each such period, one connection that nobody needed in it is closed
IDLE_S: Final = 60.0

# the library warns at each failed attempt, but the callers get the cause anyway
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)


class PooledConnection(SteadyConnection):
    """A connection of a stock. ``used``: a call has run on it, so it may be stale since."""

    fd: int
    #: when it was lent
    since_s: float
    used = False

    @classmethod
    def connect(cls, conninfo: str = "", **kwargs: Any) -> Self:
        """Connect for the ``stock`` among the arguments, and tell it of a failure."""
        stock: Stock = kwargs.pop("stock")
        stock.failure, stock.connecting = None, True
        try:
            connection = super().connect(conninfo, **kwargs)
        except Exception as error:
            stock.failed(stock, error)
            raise
        finally:
            stock.connecting = False
        connection.fd = connection.fileno()
        return connection


class Stock(ConnectionPool[PooledConnection]):
    """At most ``most`` connections. A closed stock is not reopened.

    If a connection could not be made, a thread of the stock calls ``failed``. It writes the cause into ``failure``,
    and the next attempt clears that. ``connecting`` says whether an attempt runs.
    """

    def __init__(
        self, conninfo: str, *, name: str, least: int, most: int, failed: Callable[[Stock, Exception], None]
    ) -> None:
        self.failure: Exception | None = None
        self.connecting = False
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
        # The library checks whether it is closed before it takes its lock. Without this second check, a caller in between
        # would wait in vain.
        self._check_open_getconn()
        # The library lends in turns. This lends the connection that was used last, which is twice as fast, because the
        # processor's caches still hold its data.
        self._pool.rotate()
        return super()._get_ready_connection(timeout)
