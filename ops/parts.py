"""The composition: every part of the daemon, each made of just its own settings."""

from __future__ import annotations

import functools
import os
import platform
import secrets
from datetime import timedelta
from pathlib import Path
from random import Random

from actors.backfill import Backfill, BackfillPolicy
from actors.cache import Cache
from actors.dead_letters import DeadLetterSource
from actors.doorbell import Doorbell
from actors.health import Health
from actors.instruments import Instruments
from actors.maintenance import Maintenance
from actors.parser.actor import Parser
from actors.parser.outcome import OutcomePolicy
from actors.poller import Poller, PollPolicy
from actors.responder import Responder
from actors.writer import Writer
from config import Settings
from config.fields import LOOPBACK_HOSTS
from engine.actor import Services
from engine.breaker import BreakerPolicy
from engine.children import ChildSpec
from engine.clock import SystemClock
from engine.directory import Directory
from engine.snapshot import Board
from engine.timers import TimerThread
from ops.http.app import AppParts, create_app
from ops.http.guard import GuardPolicy
from ops.http.listening import Listening
from ops.http.pages import PageReader
from ops.metrics import SnapshotCollector, make_registry
from ops.stores import make_stores, migrate_as_owner
from storage.checkpoints import Checkpoints
from storage.daemons import Daemons
from storage.dead_letters import DeadLetters
from storage.errors import DatabaseMisconfiguredError
from storage.gateway import GatewayClient, SyncResult
from storage.retention import Retention
from storage.schema import Strategy, is_current
from storage.signals import Signals

__all__ = ["RETENTION", "Parts"]

#: nothing older is served (CONTRACT)
RETENTION = timedelta(days=90)


