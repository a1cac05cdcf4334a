"""Running the gateway in the foreground, and opening its repository for a tool."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

import structlog
import uvicorn

from ops.gateway.app import create_app
from ops.gateway.database import Database
from ops.gateway.repository import Repository

__all__ = ["GatewayServer", "build_server", "open_repository", "serve"]

#: longer than any polling interval in use, so that a kept connection is not closed under a request
KEEP_ALIVE_S = 75
GRACE_S = 5

log = structlog.get_logger("gateway")


class GatewayServer(uvicorn.Server):
    """A uvicorn server that lets its long polls go before it waits for them."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        gateway = getattr(self.config.app.state, "gateway", None)  # type: ignore[union-attr]
        if gateway is not None:
            gateway.long_poll.close()
        await super().shutdown(sockets)


def build_server(
    *, host: str, port: int, database_url: str, api_key: str | None
) -> tuple[GatewayServer, socket.socket]:
    """Bind the port (0: any free one) and return the server for it, to be run with ``sockets=``.

    Raises:
        OSError: the address is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=512)
    config = uvicorn.Config(
        create_app(database_url, api_key=api_key),
        log_config=None,
        access_log=False,
        lifespan="on",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    return GatewayServer(config), listener


def serve(*, host: str, port: int, database_url: str, api_key: str | None) -> None:
    """Serve until SIGTERM or SIGINT, then return.

    A database that is down does not hinder the start: the gateway answers 503 until it comes.

    Raises:
        OSError: the address is taken or not ours.
    """
    server, listener = build_server(host=host, port=port, database_url=database_url, api_key=api_key)
    if not api_key and not _is_loopback(host):
        log.warning("gateway.opened_without_key", host=host)
    # uvicorn raises a signal it has caught once more when it has stopped: that one is for nobody
    former = {}
    if threading.current_thread() is threading.main_thread():
        former = {number: signal.signal(number, _ignore) for number in (signal.SIGTERM, signal.SIGINT)}
    log.info("gateway.started", host=host, port=listener.getsockname()[1], key_required=bool(api_key))
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()
        for number, handler in former.items():
            signal.signal(number, handler)
    log.info("gateway.stopped")


@asynccontextmanager
async def open_repository(database_url: str) -> AsyncIterator[Repository]:
    """Give a repository on a database whose schema is brought up to date first.

    Raises:
        DatabaseUnavailableError: it cannot be reached.
    """
    database = Database(database_url, announced=False)
    await database.open_now()
    try:
        await database.apply_schema()
        yield Repository(database)
    finally:
        await database.close()


def _ignore(_number: int, _frame: object) -> None:
    """Take the signal and do nothing."""


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
