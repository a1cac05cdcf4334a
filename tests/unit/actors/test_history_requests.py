"""Stored requests reach backfill, are done when it has nothing left to do, and survive who took them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import cast

from actors.history_requests import LOOK_EVERY_S, PROGRESS, HistoryRequestKeeper
from actors.names import BACKFILL, HISTORY_REQUESTS, LEASES
from actors.shown.snapshots import BackfillPhase, BackfillSnapshot, LeasesSnapshot
from engine.messages import HistoryRequested, StartBackfill
from storage.errors import DatabaseUnavailableError, StorageError
from storage.postgres.history_requests import HistoryRequest, HistoryRequests
from tests.support.recording import World

IDLE = BackfillSnapshot(phase=BackfillPhase.COMPLETED, channels=(), error=None, failing_since=None)


class FakeRequests:
    """The table, in memory. ``down`` fails every call."""

    def __init__(self) -> None:
        self.rows: list[HistoryRequest] = []
        self.progress: list[BackfillSnapshot] = []
        self.down: StorageError | None = None

    def waiting(self) -> tuple[HistoryRequest, ...]:
        if self.down is not None:
            raise self.down
        return tuple(self.rows)

    def done(self, ids: Collection[int]) -> None:
        self.rows = [row for row in self.rows if row.id not in ids]

    def show(self, progress: str) -> None:
        self.progress.append(PROGRESS.validate_json(progress))


class Asked(World):
    """The actor beside a backfill that does as the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = FakeRequests()
        self.backfill = self.recorder(BACKFILL)
        self.keeper = HistoryRequestKeeper(
            self.context(HISTORY_REQUESTS), requests=cast("HistoryRequests", self.requests)
        )
        self.keeper.on_start()

    def ask(self, number: int) -> None:
        self.requests.rows.append(HistoryRequest(id=number, again=True, channels=[], since=None))

    def show(self, phase: BackfillPhase, taken: int) -> None:
        """Let backfill show this, and the actor look."""
        self.snapshots.publish(BACKFILL, replace(IDLE, phase=phase, requests_taken=taken))
        self.look()

    def look(self) -> None:
        self.keeper.on_receive(HistoryRequested())

    def told(self) -> int:
        """Return how many requests backfill was told since the last call."""
        return len([one for one in self.backfill.taken() if isinstance(one, StartBackfill)])


def test_a_request_is_told_once_and_done_when_nothing_is_left_to_do() -> None:
    asked = Asked()
    asked.ask(1)
    asked.show(BackfillPhase.COMPLETED, 0)
    assert asked.told() == 1
    asked.show(BackfillPhase.COMPLETED, 0)
    assert asked.requests.rows, "it was not taken yet"
    asked.show(BackfillPhase.READING, 1)
    assert asked.requests.rows, "it is being read"
    asked.show(BackfillPhase.COMPLETED, 1)
    assert asked.requests.rows == []
    assert asked.told() == 0


def test_another_generation_of_backfill_is_told_again() -> None:
    asked = Asked()
    asked.ask(1)
    asked.show(BackfillPhase.COMPLETED, 0)
    asked.show(BackfillPhase.READING, 1)
    assert asked.told() == 1
    asked.show(BackfillPhase.COMPLETED, 0)
    assert asked.told() == 1
    assert asked.requests.rows, "the former one has not finished it"


def test_without_the_lease_nothing_is_taken_and_no_progress_is_shown() -> None:
    asked = Asked()
    asked.ask(1)
    asked.snapshots.publish(LEASES, LeasesSnapshot(held=frozenset(), asked_s=asked.clock.monotonic_s()))
    asked.show(BackfillPhase.COMPLETED, 0)
    assert (asked.told(), asked.requests.progress) == (0, [])


def test_the_progress_is_stored_when_it_changes() -> None:
    asked = Asked()
    for phase, taken in (
        (BackfillPhase.READING, 0),
        (BackfillPhase.READING, 0),
        (BackfillPhase.COMPLETED, 0),
    ):
        asked.show(phase, taken)
    assert [one.phase for one in asked.requests.progress] == [BackfillPhase.READING, BackfillPhase.COMPLETED]


def test_an_outage_of_the_database_is_waited_for() -> None:
    asked = Asked()
    asked.ask(1)
    asked.requests.down = DatabaseUnavailableError("away")
    asked.show(BackfillPhase.COMPLETED, 0)
    assert asked.told() == 0
    asked.requests.down = None
    asked.advance(LOOK_EVERY_S, asked.keeper)
    assert asked.told() == 1
