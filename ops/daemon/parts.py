"""The composition root: builds every part of the daemon, each from its own settings."""

from __future__ import annotations

import functools
import os
import platform
import secrets
from collections.abc import Iterable
from pathlib import Path
from random import Random

import structlog

from actors.auditor import Auditor, AuditPolicy
from actors.backfill import Backfill, BackfillPolicy
from actors.cache import Cache
from actors.dead_letters import DeadLetterSource
from actors.health import HealthReporter
from actors.maintenance import Maintenance
from actors.names import AUDITOR, BACKFILL, CACHE, DEAD_LETTERS, HEALTH, MAINTENANCE, PARSER, WRITER
from actors.parser import Parser
from actors.shown.metrics import Metrics
from actors.shown.snapshots import PollerSnapshot, WriterSnapshot
from actors.writer import Writer
from config import Settings
from config.keys import ApiKeyEntry
from engine.clock import SystemClock
from engine.directory import Directory
from engine.snapshot import Snapshots
from engine.spec import ChildSpec, Services
from engine.timers import TimerThread
from ops.daemon.channel_children import ChannelChildren
from ops.daemon.metrics import SnapshotCollector, make_registry
from ops.daemon.serving import Serving
from ops.daemon.stores import RETENTION, make_stores, migrate_as_owner, outcome_policy, settings_markets
from ops.http.server.listening import Listening
from ops.recent_logs import RecentLogs
from storage.errors import DatabaseMisconfiguredError
from storage.gateway.client import GatewayClient
from storage.gateway.quota import Quota
from storage.legacy.rounds import LegacyRounds
from storage.postgres.audits import Audits
from storage.postgres.channels import Channels
from storage.postgres.checkpoints import Checkpoints
from storage.postgres.daemons import Daemons
from storage.postgres.dead_letters import DeadLetters
from storage.postgres.known import KnownMessages
from storage.postgres.probe import DatabaseProbe
from storage.postgres.retention import Retention
from storage.postgres.schema import Strategy, is_current
from storage.postgres.second_looks import SecondLooks

_log = structlog.get_logger("main")

__all__ = ["Parts"]


