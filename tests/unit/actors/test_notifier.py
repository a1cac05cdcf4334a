"""The notifier between its position and the alerts: both move together, and nothing moves them back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog

from actors.names import CACHE, LEASES, NOTIFIER
from actors.notifier import AlertPolicy, Notifier
from actors.shown.event_log import Position
from actors.shown.snapshots import CacheSnapshot, LeasesSnapshot, NotifierSnapshot
from engine.messages import AlertsChanged, CommitSeen
from ops.alerts.forms import Forms
from storage.errors import DatabaseUnavailableError
from storage.postgres.alert_rules import AlertRule
from storage.postgres.alert_values import AlertCounts, AlertDraft
from storage.postgres.feed_positions import FeedPosition
from tests.support.alert_rows import POSTED, a_row, a_stored_rule
from tests.support.recording import World

BEGAN = int(POSTED.timestamp() * 1000)


class Desk:
    """Rules, alerts, positions, signals and an outbox in memory. Each commit has one new signal."""

    def __init__(self) -> None:
        self.rules: tuple[AlertRule, ...] = (a_stored_rule(),)
        self.position = FeedPosition(number=BEGAN, id=Position.end_of(BEGAN).id)
        self.written: list[str] = []
        self.served: list[int] = []
        self.read_after: list[tuple[int, int]] = []
        self.away = False
        self.commits = range(BEGAN + 1, BEGAN + 10)

    def load(self) -> tuple[AlertRule, ...]:
        if self.away:
            raise DatabaseUnavailableError("the database is away")
        return self.rules

    def begin(self) -> FeedPosition:
        return self.position

    def committed(self, *, after: tuple[int, int], upto: int, limit: int) -> Any:
        self.read_after.append(after)
        numbers = [number for number in self.commits if after[0] < number <= upto]
        rows = tuple(a_row(id=number - BEGAN, number=number, message_id=str(number)) for number in numbers)
        return SimpleNamespace(rows=rows, reached=None)

    def told(self, _: object) -> dict[Any, Any]:
        return {}

    def plan(
        self, drafts: Sequence[AlertDraft], before: FeedPosition, after: FeedPosition, *, now: datetime
    ) -> bool:
        if self.position != before:
            return False
        self.position = after
        self.written += [draft.source for draft in drafts]
        return True

    def incidents(self) -> dict[str, datetime]:
        return {}

    def turn_incidents(
        self,
        begun: Mapping[str, datetime],
        ended: Collection[str],
        drafts: Sequence[AlertDraft],
        *,
        now: datetime,
    ) -> None:
        self.written += [draft.title for draft in drafts]

    def forget(self, _: datetime) -> None:
        """Nothing is old."""

    def counts(self) -> AlertCounts:
        return AlertCounts(due=len(self.written), oldest_due_at=None, reason=None)

    def targets_due(self, _: datetime) -> list[int]:
        return []

    def know(self, _: object) -> None:
        """The rules are its own."""

    def serve(self, targets: Sequence[int]) -> None:
        self.served += targets

    def close(self) -> None:
        """Nothing is open."""


class Notifying(World):
    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.now = POSTED
        parts = dict.fromkeys(("rules", "deliveries", "positions", "signals"), self.desk)
        self.notifier = Notifier(
            self.context(NOTIFIER),
            outbox=cast("Any", lambda **_: self.desk),
            forms=Forms(public_url="", zone=UTC),
            policy=AlertPolicy(news_for=timedelta(minutes=10), silence_after=timedelta()),
            now=lambda: self.now,
            random=Random(1),
            **cast("Any", parts),
        )
        self.notifier.on_start()
        self.notifier.on_receive(AlertsChanged())

    def see(self, commits: int) -> None:
        """Let the cache see so many commits in all, and tell of them."""
        self.snapshots.publish(CACHE, CacheSnapshot(commit_number=BEGAN + commits, error=None))
        self.notifier.on_receive(CommitSeen(commit_number=BEGAN + commits))


@pytest.fixture
def world() -> Notifying:
    return Notifying()


def test_a_commit_is_planned_once_and_its_target_is_served_at_once(world: Notifying) -> None:
    world.see(2)
    world.see(2)
    assert world.desk.written == ["signal:1", "signal:2"]
    assert world.desk.position.number == BEGAN + 2
    assert world.desk.served == [10]


def test_who_was_overtaken_writes_nothing_and_reads_the_position_anew(world: Notifying) -> None:
    world.see(1)
    world.desk.position = FeedPosition(number=BEGAN + 3, id=Position.end_of(BEGAN + 3).id)
    world.see(2)
    world.see(4)
    assert world.desk.written == ["signal:1", "signal:4"]


def test_without_a_rule_nothing_is_read_and_a_new_rule_begins_at_the_position(world: Notifying) -> None:
    world.desk.rules = ()
    world.notifier.on_receive(AlertsChanged())
    world.see(1)
    assert world.desk.read_after == []
    world.desk.rules = (a_stored_rule(),)
    world.notifier.on_receive(AlertsChanged())
    assert world.desk.written == ["signal:1"]


def test_what_was_committed_more_than_a_day_ago_is_not_read(world: Notifying) -> None:
    world.now = POSTED + timedelta(days=3)
    world.see(3 * 86_400_000)
    assert world.desk.read_after[0] >= (BEGAN + 2 * 86_400_000, 0)


def test_what_is_no_news_is_not_told_and_leaves_a_line_in_the_log(world: Notifying) -> None:
    """A clock that goes ahead makes everything old, and nobody would hear of it."""
    world.now = POSTED + timedelta(minutes=15)
    with structlog.testing.capture_logs() as logs:
        world.see(2)
    assert world.desk.written == []
    assert [(line["event"], line["count"]) for line in logs] == [("alerts.not_news", 2)]


def test_a_database_that_is_away_is_shown_and_what_it_missed_is_planned_later(world: Notifying) -> None:
    world.desk.away = True
    world.notifier.on_receive(AlertsChanged())
    assert (
        world.shown(NOTIFIER, NotifierSnapshot).trouble(POSTED) == "no alerts are sent: the database is away"
    )
    world.see(1)
    world.desk.away = False
    world.advance(30, world.notifier)
    assert world.desk.written == ["signal:1"]
    assert world.shown(NOTIFIER, NotifierSnapshot).trouble(POSTED) is None


def test_a_row_that_cannot_be_told_holds_up_no_other_and_is_shown(world: Notifying) -> None:
    rows = world.desk.committed
    broken = {"events": [{"kind": "of another version", "ts": POSTED}]}

    def committed(**asked: Any) -> Any:
        found = rows(**asked).rows
        return SimpleNamespace(rows=({**found[0], **broken}, *found[1:]), reached=None)

    world.desk.committed = committed  # type: ignore[method-assign]
    with structlog.testing.capture_logs() as logs:  # to write a traceback takes a second
        world.see(2)
    world.notifier.on_receive(AlertsChanged())
    assert [line["signal_id"] for line in logs if line["event"] == "alerts.row_left_out"] == [1]
    assert world.desk.written == ["signal:2"]
    assert "1 changes of signals" in (world.shown(NOTIFIER, NotifierSnapshot).trouble(POSTED) or "")


def test_a_database_that_was_away_is_told_with_its_end(
    world: Notifying, monkeypatch: pytest.MonkeyPatch
) -> None:
    present = {"database"}
    monkeypatch.setattr(world.notifier, "_troubles", lambda: frozenset(present))
    world.desk.away = True
    world.advance(120, world.notifier)
    assert world.desk.written == []
    world.desk.away = False
    present.clear()
    world.advance(120, world.notifier)
    assert world.desk.written == ["System: the database was away"]


def test_only_who_has_the_lease_of_maintenance_plans(world: Notifying) -> None:
    world.snapshots.publish(LEASES, LeasesSnapshot(held=frozenset(), asked_s=world.clock.monotonic_s()))
    world.notifier.on_receive(AlertsChanged())
    world.see(1)
    assert (world.desk.written, world.shown(NOTIFIER, NotifierSnapshot).rules) == ([], 0)


def test_late_alerts_and_targets_that_are_off_are_troubles() -> None:
    values: dict[str, Any] = {"rules": 1, "due": 1, "error": None, "failing_since": None}
    late = NotifierSnapshot(**values, oldest_due_at=POSTED, reason="500", off=())
    assert late.trouble(POSTED + timedelta(minutes=4)) is None
    assert "500" in (late.trouble(POSTED + timedelta(minutes=6)) or "")
    off = NotifierSnapshot(**values, oldest_due_at=None, reason=None, off=("phone: 410",))
    assert off.trouble(POSTED) == "targets are switched off: phone: 410"
