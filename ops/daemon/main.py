"""The daemon, the main path of the project: open storage, start the supervisor, wait, shut down."""

from __future__ import annotations

import os
import sys
import threading

import pykka
import structlog

from actors.names import WRITER
from actors.shown.snapshots import PollerSnapshot, WriterSnapshot
from config import ConfigurationError, Settings, load_settings
from engine.children import SupervisorSnapshot
from engine.clock import SystemClock
from engine.directory import Directory
from engine.messages import Shutdown
from engine.safe_text import keep_hidden
from engine.snapshot import Snapshots
from engine.spec import SUPERVISOR, Services
from engine.supervisor import Supervisor
from engine.timers import TimerThread
from ops.daemon.children import Children
from ops.daemon.heap import FIRST_TRIM_S, TRIM_EVERY_S, give_back, keep_heap_small, leave_alone
from ops.daemon.notify import ServiceManager
from ops.daemon.watch import Watch
from ops.exit_codes import EXIT_FAILED, EXIT_OK
from ops.http.server.keys import KeyRing
from ops.http.server.listening import Listening
from ops.logging import configure_logging
from ops.process_signals import reread_on_hangup, stop_on_signals
from ops.recent_logs import RecentLogs
from ops.setting_names import setting_notes
from ops.stores import Stores

__all__ = ["Daemon", "run"]

_log = structlog.get_logger("main")

#: from the request to stop to the exit of the process (ARCHITECTURE, SIGTERM)
STOP_S = 9.0
#: After this time the shutdown closes the database. A healthy database has stored everything by then, and calls that
#: still wait would use up the rest of STOP_S.
DATABASE_GIVEN_UP_S = 5.0
DRAIN_S = 5.5
LOOK_EVERY_S = 1.0
#: A thread that parses keeps the interpreter this long while readers wait. Python's 5 ms add 4 ms to each answer.
SWITCH_S = 0.001


