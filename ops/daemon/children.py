"""All children of the daemon in their start order, each built from its own settings and the stores it needs."""

from __future__ import annotations

import functools
import os
import platform
import secrets
from random import Random

from actors import names
from actors.acknowledger import Acknowledger
from actors.auditor import Auditor, AuditPolicy
from actors.backfill import Backfill, BackfillPolicy
from actors.cache import Cache
from actors.channels import ChannelReconciler
from actors.dead_letters import DeadLetterSource
from actors.doorbell import Doorbell
from actors.health import HealthReporter
from actors.maintenance import Maintenance
from actors.parser import Parser
from actors.poller import Poller, PollPolicy
from actors.shown.metrics import Metrics
from actors.stream import Stream
from actors.writer import Writer
from config import Settings
from engine.breaker import BreakerPolicy
from engine.spec import ChildSpec, Services
from ops.daemon.metrics import make_registry
from ops.http.app import responder_spec
from ops.http.routes.frames import event_of
from ops.http.server.keys import KeyRing
from ops.http.server.listening import Listening
from ops.recent_logs import RecentLogs
from ops.stores import Stores, outcome_policy, settings_markets
from storage.legacy.rounds import LegacyRounds
from storage.postgres.audits import Audits
from storage.postgres.checkpoints import Checkpoints
from storage.postgres.daemons import Daemons
from storage.postgres.probe import DatabaseProbe
from storage.postgres.retention import Retention
from storage.postgres.second_looks import SecondLooks
from storage.postgres.standing_rounds import StandingRounds

__all__ = ["Children"]


