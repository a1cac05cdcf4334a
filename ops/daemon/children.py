"""All children of the daemon in their start order, each built from its own settings and the stores it needs."""

from __future__ import annotations

import functools
import os
import platform
import secrets
from collections.abc import Sequence
from random import Random

from actors import names
from actors.auditor import Auditor, AuditPolicy
from actors.backfill import Backfill, BackfillPolicy
from actors.bell import Bell
from actors.cache import Cache
from actors.channels import ChannelReconciler
from actors.consumer import Consumer
from actors.dead_letters import DeadLetterSource
from actors.health import HealthReporter
from actors.leases import LeaseKeeper
from actors.parser import Parser
from actors.shown.metrics import Metrics
from actors.writer import Writer
from config import Settings
from engine.spec import ChildSpec, Services
from ops.daemon.channel_children import ChannelChildren, breaker_policy
from ops.daemon.feed_children import feed_specs
from ops.daemon.history_child import history_requests_spec
from ops.daemon.maintaining import maintenance_spec
from ops.daemon.metrics import make_registry
from ops.daemon.quoting import quotes_spec
from ops.http.app import responder_spec
from ops.http.server.keys import KeyRing
from ops.http.server.listening import Listening
from ops.recent_logs import RecentLogs
from ops.stores import Stores, outcome_policy, settings_markets
from storage.postgres.audits import Audits
from storage.postgres.checkpoints import Checkpoints
from storage.postgres.daemons import Daemons
from storage.postgres.leases import JobLeases
from storage.postgres.probe import DatabaseProbe
from storage.postgres.second_looks import SecondLooks

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
        self._role = settings.engine.role
        self._ingests = self._role != "serve"
        #: whether other daemons do the same work, so that a lease decides who does what one is enough for
        self._shares = self._role == "ingest"
        self._polls = self._ingests and settings.broker.source != "broker"
        self._consumes = self._ingests and settings.broker.source != "poll"
        # a ring for each message would make polls of what the broker brings
        self._rings = settings.engine.doorbell and self._polls and not self._consumes
        self._random = Random()  # noqa: S311 - jitter, not cryptography
        self._daemon_id = secrets.token_hex(8)
        self._of_channel = ChannelChildren(
            settings,
            stores,
            looks=SecondLooks(stores.database, daemon_id=self._daemon_id),
            metrics=self._metrics,
            random=self._random,
        )

    def specs(self) -> list[ChildSpec]:
        """Return the children in start order: receivers start before senders.

        The reconciler adds the children of channels that were added at run time.
        """
        followers = feed_specs(
            self._settings, self._services, self._stores, metrics=self._metrics, daemon_id=self._daemon_id
        )
        return [
            *((self._writer(),) if self._ingests else ()),
            *followers,
            self._cache([spec.name for spec in followers]),
            *((self._bell(),) if self._stores.rings else ()),
            *(self._ingesting() if self._ingests else ()),
            self._reconciler(),
            self._health(),
            self._responder(),
            # last, because it adds children: that needs a daemon that has started
            *((self._leases(),) if self._shares else ()),
        ]

    def _ingesting(self) -> list[ChildSpec]:
        """Return the children that bring messages to the writer, and the maintenance of what it has written."""
        channels = self._settings.gateway.channels
        return [
            self._parser(),
            *map(self._of_channel.acknowledger, channels),
            *map(self._of_channel.poller, channels if self._polls and not self._shares else ()),
            *((self._consumer(),) if self._consumes else ()),
            *(() if self._shares else self._single().values()),
            *(
                (quotes_spec(self._settings, self._stores, metrics=self._metrics),)
                if self._settings.prices.quotes
                else ()
            ),
            history_requests_spec(self._stores),
            *map(self._of_channel.doorbell, channels if self._rings and not self._shares else ()),
        ]

    def _single(self) -> dict[str, ChildSpec]:
        """Return the children of the jobs that one daemon is enough for, by job. The pollers are one more such job."""
        specs = (
            self._backfill(),
            self._auditor(),
            self._dead_letters(),
            maintenance_spec(self._stores),
        )
        return {spec.name: spec for spec in specs}

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

    def _cache(self, followers: Sequence[str]) -> ChildSpec:
        factory = functools.partial(
            Cache.start,
            ledger=self._stores.ledger,
            pages=self._stores.pages,
            memory=self._stores.memory,
            learn=self._stores.learn_secret,
            rings=self._stores.rings,
            ttl_s=float(self._settings.redis.ttl_s),
            metrics=self._metrics,
            followers=followers,
        )
        return ChildSpec(name=names.CACHE, factory=factory, parkable=True)

    def _bell(self) -> ChildSpec:
        factory = functools.partial(Bell.start, connect=self._stores.bell_line, random=self._random)
        return ChildSpec(name=names.BELL, factory=factory, parkable=True)

    def _parser(self) -> ChildSpec:
        factory = functools.partial(
            Parser.start,
            policy=outcome_policy(self._settings),
            now=self._stores.database.clock.now,
            markets=settings_markets(self._settings),
        )
        return ChildSpec(name=names.PARSER, factory=factory)

    def _consumer(self) -> ChildSpec:
        batch_size = self._settings.gateway.batch_size
        factory = functools.partial(
            Consumer.start,
            # one batch is in flight while the next one arrives
            connect=functools.partial(self._stores.queue_reader, prefetch=2 * batch_size),
            now=self._stores.database.clock.now,
            batch_size=batch_size,
            breaker=breaker_policy(self._settings),
            metrics=self._metrics,
            random=self._random,
        )
        return ChildSpec(name=names.CONSUMER, factory=factory, source=True, parkable=self._polls)

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

    def _reconciler(self) -> ChildSpec:
        # receivers start before senders
        makers = {names.ACKNOWLEDGER: self._of_channel.acknowledger} if self._ingests else {}
        if self._polls:
            makers[names.POLLER] = self._of_channel.poller
        if self._rings:
            makers[names.DOORBELL] = self._of_channel.doorbell
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

    def _leases(self) -> ChildSpec:
        leases = JobLeases(self._stores.database, daemon_id=self._daemon_id)
        factory = functools.partial(LeaseKeeper.start, leases=leases, specs=self._single())
        return ChildSpec(name=names.LEASES, factory=factory)

    def _health(self) -> ChildSpec:
        place = f"{platform.node()} pid {os.getpid()}"
        factory = functools.partial(
            HealthReporter.start,
            role=self._role,
            daemons=Daemons(self._stores.database, daemon_id=self._daemon_id, place=place, role=self._role),
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