class Parts:
    """All parts of the daemon. Only :meth:`open` opens connections."""

    def __init__(self, settings: Settings, listening: Listening, *, logs: RecentLogs) -> None:
        self._settings = settings
        clock = SystemClock()
        self._timers = TimerThread(clock)
        self.services = Services(
            directory=Directory(), snapshots=Snapshots(clock), timers=self._timers, clock=clock
        )
        self._random = Random()  # noqa: S311 - jitter, not cryptography
        self._quota = Quota()
        self._daemon_id = secrets.token_hex(8)
        self._stores = make_stores(settings, clock=clock, timers=self._timers)
        self._channels = Channels(
            self._stores.database, settings=settings.gateway.channels, retention=RETENTION
        )
        self._registry = make_registry(
            SnapshotCollector(
                snapshots=self.services.snapshots,
                directory=self.services.directory,
                database=self._stores.database,
                redis=self._stores.redis,
                clock=clock,
                poll_interval_s=settings.gateway.polling_interval_ms / 1000,
                folder=Path.cwd(),
            )
        )
        self._metrics = Metrics(self._registry)
        self._serving = Serving(
            settings,
            listening,
            services=self.services,
            stores=self._stores,
            registry=self._registry,
            metrics=self._metrics,
            logs=logs,
            channels=self._channels,
            gateway=self._gateway,
            retention=RETENTION,
        )

    def open(self) -> None:
        """Start connecting to the database."""
        self._stores.database.open()

    def take_keys(self, keys: Iterable[ApiKeyEntry]) -> None:
        """Accept these API keys from now on."""
        self._serving.take_keys(keys)

    def give_up_database(self) -> None:
        """Close the database, so that current and later calls fail at once, and log what must be fetched again.

        Only the shutdown calls this. Unacknowledged messages are not lost: the gateway delivers them again.
        """
        snapshots = self.services.snapshots
        writer = snapshots.read(WRITER, WriterSnapshot)
        pollers = snapshots.all_of(PollerSnapshot).values()
        _log.warning(
            "daemon.database_given_up",
            batches_waiting=writer.value.waiting if writer else 0,
            in_flight=sum(poller.value.in_flight for poller in pollers),
            unacknowledged=sum(poller.value.unacknowledged for poller in pollers),
            error=writer.value.error if writer else None,
        )
        self._stores.database.close()

    def close(self) -> None:
        """Close the storage and the timers. Actors and requests close their own gateway clients. Idempotent."""
        self._stores.close()
        self._timers.close()

    def specs(self) -> list[ChildSpec]:
        """Return the children in start order: receivers start before senders.

        The reconciler adds the children of channels that were added at run time.
        """
        children = ChannelChildren(
            self._settings,
            gateway=self._gateway,
            channels=self._channels,
            looks=SecondLooks(self._stores.database, daemon_id=self._daemon_id),
            known=KnownMessages(self._stores.database),
            metrics=self._metrics,
            random=self._random,
        )
        return [
            self._writer(),
            self._serving.stream(),
            self._cache(),
            self._parser(),
            *children.acknowledgers(),
            *children.pollers(),
            self._backfill(),
            self._auditor(),
            self._dead_letters(),
            self._maintenance(),
            *children.doorbells(),
            children.reconciler(),
            self._health(),
            self._serving.responder(),
        ]

    # ── storage ──────────────────────────────────────────────────────────────

    def _gateway(self) -> GatewayClient:
        """Create the client for one actor name. Successive generations of the actor share it."""
        settings = self._settings.gateway
        key = settings.api_key.get_secret_value() if settings.api_key else None
        timeout_s = self._settings.breaker.timeout_ms / 1000
        return GatewayClient(
            settings.url,
            api_key=key,
            login=settings.address.login,
            timeout_s=timeout_s,
            timers=self._timers,
            now=self._stores.database.clock.now,
            quota=self._quota,
        )

    def _prepare_schema(self) -> None:
        """Migrate if our role may. Otherwise raise, so that the writer waits for the schema and reports it."""
        settings = self._settings.database
        strategy = Strategy(settings.strategy)
        try:
            if is_current(self._stores.database, strategy=strategy):
                return
            missing = "the schema is not up to date"
        except DatabaseMisconfiguredError as error:
            # the owner's connection, if there is one, creates the schema and grants us our rights
            if settings.migration_url is None:
                raise
            missing = f"the schema cannot be checked ({error})"
        try:
            migrate_as_owner(settings, timers=self._timers)
        except DatabaseMisconfiguredError as error:
            raise DatabaseMisconfiguredError(f"{missing}; run `tp-capital migrate`: {error}") from error

    # ── children ─────────────────────────────────────────────────────────────

    def _writer(self) -> ChildSpec:
        factory = functools.partial(
            Writer.start,
            ledger=self._stores.ledger,
            prepare=self._prepare_schema,
            metrics=self._metrics,
            random=self._random,
        )
        # a write takes up to three deadlines of 8 s if connections break, and a migration up to 50 s
        return ChildSpec(name=WRITER, factory=factory, start_s=90, heartbeat_limit_s=90)

    def _parser(self) -> ChildSpec:
        factory = functools.partial(
            Parser.start,
            policy=outcome_policy(self._settings),
            now=self._stores.database.clock.now,
            markets=settings_markets(self._settings),
        )
        return ChildSpec(name=PARSER, factory=factory)

    def _cache(self) -> ChildSpec:
        factory = functools.partial(
            Cache.start,
            ledger=self._stores.ledger,
            pages=self._stores.pages,
            last_good=self._stores.memory,
            learn=self._stores.learn_secret,
            ttl_s=float(self._settings.redis.ttl_s),
            metrics=self._metrics,
        )
        return ChildSpec(name=CACHE, factory=factory, parkable=True)

    def _backfill(self) -> ChildSpec:
        gateway = self._settings.gateway
        client = self._gateway()
        sync_s = gateway.sync_timeout_ms / 1000
        factory = functools.partial(
            Backfill.start,
            channels=gateway.channels,
            gateway=client,
            checkpoints=Checkpoints(self._stores.database),
            known_messages=KnownMessages(self._stores.database),
            policy=BackfillPolicy(
                delay_s=self._settings.engine.backfill_delay_s,
                tail_every_s=gateway.tail_check_ms / 1000,
                sync_timeout_s=sync_s,
            ),
            metrics=self._metrics,
            random=self._random,
        )
        return ChildSpec(
            name=BACKFILL,
            factory=factory,
            source=True,
            parkable=True,
            interrupt=client.interrupt,
            heartbeat_limit_s=sync_s + 60,
        )

    def _auditor(self) -> ChildSpec:
        client = self._gateway()
        factory = functools.partial(
            Auditor.start,
            channels=self._settings.gateway.channels,
            gateway=client,
            audits=Audits(self._stores.database),
            known=KnownMessages(self._stores.database),
            policy=AuditPolicy(every_s=self._settings.gateway.full_check_ms / 1000),
            metrics=self._metrics,
            random=self._random,
        )
        return ChildSpec(
            name=AUDITOR,
            factory=factory,
            source=True,
            parkable=True,
            interrupt=client.interrupt,
            heartbeat_limit_s=90,
        )

    def _dead_letters(self) -> ChildSpec:
        factory = functools.partial(
            DeadLetterSource.start,
            letters=DeadLetters(self._stores.database),
            now=self._stores.database.now,
            metrics=self._metrics,
            random=self._random,
        )
        return ChildSpec(name=DEAD_LETTERS, factory=factory, source=True, parkable=True)

    def _maintenance(self) -> ChildSpec:
        factory = functools.partial(
            Maintenance.start,
            retention=Retention(self._stores.database),
            old_rows=LegacyRounds(self._stores.database, self._stores.ledger),
            random=self._random,
        )
        return ChildSpec(name=MAINTENANCE, factory=factory, parkable=True)

    def _health(self) -> ChildSpec:
        gateway, breaker = self._settings.gateway, self._settings.breaker
        place = f"{platform.node()} pid {os.getpid()}"
        factory = functools.partial(
            HealthReporter.start,
            daemons=Daemons(self._stores.database, daemon_id=self._daemon_id, place=place),
            ledger=self._stores.ledger,
            probe=DatabaseProbe(self._stores.database),
            redis=self._stores.redis,
            poll_every_s=gateway.polling_interval_ms / 1000,
            call_limit_s=breaker.timeout_ms / 1000,
            started_at=self.services.clock.now(),
        )
        return ChildSpec(name=HEALTH, factory=factory)
