"""The lease keeper, and the actors that work only while their lease lasts."""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

from actors.leases import LOOK_EVERY_S, LeaseKeeper
from actors.names import BACKFILL, CHANNELS, JOBS, LEASES, MAINTENANCE, POLLER
from actors.shown.snapshots import LeasesSnapshot
from engine.children import Phase
from engine.messages import AddChild, RemoveChild
from engine.snapshot import Snapshots
from engine.spec import SUPERVISOR, ChildSpec
from storage.errors import DatabaseUnavailableError, StorageError
from storage.postgres.leases import LEASE_S, JobLeases
from tests.support.keeping import Keeping, family_of
from tests.support.polling import INTERVAL_S, Polling
from tests.support.recording import World, message


class FakeLeases:
    """What the database answers. ``down`` fails every call."""

    def __init__(self) -> None:
        self.ours = JOBS
        self.down: StorageError | None = None
        self.given_back = False

    def take(self, jobs: Collection[str]) -> frozenset[str]:
        if self.down is not None:
            raise self.down
        return self.ours & frozenset(jobs)

    def give_back(self) -> None:
        self.given_back = True


class Sharing(World):
    """A keeper under a supervisor that does as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.leases = FakeLeases()
        self.supervisor = self.recorder(SUPERVISOR)
        self.channels = self.recorder(CHANNELS)
        self.children: list[str] = []
        self.show_family()
        self.keeper = LeaseKeeper(
            self.context(LEASES),
            leases=cast("JobLeases", self.leases),
            specs={job: ChildSpec(name=job, factory=lambda _: self.supervisor.actor_ref) for job in SINGLE},
        )
        self.keeper.on_start()
        self.supervisor.taken()

    def show_family(self, phase: Phase = Phase.RUNNING) -> None:
        self.snapshots.publish(SUPERVISOR, family_of(*self.children, phase=phase))

    def orders(self, seconds: float) -> list[str]:
        """Let time pass, and return what the supervisor was told, which it has done then."""
        self.advance(seconds, self.keeper)
        orders = []
        for told in self.supervisor.taken():
            if isinstance(told, AddChild):
                orders.append(f"+{told.spec.name}")
                self.children.append(told.spec.name)
            elif isinstance(told, RemoveChild):
                orders.append(f"-{told.name}")
                self.children.remove(told.name)
        self.show_family()
        return orders

    @property
    def held(self) -> frozenset[str]:
        return self.shown(LEASES, LeasesSnapshot).held


SINGLE = (BACKFILL, MAINTENANCE)


def show_lease(snapshots: Snapshots, *jobs: str, asked_s: float) -> None:
    snapshots.publish(LEASES, LeasesSnapshot(held=frozenset(jobs), asked_s=asked_s))


# ── the keeper ───────────────────────────────────────────────────────────────


def test_the_children_of_a_job_run_while_its_lease_is_held() -> None:
    world = Sharing()
    assert world.orders(0) == [f"+{BACKFILL}", f"+{MAINTENANCE}"]
    assert world.channels.taken(), "the pollers are of another actor, which is told"
    assert world.orders(60) == []
    assert world.channels.taken() == []
    world.leases.ours = JOBS - {BACKFILL}
    assert world.orders(LOOK_EVERY_S) == [f"-{BACKFILL}"]
    world.leases.ours = JOBS
    assert world.orders(LOOK_EVERY_S) == [f"+{BACKFILL}"]


def test_before_the_daemon_has_started_and_while_it_stops_nothing_is_taken() -> None:
    world = Sharing()
    world.show_family(Phase.STARTING)
    world.advance(0.5, world.keeper)
    assert world.held == frozenset()
    world.show_family()
    assert world.orders(0.2) == [f"+{BACKFILL}", f"+{MAINTENANCE}"], "the start is no slower for it"
    world.show_family(Phase.DRAINING)
    world.leases.ours = frozenset()
    world.advance(10, world.keeper)
    assert world.supervisor.taken() == []


def test_while_the_database_is_away_the_jobs_go_on_and_are_not_given_back() -> None:
    world = Sharing()
    world.orders(0)
    world.leases.down = DatabaseUnavailableError("connection refused")
    assert world.orders(60) == []
    assert world.held == JOBS
    assert world.clock.monotonic_s() - world.shown(LEASES, LeasesSnapshot).asked_s < LEASE_S
    world.keeper.on_stop()
    assert not world.leases.given_back, "the stop would wait for the database"


def test_at_the_stop_the_leases_are_given_back() -> None:
    world = Sharing()
    world.orders(0)
    world.keeper.on_stop()
    assert world.leases.given_back


def test_the_next_generation_knows_what_is_held() -> None:
    world = Sharing()
    world.orders(0)
    world.leases.down = DatabaseUnavailableError("connection refused")
    again = LeaseKeeper(world.context(LEASES, 2), leases=cast("JobLeases", world.leases), specs={})
    again.on_start()
    world.advance(1, again)
    assert world.held == JOBS


# ── those that work only under a lease ───────────────────────────────────────


def test_a_source_that_wakes_after_the_end_of_its_lease_asks_for_nothing_until_it_is_renewed() -> None:
    world = Polling()
    show_lease(world.snapshots, POLLER, asked_s=world.clock.monotonic_s())
    world.pass_s(0)
    asked = len(world.gateway.calls)
    assert asked > 0
    world.gateway.unread.append(message(1))
    # the process is frozen: its clock goes on, and nobody renews
    world.clock.advance(LEASE_S)
    world.pass_s(2 * INTERVAL_S)
    assert len(world.gateway.calls) == asked
    show_lease(world.snapshots, POLLER, asked_s=world.clock.monotonic_s())
    world.pass_s(2.0)
    assert [one.message_id for one in world.batch().messages] == ["1"]


def test_a_channel_has_its_poller_and_doorbell_only_under_the_lease() -> None:
    keeping = Keeping(kinds=("acknowledger", "poller", "doorbell"))
    show_lease(keeping.snapshots, asked_s=keeping.clock.monotonic_s())
    keeping.ring()
    assert keeping.obey() == ["-doorbell:-1", "-doorbell:-2", "-poller:-1", "-poller:-2"]
    show_lease(keeping.snapshots, POLLER, asked_s=keeping.clock.monotonic_s())
    keeping.ring()
    assert keeping.obey() == ["+poller:-1", "+doorbell:-1", "+poller:-2", "+doorbell:-2"]
