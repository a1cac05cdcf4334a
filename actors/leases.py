"""Lease keeper: holds the leases of jobs that one daemon is enough for, and runs their actors while it holds them.

It compares what is held with the children that run, again and again, and sends the difference. So it does not matter
which of its messages was lost. The pollers of all channels are one job; the channel reconciler runs them.
"""

from __future__ import annotations

from collections.abc import Mapping

from actors.names import CHANNELS, JOBS, LEASES
from actors.shown.snapshots import LeasesSnapshot
from engine.actor import Actor, handles
from engine.children import Phase, SupervisorSnapshot
from engine.messages import AddChild, ChannelsChanged, RemoveChild, Tick
from engine.spec import SUPERVISOR, ChildSpec, Context
from storage.errors import StorageError
from storage.postgres.leases import JobLeases

__all__ = ["LeaseKeeper"]

LOOK_EVERY_S = 2.0
#: how often it looks whether the daemon has started
START_EVERY_S = 0.1


class LeaseKeeper(Actor):
    """Renews the leases every two seconds. ``specs`` are the children of the jobs, by job.

    While the database is away, nobody can take a lease, so the jobs go on. If only this daemon cannot reach it, another
    one takes them; what this one still fetches it cannot store.
    """

    def __init__(self, context: Context, *, leases: JobLeases, specs: Mapping[str, ChildSpec]) -> None:
        super().__init__(context)
        self._leases = leases
        self._specs = specs
        self._error: str | None = None
        # An earlier generation held leases for this daemon.
        shown = context.services.snapshots.read(LEASES, LeasesSnapshot)
        self._held = shown.value.held if shown else frozenset[str]()

    def _open(self) -> None:
        self.publish(LeasesSnapshot(held=self._held, asked_s=self.clock.monotonic_s()))
        self.tick_later("look", 0)

    def _close(self) -> None:
        # A call to an unavailable database would only delay the stop. The leases end by themselves.
        if self._error is None:
            self._leases.give_back()

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose == "look":
            self._look()

    def _look(self) -> None:
        family = self.context.services.snapshots.read(SUPERVISOR, SupervisorSnapshot)
        if family is None or family.value.phase is not Phase.RUNNING:
            # Children can be added when the daemon has started. When it stops, nothing more is taken.
            self.tick_later("look", START_EVERY_S)
            return
        self.tick_each("look", LOOK_EVERY_S)
        before = self._held
        # The lease runs from when it was asked for, at the latest.
        asked_s = self.clock.monotonic_s()
        try:
            self._held = self._leases.take(JOBS)
            self._error = None
        except StorageError as error:
            if self._error is None:
                self.log.warning("leases.not_renewed", error=str(error))
            self._error = str(error)
        self.publish(LeasesSnapshot(held=self._held, asked_s=asked_s))
        if self._held != before:
            self.log.info(
                "leases.changed", taken=sorted(self._held - before), lost=sorted(before - self._held)
            )
            self.send(CHANNELS, ChannelsChanged())
        self._follow({child.name for child in family.value.children})

    def _follow(self, present: set[str]) -> None:
        for job, spec in self._specs.items():
            if job in self._held and spec.name not in present:
                self.send(SUPERVISOR, AddChild(spec=spec))
            elif job not in self._held and spec.name in present:
                self.send(SUPERVISOR, RemoveChild(name=spec.name))
