"""The HTTP side of the composition root: the application, the responder, and the event log of new signals."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from datetime import timedelta

from prometheus_client import CollectorRegistry

from actors.names import RESPONDER, STREAM
from actors.responder import Responder
from actors.shown.event_log import EventLog
from actors.shown.metrics import Metrics
from actors.stream import Stream
from config import Settings
from config.fields import LOOPBACK_HOSTS
from config.keys import ApiKeyEntry
from engine.spec import ChildSpec, Services
from ops.daemon.stores import Stores, settings_markets
from ops.http.app import AppParts, create_app
from ops.http.routes.channels import ChannelParts
from ops.http.routes.frames import event_of
from ops.http.routes.health import stream_trouble
from ops.http.routes.pages import PageReader
from ops.http.routes.streaming import StreamLimits, Streams
from ops.http.routes.summary import SummaryReader
from ops.http.server.clients import Proxies
from ops.http.server.guard import GuardPolicy
from ops.http.server.hosts import ServedHosts, machine_names
from ops.http.server.keys import KeyRing
from ops.http.server.limits import RatePolicy
from ops.http.server.listening import Listening
from ops.http.server.protocol import bounded_protocol
from ops.http.server.seats import ConnectionLimits
from ops.recent_logs import RecentLogs
from storage.gateway.client import GatewayClient, SyncResult
from storage.postgres.channels import Channels
from storage.postgres.dead_letters import DeadLetters
from storage.postgres.signals import Signals
from storage.postgres.summary import Summaries

__all__ = ["Serving"]


class Serving:
    """Builds the HTTP parts. ``retention`` limits the age of served signals. ``gateway`` creates a client."""

    def __init__(
        self,
        settings: Settings,
        listening: Listening,
        *,
        services: Services,
        stores: Stores,
        registry: CollectorRegistry,
        metrics: Metrics,
        logs: RecentLogs,
        channels: Channels,
        gateway: Callable[[], GatewayClient],
        retention: timedelta,
    ) -> None:
        self._settings = settings
        self._listening = listening
        self._services = services
        self._stores = stores
        self._registry = registry
        self._metrics = metrics
        self._logs = logs
        self._channels = channels
        self._gateway = gateway
        self._signals = Signals(stores.database, retention=retention)
        self._summaries = Summaries(stores.database, retention=retention)
        self._event_log = EventLog()
        self._proxies = Proxies(settings.http.trusted_proxies)
        self._keys = KeyRing(settings.http.all_keys())

    def take_keys(self, keys: Iterable[ApiKeyEntry]) -> None:
        """Accept these API keys from now on."""
        self._keys.replace(keys)

    def stream(self) -> ChildSpec:
        """Return the reader of new signals."""
        factory = functools.partial(
            Stream.start, signals=self._signals, event_log=self._event_log, event_of=event_of
        )
        return ChildSpec(name=STREAM, factory=factory, parkable=True)

    def responder(self) -> ChildSpec:
        """Return the HTTP server."""
        streams = Streams(
            self._event_log,
            self._signals,
            failure=functools.partial(stream_trouble, self._services.snapshots),
            certain_number=self._stores.ledger.certain_number,
            limits=StreamLimits(most=self._settings.http.max_streams),
            metrics=self._metrics,
        )
        factory = functools.partial(
            Responder.start,
            app=create_app(self._app_parts(streams)),
            bind=self._listening.duplicates,
            end_streams=streams.end,
            # each start needs its own: it counts the open connections of one server
            make_protocol=functools.partial(
                bounded_protocol, ConnectionLimits.of_this_process(), self._metrics, proxies=self._proxies
            ),
        )
        return ChildSpec(name=RESPONDER, factory=factory, shutdown_s=4.0)

    def _app_parts(self, streams: Streams) -> AppParts:
        http = self._settings.http
        loopback = http.host in LOOPBACK_HOSTS
        return AppParts(
            snapshots=self._services.snapshots,
            clock=self._services.clock,
            directory=self._services.directory,
            pages=PageReader(
                snapshots=self._services.snapshots,
                directory=self._services.directory,
                clock=self._services.clock,
                pages=self._stores.pages,
                last_good=self._stores.memory,
                signals=self._signals,
                metrics=self._metrics,
            ),
            memory=self._stores.memory,
            signals=self._signals,
            streams=streams,
            summary=SummaryReader(
                summaries=self._summaries, snapshots=self._services.snapshots, clock=self._services.clock
            ),
            letters=DeadLetters(self._stores.database),
            logs=self._logs,
            registry=self._registry,
            metrics=self._metrics,
            sync=self._sync,
            channels=ChannelParts(
                snapshots=self._services.snapshots,
                directory=self._services.directory,
                channels=self._channels,
                settings=self._settings.gateway.channels,
                markets=settings_markets(self._settings),
            ),
            guard=GuardPolicy(
                loopback=loopback,
                hosts=ServedHosts(
                    loopback=loopback,
                    allowed=http.allowed_hosts,
                    machine=frozenset if loopback or http.allowed_hosts else machine_names(),
                ),
                keys=self._keys,
                allow_open=http.allow_open,
                read_key_required=http.read_key_required,
                origins=http.origins,
                sync_open=http.sync_open,
            ),
            proxies=self._proxies,
            root_path=http.root_path,
            rate=RatePolicy(most=http.rate_limit_max, window_s=http.rate_limit_window_ms / 1000),
        )

    def _sync(self, limit: int) -> SyncResult:
        """Send one request's sync to the gateway, on a connection of its own: a sync may take minutes."""
        timeout_s = self._settings.gateway.sync_timeout_ms / 1000
        client = self._gateway()
        try:
            return client.sync(limit=limit, timeout_s=timeout_s)
        finally:
            client.close()