class Daemon:
    """A running engine. It is the level above the supervisor, and detects when the supervisor ends or hangs."""

    def __init__(
        self,
        settings: Settings,
        listening: Listening,
        *,
        logs: RecentLogs | None = None,
        manager: ServiceManager | None = None,
    ) -> None:
        self._settings = settings
        clock = SystemClock()
        self._timers = TimerThread(clock)
        self.services = Services(
            directory=Directory(), snapshots=Snapshots(clock), timers=self._timers, clock=clock
        )
        self._stores = Stores(settings, clock=clock, timers=self._timers)
        self._keys = KeyRing(settings.http.all_keys())
        self._children = Children(
            settings,
            self.services,
            self._stores,
            listening=listening,
            logs=logs or RecentLogs(),
            keys=self._keys,
        )
        self._manager = manager or ServiceManager()
        self.finished = threading.Event()
        self._listening = listening
        self._supervisor: pykka.ActorRef[Supervisor] | None = None

    def start(self) -> None:
        """Start all actors, and return at once."""
        keep_heap_small()
        sys.setswitchinterval(SWITCH_S)
        self._stores.database.open()
        self._supervisor = Supervisor.start(
            self.services, self._children.specs(), finished=self.finished, drain_s=DRAIN_S
        )

    def wait(self, stop: threading.Event, *, reread: threading.Event | None = None) -> bool:
        """Wait for ``stop``. Return False if the actors end or hang before that.

        When ``reread`` is set, reread the API keys.
        """
        assert self._supervisor is not None  # noqa: S101 - started first
        clock = self.services.clock
        watch = Watch(self.services.snapshots, self._manager, clock)
        trim_at_s = clock.monotonic_s() + FIRST_TRIM_S
        while not stop.wait(min(LOOK_EVERY_S, watch.every_s or LOOK_EVERY_S)):
            if reread is not None and reread.is_set():
                reread.clear()
                self._reread_keys()
            if self.finished.is_set() or not self._supervisor.is_alive():
                return False
            if not watch.look():
                _log.critical("supervisor.hung")
                return False
            if clock.monotonic_s() >= trim_at_s:
                trim_at_s = clock.monotonic_s() + TRIM_EVERY_S
                give_back()
        return True

    def _reread_keys(self) -> None:
        """Replace the API keys by those of the current settings. If the settings are invalid, keep the old keys."""
        try:
            settings = load_settings()
        except ConfigurationError as error:
            _log.error("keys.kept", problems=list(error.problems))
            return
        keys = settings.http.all_keys()
        if bool(keys) != bool(self._settings.http.all_keys()):
            # the existence of a key decides which requests are open, and that is fixed at the start
            _log.error(
                "keys.kept", problems=["adding the first key or removing the last one needs a restart"]
            )
            return
        # hide the new secrets before they are used, and keep hiding the old ones, which log lines may still hold
        keep_hidden(settings.secrets(), further=True)
        self._keys.replace(keys)
        _log.info("keys.taken", names=[f"{key.name} ({key.scope})" for key in keys])

    def stop(self, reason: str) -> bool:
        """Drain and stop all actors, then close storage. Return whether everything ended in time.

        The supervisor stops the actors meanwhile, in its own thread. If it needs longer than DATABASE_GIVEN_UP_S, the
        database is closed, which ends all calls that wait for it. Messages that were not stored are not
        acknowledged, so the gateway delivers them again. The wait ends at STOP_S in any case: the actors run on
        daemon threads, so a hung one cannot delay the exit.
        """
        self._manager.stopping()
        if not self.finished.is_set():
            self.services.directory.send(SUPERVISOR, Shutdown(reason=reason))
        orderly = self.finished.wait(DATABASE_GIVEN_UP_S)
        if not orderly:
            self._give_up_database()
            orderly = self.finished.wait(STOP_S - DATABASE_GIVEN_UP_S)
        if not orderly:
            _log.error("daemon.stop_timeout", after_s=STOP_S)
        if self._supervisor is not None:
            self._supervisor.stop(block=False)
        # actors and requests close their own clients of the gateway
        self._stores.close()
        self._timers.close()
        self._listening.close()
        return orderly

    def _give_up_database(self) -> None:
        """Close the database, so that current and later calls fail at once, and log what must be fetched again."""
        writer = self.services.snapshots.read(WRITER, WriterSnapshot)
        pollers = self.services.snapshots.all_of(PollerSnapshot).values()
        _log.warning(
            "daemon.database_given_up",
            batches_waiting=writer.value.waiting if writer else 0,
            in_flight=sum(poller.value.in_flight for poller in pollers),
            unacknowledged=sum(poller.value.unacknowledged for poller in pollers),
            error=writer.value.error if writer else None,
        )
        self._stores.database.close()

    @property
    def escalation(self) -> str | None:
        """The reason why the supervisor gave up, or None."""
        published = self.services.snapshots.read(SUPERVISOR, SupervisorSnapshot)
        return published.value.escalation if published else None


def run(settings: Settings, listening: Listening) -> int:
    """Run the daemon in the foreground until a signal or a failure, and return the exit code."""
    logs = configure_logging(level=settings.log.level, form=settings.log.format, secrets=settings.secrets())
    manager = ServiceManager.of(os.environ)
    _log.info("configuration.loaded", message="Configuration loaded", **settings.describe())
    for note in setting_notes():
        _log.warning("setting.not_taken", problem=note)
    daemon = Daemon(settings, listening, logs=logs, manager=manager)
    clean = False
    with stop_on_signals() as stop, reread_on_hangup(stop) as reread:
        try:
            daemon.start()
            leave_alone()
            clean = daemon.wait(stop, reread=reread)
        finally:
            orderly = daemon.stop("signal" if clean else "the actors ended")
    if not clean or not orderly or daemon.escalation:
        _log.error("daemon.failed", reason=daemon.escalation or "it did not stop in time")
        return EXIT_FAILED
    _log.info("daemon.stopped")
    return EXIT_OK
