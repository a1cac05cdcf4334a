"""The gateway's listener: the database notifies it of each commit of new messages, so that long polls end at once.

It saves time and decides nothing. A lost notification costs one interval of the long polls' own query. A pooler of
transactions accepts LISTEN but passes on no notification. Behind it, the long polls rely on their query.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import psycopg
from psycopg.conninfo import make_conninfo

from storage.postgres.session import steady_conninfo

__all__ = ["listen"]

#: the limit for connecting, and for the answer to LISTEN
CONNECT_S = 5.0
RETRY_S = 1.0
#: a connection is replaced after this time, because it may lead to a server that gets no writes any more
RENEW_S = 600.0
#: the kernel ends a connection whose peer is gone
_KEEPALIVE = {"keepalives_idle": 5, "keepalives_interval": 1, "keepalives_count": 3}


async def listen(database_url: str, ring: Callable[[str | None], None]) -> None:
    """Call ``ring`` with the channel of each commit of new messages. Run until cancelled.

    After each new connection, call it with None, because any channel may have new messages.
    """
    place = make_conninfo(
        steady_conninfo(database_url), application_name="tp-capital-gateway listen", **_KEEPALIVE
    )
    while True:
        with suppress(psycopg.Error, TimeoutError):
            async with asyncio.timeout(CONNECT_S):
                connection = await psycopg.AsyncConnection.connect(place, autocommit=True)
            try:
                async with asyncio.timeout(CONNECT_S):
                    await connection.execute("LISTEN telegram_gateway")
                ring(None)  # messages may have been committed while there was no connection
                async for notification in connection.notifies(timeout=RENEW_S):
                    ring(notification.payload)
                continue
            finally:
                await connection.close()
        await asyncio.sleep(RETRY_S)
