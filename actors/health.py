"""HealthReporter: probes the data stores, collects the snapshots of all actors, and publishes a report each second."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from actors.names import (
    ANNOUNCER,
    BACKFILL,
    CACHE,
    CONSUMER,
    DEAD_LETTERS,
    ENRICHER,
    JOBS,
    LEASES,
    MAINTENANCE,
    NOTIFIER,
    QUOTES,
    WRITER,
)
from actors.shown.enricher_snapshot import EnricherSnapshot
from actors.shown.health_report import Finding, HealthReport, Inputs, judge
from actors.shown.snapshots import (
    AcknowledgerSnapshot,
    AnnouncerSnapshot,
    BackfillSnapshot,
    CacheSnapshot,
    ConsumerSnapshot,
    DeadLettersSnapshot,
    LeasesSnapshot,
    MaintenanceSnapshot,
    NotifierSnapshot,
    PollerSnapshot,
    QuotesSnapshot,
    WriterSnapshot,
)
from engine.actor import Actor, handles
from engine.children import SupervisorSnapshot
from engine.messages import Tick
from engine.spec import SUPERVISOR, Context
from storage.errors import StorageError
from storage.postgres.daemons import Daemons
from storage.postgres.ledger import Ledger
from storage.postgres.probe import DatabaseProbe
from storage.redis_state import RedisState

__all__ = ["HealthReporter"]

LOOK_EVERY_S = 1.0
#: Redis and the newest messages are read only at every so many looks, because they change slowly
SLOW_LOOKS = 5
#: what readers need changes seldom, and the plan of its query costs more than all else; it is told within 5 s
READABLE_LOOKS = 3


class HealthReporter(Actor):
    """Collects the inputs. A pure function judges them (:mod:`actors.shown.health_report`)."""

    def __init__(
        self,
        context: Context,
        *,
        role: str,
        daemons: Daemons,
        ledger: Ledger,
        probe: DatabaseProbe,
        redis_states: Callable[[], Mapping[str, RedisState]] | None,
        poll_every_s: float,
        call_limit_s: float,
        started_at: datetime,
    ) -> None:
        super().__init__(context)
        self._role = role
        self._daemons = daemons
        self._ledger = ledger
        self._probe = probe
        self._read_redis_states = redis_states
        self._poll_every_s = poll_every_s
        self._call_limit_s = call_limit_s
        self._started_at = started_at
        self._looks = 0
        self._redis_states: Mapping[str, RedisState] = {}
        self._others: tuple[str, ...] = ()
        self._undone: tuple[str, ...] = ()
        self._newest: dict[str, datetime] = {}
        self._database_error: str | None = None
        self._report: HealthReport | None = None

    def _open(self) -> None:
        self.tick_later("look", 0)

    def _close(self) -> None:
        # A call to an unavailable database would only delay the stop. The lease expires by itself.
        if self._database_error is None:
            self._daemons.leave()

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose == "look":
            self._look()
            self.tick_each("look", LOOK_EVERY_S)

    def _look(self) -> None:
        self._probe_database()
        if self._read_redis_states is not None and self._looks % SLOW_LOOKS == 0:
            self._redis_states = self._read_redis_states()
        snapshots = self.context.services.snapshots
        pollers = tuple(poller.value for poller in snapshots.all_of(PollerSnapshot).values())
        if self._database_error is None and self._looks % SLOW_LOOKS == 0:
            self._look_for_newest([poller.channel for poller in pollers])
        self._looks += 1
        consumer = snapshots.read(CONSUMER, ConsumerSnapshot)
        announcer = snapshots.read(ANNOUNCER, AnnouncerSnapshot)
        notifier = snapshots.read(NOTIFIER, NotifierSnapshot)
        quotes = snapshots.read(QUOTES, QuotesSnapshot)
        enricher = snapshots.read(ENRICHER, EnricherSnapshot)
        supervisor = snapshots.read(SUPERVISOR, SupervisorSnapshot)
        writer = snapshots.read(WRITER, WriterSnapshot)
        backfill = snapshots.read(BACKFILL, BackfillSnapshot)
        cache = snapshots.read(CACHE, CacheSnapshot)
        letters = snapshots.read(DEAD_LETTERS, DeadLettersSnapshot)
        maintenance = snapshots.read(MAINTENANCE, MaintenanceSnapshot)
        report = judge(
            Inputs(
                now=self.clock.now(),
                now_s=self.clock.monotonic_s(),
                started_at=self._started_at,
                role=self._role,
                jobs=self._jobs(),
                undone=self._undone,
                poll_every_s=self._poll_every_s,
                call_limit_s=self._call_limit_s,
                database_error=self._database_error,
                reading_error=self._probe.readers_trouble(),
                machine_ahead_s=self._probe.machine_ahead_s(),
                write_runs_s=self._probe.write_runs_s(),
                writer=writer.value if writer else None,
                pollers=pollers,
                acknowledgers=tuple(a.value for a in snapshots.all_of(AcknowledgerSnapshot).values()),
                consumer=consumer.value if consumer else None,
                announcer=announcer.value if announcer else None,
                notifier=notifier.value if notifier else None,
                quotes=quotes.value if quotes else None,
                enricher=enricher.value if enricher else None,
                backfill=backfill.value if backfill else None,
                cache=cache.value if cache else None,
                dead_letters=letters.value if letters else None,
                maintenance=maintenance.value if maintenance else None,
                supervisor=supervisor.value if supervisor else None,
                redis=self._redis_states,
                other_daemons=self._others,
                newest=self._newest,
            ),
            previous=self._report,
        )
        self._log_changes(report)
        self._report = report
        self.publish(report)

    def _probe_database(self) -> None:
        """Renew the lease, which tests server, schema and rights. Then read what readers read."""
        try:
            self._others = self._daemons.beat()
            if self._database_error is not None or self._looks % READABLE_LOOKS == 0:
                self._probe.look()
            if self._role == "serve":
                self._undone = self._daemons.undone(JOBS)
        except StorageError as error:
            self._database_error = str(error)
        else:
            self._database_error = None

    def _jobs(self) -> frozenset[str]:
        """Return the jobs that this daemon does."""
        if self._role == "all":
            return JOBS
        leases = self.context.services.snapshots.read(LEASES, LeasesSnapshot)
        return leases.value.held if leases else frozenset()

    def _look_for_newest(self, channels: Sequence[str]) -> None:
        try:
            self._newest = self._ledger.newest_received(channels)
        except StorageError as error:
            # The next probe reports the cause. The known instants stay valid.
            self.log.debug("health.newest_failed", error=str(error))

    def _log_changes(self, report: HealthReport) -> None:
        before = self._report.findings if self._report else {}
        for name, finding in report.findings.items():
            known: Finding | None = before.get(name)
            if known is None or known.status is not finding.status:
                self.log.info("health.changed", check=name, status=finding.status.value, cause=finding.cause)