class Parts:
    """Everything the daemon is made of. Making it opens nothing but what :meth:`open` opens."""

    def __init__(self, settings: Settings, listening: Listening) -> None:
        self._settings = settings
        self._listening = listening
        clock = SystemClock()
        self._timers = TimerThread(clock)
        self.services = Services(directory=Directory(), board=Board(clock), timers=self._timers, clock=clock)
        self._random = Random()  # noqa: S311 - jitter, not cryptography
        self._gateways: list[GatewayClient] = []
        self._stores = make_stores(settings, clock=clock, timers=self._timers)
        self._registry = make_registry(
            SnapshotCollector(
                board=self.services.board,
                directory=self.services.directory,
                database=self._stores.database,
                clock=clock,
                poll_interval_s=settings.gateway.polling_interval_ms / 1000,
                folder=Path.cwd(),
            )
        )
        self._instruments = Instruments(self._registry)

    def open(self) -> None:
        """Start connecting to the database."""
        self._stores.database.open()

    def close(self) -> None:
        """Close everything; idempotent."""
        for gateway in self._gateways:
            gateway.close()
        self._stores.close()
        self._timers.close()

    def specs(self) -> list[ChildSpec]:
        """Return the children in start order: who receives starts before who sends."""
        channels = self._settings.gateway.channels
        return [
            self._writer(),
            self._cache(),
            ChildSpec(name="parser", factory=functools.partial(Parser.start, policy=self._outcome_policy())),
            *(self._poller(channel) for channel in channels),
            self._backfill(),
            self._dead_letters(),
            self._maintenance(),
            *(self._doorbell(channel) for channel in channels if self._settings.engine.doorbell),
            self._health(),
            self._responder(),
        ]

    # ── storage ──────────────────────────────────────────────────────────────

    def _gateway(self) -> GatewayClient:
        """Make the client of one actor name; its generations use it one after the other."""
        settings = self._settings.gateway
        key = settings.api_key.get_secret_value() if settings.api_key else None
        timeout_s = self._settings.breaker.timeout_ms / 1000
        client = GatewayClient(settings.url, api_key=key, timeout_s=timeout_s, timers=self._timers)
        self._gateways.append(client)
        return client

    def _prepare_schema(self) -> None:
        """Migrate when our role may; else wait for the version this daemon needs, and say so."""
        settings = self._settings.database
        strategy = Strategy(settings.strategy)
        try:
            if is_current(self._stores.database, strategy=strategy):
                return
            missing = "the schema is not up to date"
        except DatabaseMisconfiguredError as error:
            # an owner's connection, where there is one, makes the schema and gives us our rights
            if settings.migration_url is None:
                raise
            missing = f"the schema cannot be looked at ({error})"
        try:
            migrate_as_owner(settings, timers=self._timers)
        except DatabaseMisconfiguredError as error:
            raise DatabaseMisconfiguredError(f"{missing}; run `tp-capital migrate`: {error}") from error

    # ── children ─────────────────────────────────────────────────────────────

    def _outcome_policy(self) -> OutcomePolicy:
        return OutcomePolicy(retention=RETENTION, text_filter=self._settings.engine.text_filter)

    def _writer(self) -> ChildSpec:
        factory = functools.partial(
            Writer.start,
            ledger=self._stores.ledger,
            prepare=self._prepare_schema,
            instruments=self._instruments,
            random=self._random,
        )
        # a write may take three deadlines of 15 s when connections break under it, a migration one of 50 s
        return ChildSpec(name="writer", factory=factory, start_s=90, heartbeat_limit_s=90)

    def _cache(self) -> ChildSpec:
        factory = functools.partial(
            Cache.start,
            ledger=self._stores.ledger,
            pages=self._stores.pages,
            last_good=self._stores.last_good,
            ttl_s=float(self._settings.redis.ttl_s),
            instruments=self._instruments,
        )
        return ChildSpec(name="cache", factory=factory, parkable=True)

    def _poller(self, channel: str) -> ChildSpec:
        gateway, breaker = self._settings.gateway, self._settings.breaker
        interval_s, call_s = gateway.polling_interval_ms / 1000, breaker.timeout_ms / 1000
        factory = functools.partial(
            Poller.start,
            channel=channel,
            gateway=self._gateway(),
            policy=PollPolicy(interval_s=interval_s, batch_size=gateway.batch_size),
            breaker=BreakerPolicy(
                window=breaker.window,
                minimum=breaker.minimum,
                threshold_percent=breaker.error_threshold,
                reset_s=breaker.reset_timeout_ms / 1000,
                # time-outs alone, one per interval and call, must be able to fill the window
                horizon_s=10 * (interval_s + call_s),
            ),
            instruments=self._instruments,
        )
        # one poll makes up to 31 calls when an acknowledgement has to be split
        return ChildSpec(
            name=f"poller:{channel}", factory=factory, source=True, heartbeat_limit_s=30 + 32 * call_s
        )

    def _backfill(self) -> ChildSpec:
        gateway = self._settings.gateway
        client = self._gateway()
        sync_s = gateway.sync_timeout_ms / 1000
        factory = functools.partial(
            Backfill.start,
            channels=gateway.channels,
            gateway=client,
            checkpoints=Checkpoints(self._stores.database),
            policy=BackfillPolicy(
                delay_s=self._settings.engine.backfill_delay_s,
                tail_every_s=gateway.tail_check_ms / 1000,
                sync_timeout_s=sync_s,
            ),
            instruments=self._instruments,
            random=self._random,
        )
        return ChildSpec(
            name="backfill",
            factory=factory,
            source=True,
            parkable=True,
            interrupt=client.interrupt,
            heartbeat_limit_s=sync_s + 60,
        )

    def _dead_letters(self) -> ChildSpec:
        factory = functools.partial(
            DeadLetterSource.start,
            letters=DeadLetters(self._stores.database),
            instruments=self._instruments,
            random=self._random,
        )
        return ChildSpec(name="dead_letters", factory=factory, source=True, parkable=True)

    def _maintenance(self) -> ChildSpec:
        factory = functools.partial(
            Maintenance.start, retention=Retention(self._stores.database), random=self._random
        )
        return ChildSpec(name="maintenance", factory=factory, parkable=True)

    def _doorbell(self, channel: str) -> ChildSpec:
        client = self._gateway()
        factory = functools.partial(
            Doorbell.start, channel=channel, poller=f"poller:{channel}", gateway=client, random=self._random
        )
        return ChildSpec(
            name=f"doorbell:{channel}",
            factory=factory,
            parkable=True,
            interrupt=client.interrupt,
            heartbeat_limit_s=60 + self._settings.breaker.timeout_ms / 1000,
        )

    def _health(self) -> ChildSpec:
        gateway, breaker = self._settings.gateway, self._settings.breaker
        place = f"{platform.node()} pid {os.getpid()}"
        factory = functools.partial(
            Health.start,
            daemons=Daemons(self._stores.database, daemon_id=secrets.token_hex(8), place=place),
            ledger=self._stores.ledger,
            redis=self._stores.redis,
            poll_limit_s=3 * (gateway.polling_interval_ms + breaker.timeout_ms) / 1000,
            started_at=self.services.clock.now(),
        )
        return ChildSpec(name="health", factory=factory)

    def _responder(self) -> ChildSpec:
        settings = self._settings
        signals = Signals(self._stores.database, retention=RETENTION)
        pages = PageReader(
            board=self.services.board,
            directory=self.services.directory,
            clock=self.services.clock,
            pages=self._stores.pages,
            last_good=self._stores.last_good,
            signals=signals,
            instruments=self._instruments,
        )
        app = create_app(
            AppParts(
                board=self.services.board,
                clock=self.services.clock,
                directory=self.services.directory,
                pages=pages,
                signals=signals,
                registry=self._registry,
                instruments=self._instruments,
                sync=self._sync,
                pollers=tuple(f"poller:{channel}" for channel in settings.gateway.channels),
                guard=GuardPolicy(
                    loopback=settings.http.host in LOOPBACK_HOSTS,
                    api_key=settings.http.api_key.get_secret_value() if settings.http.api_key else None,
                    allow_open=settings.http.allow_open,
                    read_key_required=settings.http.read_key_required,
                    allowed_hosts=settings.http.allowed_hosts,
                    origins=settings.http.origins,
                ),
            )
        )
        factory = functools.partial(Responder.start, app=app, bind=self._listening.duplicate)
        return ChildSpec(name="responder", factory=factory, shutdown_s=4.0)

    def _sync(self, limit: int) -> SyncResult:
        """Ask for a sync on behalf of one request: on a connection of its own, closed afterwards."""
        settings = self._settings.gateway
        key = settings.api_key.get_secret_value() if settings.api_key else None
        client = GatewayClient(
            settings.url, api_key=key, timeout_s=settings.sync_timeout_ms / 1000, timers=self._timers
        )
        try:
            return client.sync(limit=limit, timeout_s=settings.sync_timeout_ms / 1000)
        finally:
            client.close()
