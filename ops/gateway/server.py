"""Runs the gateway in the foreground."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog
import uvicorn
from prometheus_client import CollectorRegistry

from actors.shown.metrics import Metrics
from config.fields import LOOPBACK_HOSTS
from config.keys import DEFAULT_KEY, ApiKeyEntry
from ops.gateway.answers import refuse
from ops.gateway.app import create_app
from ops.gateway.live_state import LiveReader
from ops.gateway.live_store import LiveStore
from ops.http.server.guard import GuardPolicy
from ops.http.server.hosts import served_hosts
from ops.http.server.keys import KeyRing
from ops.http.server.listening import Listening
from ops.http.server.protocol import bounded_protocol
from ops.http.server.seats import ConnectionLimits
from ops.process_signals import acting_on

__all__ = ["GatewayServer", "ReferenceGatewaySettings", "build_server", "serve"]

#: longer than any polling interval in use, so that a kept connection is not closed under a request
KEEP_ALIVE_S = 75
KEY_HEADERS = ("x-api-key", "x-gateway-token")
GRACE_S = 5

log = structlog.get_logger("gateway")


class GatewayServer(uvicorn.Server):
    """A uvicorn server that ends its long polls first. Otherwise its shutdown would wait for them."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        gateway = getattr(self.config.app.state, "gateway", None)  # type: ignore[union-attr]
        if gateway is not None:
            gateway.long_poll.close()
        await super().shutdown(sockets)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceGatewaySettings:
    """The gateway's address, database and access. With an ``api_key`` of None it serves everyone.

    With a ``broker_url`` it publishes messages to that RabbitMQ. ``open_reader`` makes its reader of Telegram.
    """

    host: str
    port: int
    database_url: str
    api_key: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    broker_url: str | None = None
    open_reader: Callable[[LiveStore], LiveReader] | None = None


def build_server(settings: ReferenceGatewaySettings) -> tuple[GatewayServer, Listening, KeyRing]:
    """Bind the port (0 for any free one). Return the server, its sockets and its keys.

    Raises:
        OSError: the address is taken, or this machine does not have it.
    """
    listening = Listening(settings.host, settings.port)
    keys = KeyRing(_keys(settings.api_key), headers=KEY_HEADERS)
    policy = GuardPolicy(
        hosts=served_hosts(settings.host, settings.allowed_hosts),
        keys=keys,
        allow_open=settings.api_key is None,
        read_key_required=settings.api_key is not None,
        origins=(),
        open_reads=frozenset({"/health", "/metrics"}),
        hosts_setting="TELEGRAM_GATEWAY_ALLOWED_HOSTS",
        origins_setting=None,
        key_setting="TELEGRAM_GATEWAY_API_KEY",
    )
    # the layers need counters; the gateway shows its outbox alone
    metrics = Metrics(CollectorRegistry())
    config = uvicorn.Config(
        create_app(
            settings.database_url,
            policy=policy,
            metrics=metrics,
            broker_url=settings.broker_url,
            open_reader=settings.open_reader,
        ),
        http=bounded_protocol(ConnectionLimits.of_this_process(), metrics, refuse=refuse),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    return GatewayServer(config), listening, keys


def serve(settings: ReferenceGatewaySettings, *, read_key: Callable[[], str | None]) -> None:
    """Serve until SIGTERM or SIGINT, then return. SIGHUP rereads the key.

    The gateway also starts without its database, and answers 503 until it comes.

    Raises:
        OSError: the address is taken, or this machine does not have it.
    """
    server, listening, keys = build_server(settings)
    if settings.api_key is None and settings.host not in LOOPBACK_HOSTS:
        log.warning("gateway.opened_without_key", host=settings.host)

    def take_key() -> None:
        try:
            key = read_key()
        except ValueError as error:
            log.error("keys.kept", error=str(error))
            return
        if key is None or settings.api_key is None:
            # the existence of a key decides which requests are open, and that is fixed at the start
            log.error("keys.kept", error="adding or removing the key needs a restart of the gateway")
            return
        keys.replace(_keys(key))
        log.info("keys.taken", names=[DEFAULT_KEY])

    with contextlib.ExitStack() as handled:
        if threading.current_thread() is threading.main_thread():
            # after its shutdown, uvicorn raises the caught signal a second time, and nothing must handle it
            for number in (signal.SIGTERM, signal.SIGINT):
                handled.callback(signal.signal, number, signal.signal(number, _ignore))
            handled.enter_context(acting_on(signal.SIGHUP, take_key))
        key_required = settings.api_key is not None
        log.info("gateway.started", host=settings.host, port=listening.port, key_required=key_required)
        try:
            server.run(sockets=listening.duplicates())
        finally:
            listening.close()
    log.info("gateway.stopped")


def _ignore(_number: int, _frame: object) -> None:
    """Ignore the signal."""


def _keys(api_key: str | None) -> tuple[ApiKeyEntry, ...]:
    return () if api_key is None else (ApiKeyEntry(name=DEFAULT_KEY, scope="write", secret=api_key),)
