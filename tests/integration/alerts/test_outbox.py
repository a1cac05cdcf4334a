"""What is due in a real database, sent by real threads: the clock is passed in, the targets are scripted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import CollectorRegistry

from actors.alerts.outbox import AlertOutbox
from actors.names import NOTIFIER
from actors.shown.metrics import Metrics
from engine.timers import TimerThread
from storage.alerts.outcome import Attempt, Verdict
from storage.postgres.alert_deliveries import AlertDeliveries
from storage.postgres.alert_rules import AlertRules, AlertTarget
from storage.postgres.alert_values import AlertDraft, DueAlert, SignalKey, identity_of
from storage.postgres.database import Database
from storage.postgres.feed_positions import FeedPositions
from tests.support.alerting import a_rule, a_webhook
from tests.support.databases import SCHEMA, as_engine
from tests.support.stack import eventually

ZONE = ZoneInfo("America/Sao_Paulo")
START = datetime(2026, 11, 27, 15, 0, tzinfo=ZONE)
SENT = Attempt(verdict=Verdict.SENT)
AWAY = Attempt(verdict=Verdict.FAILED, reason="connection refused")


class Post:
    """Rules and alerts in a database, and an outbox whose targets answer as the test says."""

    def __init__(self, database: Database) -> None:
        positions = FeedPositions(database, reader=NOTIFIER)
        self.rules = AlertRules(database, positions)
        self.deliveries = AlertDeliveries(database, positions)
        self.now = START
        self.answer: Callable[[int, DueAlert], Attempt] = lambda *_: SENT
        self.tried: list[tuple[int, str]] = []
        self.outbox = AlertOutbox(
            self.deliveries,
            self,
            now=lambda: self.now,
            zone=ZONE,
            metrics=Metrics(CollectorRegistry()),
            random=Random(1),
            may_send=lambda: True,
        )

    def send(self, target: AlertTarget, alert: DueAlert) -> Attempt:
        self.tried.append((target.id, alert.identity))
        return self.answer(target.id, alert)

    def add_rule(self, name: str = "all", targets: int = 1, **changes: Any) -> list[int]:
        """Add a rule and return the numbers of its targets."""
        number = self.rules.add(a_rule(name, **changes), [a_webhook("https://receiver.example")] * targets)
        (rule,) = self.rules.load(number)
        return [target.id for target in rule.targets]

    def add(self, target_id: int, *sources: str, **changes: Any) -> list[str]:
        """Make alerts due and return their ids."""
        rule_id = next(
            rule.id for rule in self.rules.load() if target_id in [each.id for each in rule.targets]
        )
        values: dict[str, Any] = {
            "kind": "signal",
            "title": "a",
            "text": "b",
            "body": "{}",
            "posted_at": self.now,
        } | changes
        drafts = [
            AlertDraft(rule_id=rule_id, target_id=target_id, source=source, **values) for source in sources
        ]
        self.deliveries.add(drafts, now=self.now)
        return [identity_of(target_id, source) for source in sources]

    def serve(self) -> None:
        """Send what is due now, and wait until nothing more can be."""
        self.outbox.know(self.rules.load())
        self.outbox.serve(self.deliveries.targets_due(self.now))
        eventually(lambda: self.outbox.is_idle, what="it still sends")

    def pass_time(self, until: datetime, step: timedelta = timedelta(minutes=1)) -> None:
        while self.now < until:
            self.now += step
            self.serve()

    def states(self) -> list[tuple[str, str | None]]:
        found = [
            self.deliveries.page(rule.id, before=None, state=None, limit=100)[0] for rule in self.rules.load()
        ]
        return [(alert.state, alert.reason) for page in found for alert in reversed(page)]


@pytest.fixture
def post(migrated_url: str) -> Iterator[Post]:
    timers = TimerThread()
    database = Database(as_engine(migrated_url), schema=SCHEMA, pool_max=8, timers=timers)
    database.open()
    made = Post(database)
    yield made
    made.outbox.close()
    database.close()
    timers.close()


def test_a_target_that_is_down_for_an_hour_gets_everything_once_it_is_back_in_order(post: Post) -> None:
    (target,) = post.add_rule()
    taken: list[str] = []

    def answer(_: int, alert: DueAlert) -> Attempt:
        if post.now < START + timedelta(hours=1):
            return AWAY
        taken.append(alert.identity)
        return SENT

    post.answer = answer
    ids = post.add(target, *map(str, range(5)))
    post.serve()
    post.pass_time(START + timedelta(hours=1, minutes=6), timedelta(minutes=3))
    assert taken == ids
    assert {identity for _, identity in post.tried} == set(ids)
    assert len(post.tried) < 40, "it backs off"
    assert post.states() == [("sent", None)] * 5


def test_what_fails_for_hours_is_given_up_with_its_reason_and_can_be_sent_by_hand(post: Post) -> None:
    (target,) = post.add_rule()
    post.answer = lambda *_: AWAY
    (identity,) = post.add(target, "a")
    post.serve()
    post.pass_time(START + timedelta(hours=3), timedelta(minutes=6))
    assert post.states() == [("dead", "connection refused")]
    post.answer = lambda *_: SENT
    (rule,) = post.rules.load()
    (alert,), _ = post.deliveries.page(rule.id, before=None, state="dead", limit=1)
    assert post.deliveries.retry(rule.id, alert.id, now=post.now)
    post.serve()
    assert post.states() == [("sent", None)]
    assert {each for _, each in post.tried} == {identity}
    assert not post.deliveries.retry(rule.id, alert.id, now=post.now), "what was sent is not sent again"


def test_an_alert_that_a_target_does_not_want_holds_up_the_next_for_half_a_minute_only(post: Post) -> None:
    (target,) = post.add_rule()
    first, _ = post.add(target, "bad", "good")
    refused = Attempt(verdict=Verdict.REFUSED, reason="the target answered 400")
    post.answer = lambda _, alert: refused if alert.identity == first else SENT
    post.serve()
    post.pass_time(START + timedelta(seconds=40), timedelta(seconds=2))
    assert post.states() == [("dead", "the target answered 400"), ("sent", None)]


def test_a_target_that_is_gone_is_switched_off_and_saving_its_rule_switches_it_on(post: Post) -> None:
    gone, well = post.add_rule(targets=2)
    post.add(gone, "a", "b")
    post.add(well, "a")
    reason = "the target answered 410: it is gone"
    post.answer = lambda target, _: Attempt(verdict=Verdict.GONE, reason=reason) if target == gone else SENT
    post.serve()
    (rule,) = post.rules.load()
    assert [target.off_reason for target in rule.targets] == [reason, None]
    assert sorted(post.states()) == [
        ("dead", reason),
        ("sent", None),
        ("skipped", "the target was switched off"),
    ]
    post.rules.change(rule.id, rule.values, [(target.id, target.values) for target in rule.targets])
    assert [target.off_at for target in post.rules.load()[0].targets] == [None, None]


def test_a_target_that_asks_for_a_pause_gets_it_and_loses_nothing(post: Post) -> None:
    (target,) = post.add_rule()
    post.add(target, "a")
    post.answer = lambda *_: Attempt(verdict=Verdict.FAILED, reason="429", wait_s=1800.0)
    post.serve()
    post.answer = lambda *_: SENT
    post.pass_time(START + timedelta(minutes=29))
    assert len(post.tried) == 1
    post.pass_time(START + timedelta(minutes=31))
    assert post.states() == [("sent", None)]


def test_targets_that_hang_hold_up_no_other_from_the_start_on(post: Post) -> None:
    bad, (good,) = (
        [target for n in range(6) for target in post.add_rule(f"bad {n}", targets=5)],
        post.add_rule(),
    )
    release = threading.Event()
    for target in bad:
        post.add(target, "a")
    post.add(good, "a")

    def answer(target: int, _: DueAlert) -> Attempt:
        if target != good:
            release.wait(60)
        return SENT

    post.answer = answer
    post.outbox.know(post.rules.load())
    post.outbox.serve([*bad, good])
    eventually(lambda: ("sent", None) in post.states(), what="the good one waits")
    assert not release.is_set()
    release.set()
    eventually(lambda: post.outbox.is_idle)


def test_what_has_waited_a_day_is_no_news(post: Post) -> None:
    """A target that asks to wait again and again, or is back after days, gets no flood of old signals."""
    (target,) = post.add_rule()
    post.add(target, "a", "b")
    post.answer = lambda *_: Attempt(verdict=Verdict.FAILED, reason="429", wait_s=6 * 3600.0)
    post.serve()
    post.pass_time(START + timedelta(hours=23), timedelta(hours=1))
    assert post.states() == [("due", "429"), ("due", None)]
    post.answer = lambda *_: SENT
    post.add(target, "c")
    post.now += timedelta(hours=2)
    post.serve()
    late = ("dead", "it could not be sent for a day")
    assert post.states() == [late, late, ("sent", None)]


def test_a_pause_of_no_length_is_a_failure_that_counts(post: Post) -> None:
    (target,) = post.add_rule()
    post.add(target, "a")
    post.answer = lambda *_: Attempt(verdict=Verdict.FAILED, reason="429", wait_s=0.0)
    post.serve()
    post.pass_time(START + timedelta(minutes=10))
    assert 5 < len(post.tried) < 11, "it backs off"


def test_quiet_hours_hold_back_what_still_counts_at_their_end_and_drop_the_rest(post: Post) -> None:
    (target,) = post.add_rule(quiet_hours="22:00-07:00")
    post.now = START.replace(hour=23)
    # no such signal is stored, so it no longer counts in the morning
    key = SignalKey("-1", "1", 0)
    post.add(target, "signal", kind="signal", signal_id=1, key=key)
    post.add(target, "result", kind="result", signal_id=1, key=key)
    post.add(target, "trouble", kind="system")
    post.add(target, "test", kind="test", asked=True)
    post.serve()
    assert post.tried == [(target, identity_of(target, "test"))], "who asks gets an answer at once"
    post.pass_time(START.replace(day=28, hour=6), timedelta(hours=1))
    assert len(post.tried) == 1
    post.pass_time(START.replace(day=28, hour=7, minute=1), timedelta(minutes=1))
    assert post.tried[1:] == [(target, identity_of(target, "trouble"))]
    assert post.states() == [
        ("skipped", "the signal ended in the quiet hours"),
        ("skipped", "the alert of its signal was left out"),
        ("sent", None),
        ("sent", None),
    ]


def test_every_signal_of_the_quiet_hours_that_has_ended_is_left_out_and_holding_back_is_no_trouble(
    post: Post,
) -> None:
    (target,) = post.add_rule(quiet_hours="22:00-07:00")
    post.now = START.replace(hour=23)
    for number in (1, 2, 3):  # one after the other, as they come at night
        post.add(target, f"signal {number}", signal_id=number, key=SignalKey("-1", str(number), 0))
        post.serve()
        assert post.deliveries.targets_due(post.now) == []
    counts = post.deliveries.counts()
    assert (counts.due, counts.oldest_due_at, counts.reason) == (3, None, None)
    post.now = START.replace(day=28, hour=7, minute=1)
    post.serve()
    assert post.states() == [("skipped", "the signal ended in the quiet hours")] * 3
    assert post.tried == []


def test_a_target_that_is_away_after_quiet_hours_is_a_trouble(post: Post) -> None:
    (target,) = post.add_rule(quiet_hours="22:00-07:00")
    post.now = START.replace(hour=23)
    post.add(target, "trouble", kind="system")
    post.serve()
    post.answer = lambda *_: AWAY
    post.now = START.replace(day=28, hour=7, minute=1)
    post.serve()
    assert post.deliveries.counts().reason == "connection refused"


def test_an_error_of_ours_is_a_failure_like_others(post: Post) -> None:
    (target,) = post.add_rule()
    post.add(target, "a")

    def breaks(*_: object) -> Attempt:
        raise KeyError("of our own making")

    post.answer = breaks
    post.serve()
    (rule,) = post.rules.load()
    (alert,), _ = post.deliveries.page(rule.id, before=None, state="due", limit=1)
    assert (alert.reason, alert.attempts) == ("an error in this service: KeyError", 1)


def test_a_rule_that_is_switched_off_sends_nothing_more(post: Post) -> None:
    (target,) = post.add_rule()
    post.answer = lambda *_: AWAY
    post.add(target, "a")
    post.serve()
    (rule,) = post.rules.load()
    post.rules.change(rule.id, a_rule(enabled=False), [(target, rule.targets[0].values)])
    assert post.states() == [("skipped", "the rule was switched off")]


def test_an_alert_is_written_once_whoever_writes_it_and_old_ones_are_forgotten(post: Post) -> None:
    (target,) = post.add_rule()
    post.add(target, "a")
    post.add(target, "a")
    post.serve()
    assert post.states() == [("sent", None)]
    post.deliveries.forget(post.now + timedelta(days=29))
    assert len(post.states()) == 1
    post.deliveries.forget(post.now + timedelta(days=31))
    assert post.states() == []
