"""Maintenance: keeps weeks each hour, sooner when something is wrong; settles old rows each minute."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import cast

from actors.maintenance import BACKOFF, EVERY_S, IN_DOUBT_EVERY_S, SETTLE_EVERY_S, Maintenance
from actors.names import CACHE
from actors.shown.snapshots import LeasesSnapshot, MaintenanceSnapshot
from engine.messages import SignalsCommitted
from storage.errors import DatabaseUnavailableError, StorageError
from storage.legacy.rounds import LegacyRounds
from storage.postgres.bar_retention import BarRetention
from storage.postgres.retention import Kept, Retention
from storage.postgres.standing_rounds import SettledStandings, StandingRounds
from tests.support.clock import START
from tests.support.recording import World

AHEAD = START + timedelta(days=28)
WELL = Kept(made=0, dropped=0, ahead_until=AHEAD, problem=None)
IN_DOUBT = Kept(made=0, dropped=0, ahead_until=None, problem="the retention policy is switched off")


class FakeRetention:
    """Answers one round after the other; the last answer stands."""

    def __init__(self, *answers: Kept | StorageError) -> None:
        self.answers = deque(answers)
        self.rounds = 0

    def keep(self) -> Kept:
        self.rounds += 1
        answer = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, StorageError):
            raise answer
        return answer


class FakeRounds:
    """Answers one round after the other, then that there is no more."""

    def __init__(self, *answers: bool | StorageError) -> None:
        self.answers = deque(answers)
        self.rounds = 0

    def settle(self) -> bool:
        self.rounds += 1
        answer = self.answers.popleft() if self.answers else False
        if isinstance(answer, StorageError):
            raise answer
        return answer


class FakeStandings:
    """Answers that nothing is due, unless ``news`` has an answer."""

    def __init__(self) -> None:
        self.news = deque[SettledStandings]()

    def settle(self) -> SettledStandings:
        return self.news.popleft() if self.news else SettledStandings(again_s=60)


class FakeBars:
    """Counts its rounds, and has more to delete ``portions`` times."""

    def __init__(self) -> None:
        self.rounds = 0
        self.portions = 0

    def forget(self) -> float:
        self.rounds += 1
        return 0 if self.rounds <= self.portions else EVERY_S


class Keeping(World):
    """The actor and its database."""

    def __init__(self, *answers: Kept | StorageError, settling: Sequence[bool | StorageError] = ()) -> None:
        super().__init__()
        self.retention = FakeRetention(*answers)
        self.old_rows = FakeRounds(*settling)
        self.standings = FakeStandings()
        self.bars = FakeBars()
        self.cache = self.recorder(CACHE)
        self.maintenance = Maintenance(
            self.context("maintenance"),
            retention=cast("Retention", self.retention),
            old_rows=cast("LegacyRounds", self.old_rows),
            standings=cast("StandingRounds", self.standings),
            bars=cast("BarRetention", self.bars),
            random=Random(1),
        )
        self.maintenance.on_start()

    def pass_s(self, seconds: float) -> None:
        self.advance(seconds, self.maintenance)

    @property
    def snapshot(self) -> MaintenanceSnapshot:
        return self.shown("maintenance", MaintenanceSnapshot)

    @property
    def next_in_s(self) -> float | None:
        return self.due_in_s(self.maintenance, "keep")


def test_without_its_lease_it_does_nothing() -> None:
    keeping = Keeping(WELL)
    keeping.snapshots.publish("leases", LeasesSnapshot(held=frozenset(), asked_s=keeping.clock.monotonic_s()))
    keeping.pass_s(60)
    assert (keeping.retention.rounds, keeping.old_rows.rounds) == (0, 0)
    held = LeasesSnapshot(held=frozenset({"maintenance"}), asked_s=keeping.clock.monotonic_s())
    keeping.snapshots.publish("leases", held)
    keeping.pass_s(2)
    assert keeping.retention.rounds == 1


def test_a_round_at_start_and_then_each_hour() -> None:
    keeping = Keeping(WELL)
    assert keeping.snapshot.last_kept_at is None
    keeping.pass_s(0)
    assert keeping.snapshot == MaintenanceSnapshot(
        last_kept_at=START, ahead_until=AHEAD, problem=None, error=None, failures=0
    )
    keeping.pass_s(3 * EVERY_S)
    assert keeping.retention.rounds == 4


def test_an_outage_is_waited_out_and_what_was_known_stays_shown() -> None:
    away = DatabaseUnavailableError("away")
    keeping = Keeping(WELL, away, away, WELL)
    keeping.pass_s(EVERY_S)
    assert (keeping.snapshot.error, keeping.snapshot.failures) == ("away", 1)
    assert keeping.snapshot.ahead_until == AHEAD
    assert keeping.next_in_s is not None
    assert keeping.next_in_s <= BACKOFF.first_s
    keeping.pass_s(10)
    assert (keeping.snapshot.error, keeping.snapshot.failures) == (None, 0)
    assert keeping.next_in_s is not None
    assert EVERY_S - 10 <= keeping.next_in_s <= EVERY_S


def test_a_problem_is_looked_at_again_soon_until_it_is_gone() -> None:
    keeping = Keeping(IN_DOUBT, IN_DOUBT, WELL)
    keeping.pass_s(0)
    assert keeping.snapshot.problem == IN_DOUBT.problem
    assert keeping.next_in_s == IN_DOUBT_EVERY_S
    keeping.pass_s(2 * IN_DOUBT_EVERY_S)
    assert keeping.snapshot.problem is None
    assert keeping.next_in_s == EVERY_S


def test_old_rows_are_settled_each_minute_and_at_once_while_there_is_more() -> None:
    keeping = Keeping(WELL, settling=[True, True])
    keeping.pass_s(0)
    assert keeping.old_rows.rounds == 3
    keeping.pass_s(2 * SETTLE_EVERY_S)
    assert keeping.old_rows.rounds == 5


def test_an_outage_is_waited_out_in_settling_too() -> None:
    away = DatabaseUnavailableError("away")
    keeping = Keeping(WELL, settling=[away, away])
    keeping.pass_s(0)
    assert (keeping.snapshot.error, keeping.snapshot.failures) == ("away", 1)
    keeping.pass_s(10)
    assert (keeping.snapshot.error, keeping.snapshot.failures) == (None, 0)
    assert keeping.old_rows.rounds == 3


def test_settled_standings_are_told_to_the_cache_and_settling_goes_on_at_once() -> None:
    keeping = Keeping(WELL)
    keeping.standings.news += [
        SettledStandings(again_s=0, commit_number=7),
        SettledStandings(again_s=30),
    ]
    keeping.pass_s(0)
    assert keeping.cache.taken() == [SignalsCommitted(commit_number=7, signals=0)]
    assert keeping.due_in_s(keeping.maintenance, "stand") == 30


def test_old_bars_go_in_portions_and_then_each_hour() -> None:
    keeping = Keeping(WELL)
    keeping.bars.portions = 2
    keeping.pass_s(0)
    assert keeping.bars.rounds == 3
    keeping.pass_s(EVERY_S)
    assert keeping.bars.rounds == 4
