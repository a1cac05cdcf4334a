"""Storage clients for tests that break what is behind them: made on demand, closed in the end."""

import contextlib
from collections.abc import Callable, Iterator

from engine.timers import TimerThread
from storage.gateway.client import GatewayClient
from storage.gateway.quota import Quota
from storage.postgres.database import Database

__all__ = ["KEY", "MakeClient", "OpenDatabase", "databases", "gateway_clients"]

KEY = "s3cret-key"
MakeClient = Callable[..., GatewayClient]
OpenDatabase = Callable[..., Database]


@contextlib.contextmanager
def gateway_clients() -> Iterator[MakeClient]:
    """Give a function that makes clients of a URL."""
    timers = TimerThread()
    made: list[GatewayClient] = []

    def make(
        url: str, *, timeout_s: float = 5.0, api_key: str | None = KEY, quota: Quota | None = None
    ) -> GatewayClient:
        client = GatewayClient(url, api_key=api_key, timeout_s=timeout_s, timers=timers, quota=quota)
        made.append(client)
        return client

    try:
        yield make
    finally:
        for client in made:
            client.close()
        timers.close()


@contextlib.contextmanager
def databases() -> Iterator[OpenDatabase]:
    """Give a function that opens clients of a connection string."""
    timers = TimerThread()
    opened: list[Database] = []

    def open_one(url: str, *, pool_max: int = 8) -> Database:
        database = Database(url, schema="signals", pool_max=pool_max, timers=timers)
        opened.append(database)
        database.open()
        return database

    try:
        yield open_one
    finally:
        for database in opened:
            database.close()
        timers.close()