class Children:
    """Builds the specs of all children. Generations of a child share the objects that its spec holds."""

    def __init__(
        self,
        settings: Settings,
        services: Services,
        stores: Stores,
        *,
        listening: Listening,
        logs: RecentLogs,
        keys: KeyRing,
    ) -> None:
        self._settings = settings
        self._services = services
        self._stores = stores
        self._listening = listening
        self._logs = logs
        self._keys = keys
        self._poll_every_s = settings.gateway.polling_interval_ms / 1000
        self._call_s = settings.breaker.timeout_ms / 1000
        self._metrics = Metrics(make_registry(services, stores, poll_interval_s=self._poll_every_s))
        self._random = Random()  # noqa: S311 - jitter, not cryptography
        self._daemon_id = secrets.token_hex(8)
        self._looks = SecondLooks(stores.database, daemon_id=self._daemon_id)

    def specs(self) -> list[ChildSpec]:
        """Return the children in start order: receivers start before senders.

        The reconciler adds the children of channels that were added at run time.
        """
        channels = self._settings.gateway.channels
        return [
            self._writer(),
            self._stream(),
            self._cache(),
            self._parser(),
            *map(self._acknowledger, channels),
            *map(self._poller, channels),
            self._backfill(),
            self._auditor(),
            self._dead_letters(),
            self._maintenance(),
            *(map(self._doorbell, channels) if self._settings.engine.doorbell else ()),
            self._reconciler(),
            self._health(),
            self._responder(),
        ]

    # ── one of each ──────────────────────────────────────────────────────────

    def _writer(self) -> ChildSpec:
        factory = functools.partial(
            Writer.start,
            ledger=self._stores.ledger,
            prepare=self._stores.prepare_schema,
            metrics=self._metrics,
            random=self._random,
        )
        # a write takes up to three deadlines of 8 s if connections break, and a migration up to 50 s
        return ChildSpec(name=names.WRITER, factory=factory, start_s=90, heartbeat_limit_s=90)

    def _stream(self) -> ChildSpec:
        factory = functools.partial(
            Stream.start, signals=self._stores.signals, event_log=self._stores.event_log, event_of=event_of
        )
        return ChildSpec(name=names.STREAM, factory=factory, parkable=True)

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
        return ChildSpec(name=names.CACHE, factory=factory, parkable=True)

    def _parser(self) -> ChildSpec:
        factory = functools.partial(
            Parser.start,
            policy=outcome_policy(self._settings),
            now=self._stores.database.clock.now,
            markets=settings_markets(self._settings),
        )
        return ChildSpec(name=names.PARSER, factory=factory)

    def _backfill(self) -> ChildSpec:
        gateway = self._settings.gateway
        client = self._stores.gateway()
        sync_s = gateway.sync_timeout_ms / 1000
        factory = functools.partial(
            Backfill.start,
            channels=gateway.channels,
            gateway=client,
            checkpoints=Checkpoints(self._stores.database),
            known_messages=self._stores.known,
            policy=BackfillPolicy(
                delay_s=self._settings.engine.backfill_delay_s,
                tail_every_s=gateway.tail_check_ms / 1000,
                sync_timeout_s=sync_s,
            ),
            metrics=self._metrics,
            random=self._random,
        )
        return ChildSpec(
            name=names.BACKFILL,
            factory=factory,
            source=True,
            parkable=True,
            interrupt=client.interrupt,
            heartbeat_limit_s=sync_s + 60,
        )

    def _auditor(self) -> ChildSpec:
        client = self._stores.gateway()
        factory = functools.partial(
            Auditor.start,
            channels=self._settings.gateway.channels,
            gateway=client,
            audits=Audits(self._stores.database),
            known=self._stores.known,
            policy=AuditPolicy(every_s=self._settings.gateway.full_check_ms / 1000),
            metrics=self._metrics,
            random=self._random,
        )
        return ChildSpec(
            name=names.AUDITOR,
            factory=factory,
            source=True,
            parkable=True,
            interrupt=client.interrupt,
            heartbeat_limit_s=90,
        )

    def _dead_letters(self) -> ChildSpec:
        factory = functools.partial(
            DeadLetterSource.start,
            letters=self._stores.letters,
            now=self._stores.database.now,
            metrics=self._metrics,
            random=self._random,
        )
        return ChildSpec(name=names.DEAD_LETTERS, factory=factory, source=True, parkable=True)

    def _maintenance(self) -> ChildSpec:
        database, ledger = self._stores.database, self._stores.ledger
        factory = functools.partial(
            Maintenance.start,
            retention=Retention(database),
            old_rows=LegacyRounds(database, ledger),
            standings=StandingRounds(database, ledger, now=database.now),
            random=self._random,
        )
        return ChildSpec(name=names.MAINTENANCE, factory=factory, parkable=True)

    def _reconciler(self) -> ChildSpec:
        # receivers start before senders
        makers = {names.ACKNOWLEDGER: self._acknowledger, names.POLLER: self._poller}
        if self._settings.engine.doorbell:
            makers[names.DOORBELL] = self._doorbell
        factory = functools.partial(
            ChannelReconciler.start,
            settings=self._settings.gateway.channels,
            channels=self._stores.channels,
            makers=makers,
            markets=settings_markets(self._settings),
            metrics=self._metrics,
        )
        # its write to the database may take as long as one of the writer
        return ChildSpec(name=names.CHANNELS, factory=factory, parkable=True, heartbeat_limit_s=90)

    def _health(self) -> ChildSpec:
        place = f"{platform.node()} pid {os.getpid()}"
        factory = functools.partial(
            HealthReporter.start,
            daemons=Daemons(self._stores.database, daemon_id=self._daemon_id, place=place),
            ledger=self._stores.ledger,
            probe=DatabaseProbe(self._stores.database),
            redis_states=self._stores.redis.states if self._stores.redis else None,
            poll_every_s=self._poll_every_s,
            call_limit_s=self._call_s,
            started_at=self._services.clock.now(),
        )
        return ChildSpec(name=names.HEALTH, factory=factory)

    def _responder(self) -> ChildSpec:
        return responder_spec(
            self._settings,
            self._services,
            self._stores,
            listening=self._listening,
            metrics=self._metrics,
            logs=self._logs,
            keys=self._keys,
        )

    # ── one for each channel ─────────────────────────────────────────────────

    def _acknowledger(self, channel: str) -> ChildSpec:
        factory = functools.partial(
            Acknowledger.start,
            channel=channel,
            poller=names.of_channel(names.POLLER, channel),
            gateway=self._stores.gateway(),
            looks=self._looks,
            known=self._stores.known,
            metrics=self._metrics,
            random=self._random,
        )
        # one round is a write, up to 30 calls if the batch is split, and a page of history
        return ChildSpec(
            name=names.of_channel(names.ACKNOWLEDGER, channel),
            factory=factory,
            source=True,
            parkable=True,
            group=names.ACKNOWLEDGER,
            heartbeat_limit_s=90 + 32 * self._call_s,
        )

    def _poller(self, channel: str) -> ChildSpec:
        breaker = self._settings.breaker
        factory = functools.partial(
            Poller.start,
            channel=channel,
            acknowledger=names.of_channel(names.ACKNOWLEDGER, channel),
            gateway=self._stores.gateway(),
            policy=PollPolicy(interval_s=self._poll_every_s, batch_size=self._settings.gateway.batch_size),
            breaker=BreakerPolicy(
                window=breaker.window,
                minimum=breaker.minimum,
                threshold_percent=breaker.error_threshold,
                reset_s=breaker.reset_timeout_ms / 1000,
                # a failed poll takes up to one interval and one call; enough of them must fit into the window
                horizon_s=10 * (self._poll_every_s + self._call_s),
            ),
            metrics=self._metrics,
        )
        # a poller that keeps failing must not end the polling of the other channels
        return ChildSpec(
            name=names.of_channel(names.POLLER, channel),
            factory=factory,
            source=True,
            group=names.POLLER,
            heartbeat_limit_s=30 + 2 * self._call_s,
        )

    def _doorbell(self, channel: str) -> ChildSpec:
        client = self._stores.gateway()
        factory = functools.partial(
            Doorbell.start,
            channel=channel,
            poller=names.of_channel(names.POLLER, channel),
            gateway=client,
            random=self._random,
        )
        return ChildSpec(
            name=names.of_channel(names.DOORBELL, channel),
            factory=factory,
            parkable=True,
            group=names.DOORBELL,
            interrupt=client.interrupt,
            heartbeat_limit_s=60 + self._call_s,
        )
