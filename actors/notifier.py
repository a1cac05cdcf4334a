"""Notifier: tells persons and their programs of signals, as the rules of alerts say.

It reads the feed of commits from its own position in the database. The alerts that a commit calls for and the position are
written in one transaction. Threads of the outbox send what is due. So each alert is sent at least once, and a target that is
away holds up nobody else. Of several daemons the one that has the lease of maintenance does it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from actors.alerts.outbox import AlertOutbox
from actors.alerts.planning import AlertForms, ToldSignals, key_of_row, planned
from actors.alerts.troubles import DATABASE, TroubleWatch, troubles_of
from actors.names import CACHE, HEALTH, MAINTENANCE
from actors.shown.event_log import Position
from actors.shown.health_report import HealthReport
from actors.shown.snapshots import CacheSnapshot, NotifierSnapshot, PollerSnapshot
from actors.sources.lease import may_work
from engine.actor import Actor, handles
from engine.backoff import Backoff, RetryState
from engine.messages import AlertsChanged, CommitSeen, Tick
from engine.spec import Context
from storage.errors import StorageError
from storage.postgres.alert_deliveries import AlertDeliveries
from storage.postgres.alert_rules import AlertKind, AlertRule, AlertRules
from storage.postgres.alert_values import AlertCounts, AlertDraft
from storage.postgres.feed_positions import FeedPosition, FeedPositions
from storage.postgres.signals import Signals

__all__ = ["AlertPolicy", "Notifier"]

#: how often it looks for troubles, for what is due again, and for rules of other processes
LOOK_EVERY_S = 1.0
#: how often it looks for a first rule of another process; those of this one are told at once
RULELESS_EVERY_S = 5.0
FORGET_EVERY_S = 3600.0
PAGE_SIZE = 200
BACKOFF = Backoff(first_s=0.5, cap_s=15.0)
#: what was committed earlier calls for no alert, so it is not read
LOOKS_BACK = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPolicy:
    """What is news: posted so long ago at most. Silence in session time is told after so long; zero is never."""

    news_for: timedelta
    silence_after: timedelta


class Notifier(Actor):
    """Plans alerts in its own thread. Without a rule it asks for the rules now and then, and does nothing else."""

    def __init__(
        self,
        context: Context,
        *,
        rules: AlertRules,
        deliveries: AlertDeliveries,
        positions: FeedPositions,
        signals: Signals,
        outbox: Callable[..., AlertOutbox],
        forms: AlertForms,
        policy: AlertPolicy,
        now: Callable[[], datetime],
        random: Random,
    ) -> None:
        super().__init__(context)
        self._load = rules.load
        self._deliveries = deliveries
        self._positions = positions
        self._signals = signals
        self._outbox = outbox(may_send=self._may_work)
        self._forms = forms
        self._policy = policy
        self._now = now
        self._retry = RetryState(backoff=BACKOFF, random=random)
        self._rules: tuple[AlertRule, ...] = ()
        self._position: FeedPosition | None = None
        self._watch: TroubleWatch | None = None
        self._forgot_s: float | None = None
        self._counts: AlertCounts | None = None
        self._left_out = 0

    def _open(self) -> None:
        self.tick_later("look", 0)

    def _close(self) -> None:
        self._outbox.close()

    @handles(CommitSeen)
    def _on_commit_seen(self, _: CommitSeen) -> None:
        if self._rules:
            self._look(also_others=False)

    @handles(AlertsChanged)
    def _on_alerts_changed(self, _: AlertsChanged) -> None:
        self._look(also_others=True)

    @handles(Tick)
    def _on_tick(self, tick: Tick) -> None:
        if tick.purpose == "look":
            self._look(also_others=True)
            self.tick_each("look", LOOK_EVERY_S if self._rules else RULELESS_EVERY_S)

    def _may_work(self) -> bool:
        return may_work(self.context.services.snapshots, MAINTENANCE, self.clock.monotonic_s())

    def _look(self, *, also_others: bool) -> None:
        """Plan what is new, and have sent what is due. ``also_others``: look at rules and troubles too."""
        now_s = self.clock.monotonic_s()
        if also_others:
            self._watch_database(now_s)
        if self._retry.wait_s(now_s) > 0:
            return
        if not self._may_work():
            # another daemon reads on, and moves it
            self._position, self._rules, self._counts = None, (), None
            self._show()
            return
        try:
            self._work(now_s, also_others=also_others)
        except StorageError as error:
            self._position = None  # another daemon may have moved it, or this one without an answer
            if self._retry.failed(str(error), at=self.clock.now(), now_s=now_s):
                self.log.warning("alerts.waiting", error=str(error))
        else:
            if self._retry.failures:
                self.log.info("alerts.recovered", failures=self._retry.failures)
            self._retry.succeeded()
        if also_others:
            self._show()

    def _work(self, now_s: float, *, also_others: bool) -> None:
        if also_others:
            self._rules = self._load()
            self._outbox.know(self._rules)
        if not self._rules:
            self._position = self._counts = None
            return
        self._plan()
        if also_others:
            self._tell_troubles(now_s)
            self._forget(now_s)
            self._counts = self._deliveries.counts()
            self._outbox.serve(self._deliveries.targets_due(self._now()))

    # ── signals ──────────────────────────────────────────────────────────────

    def _plan(self) -> None:
        cache = self.context.services.snapshots.read(CACHE, CacheSnapshot)
        newest = cache.value.commit_number if cache else None
        if newest is None:
            return
        goal = Position.end_of(newest)
        self._position = self._position or self._positions.begin()
        while (found := self._position) is not None and (place := Position(found.number, found.id)) < goal:
            # the number of a commit is its instant in milliseconds
            oldest = Position.end_of(int((self._now() - LOOKS_BACK).timestamp() * 1000))
            changes = self._signals.committed(
                after=max(place, min(oldest, goal)), upto=newest, limit=PAGE_SIZE
            )
            reached = Position(*changes.reached) if changes.reached else goal
            told = self._deliveries.told({key_of_row(row) for row in changes.rows})
            now = self._now()
            drafts = self._drafts(changes.rows, told, now)
            after = replace(found, number=reached.number, id=reached.id)
            # None: another daemon has moved it, and written the alerts. The next look reads it anew.
            self._position = after if self._deliveries.plan(drafts, found, after, now=now) else None
            # a clock that is wrong makes all news old, and nobody would be told
            if late := [
                row for row in changes.rows if row["is_new"] and row["ts"] < now - self._policy.news_for
            ]:
                self.log.info("alerts.not_news", count=len(late), commit_number=reached.number)
            if drafts:
                self.log.info("alerts.planned", count=len(drafts), commit_number=reached.number)
                self._outbox.serve(dict.fromkeys(draft.target_id for draft in drafts))
            self.beat()

    def _drafts(
        self, rows: Sequence[Mapping[str, Any]], told: ToldSignals, now: datetime
    ) -> list[AlertDraft]:
        """Return the alerts that rows call for. A row that cannot be put into words holds up no other."""
        drafts: list[AlertDraft] = []
        for row in rows:
            try:
                news_for, forms = self._policy.news_for, self._forms
                drafts += planned(self._rules, (row,), told, now=now, news_for=news_for, forms=forms)
            except Exception:
                self._left_out += 1
                self.log.exception("alerts.row_left_out", signal_id=row["id"], commit_number=row["number"])
        return drafts

    # ── troubles ─────────────────────────────────────────────────────────────

    def _troubles(self) -> frozenset[str]:
        snapshots = self.context.services.snapshots
        report = snapshots.read(HEALTH, HealthReport)
        if report is None:
            return frozenset()
        pollers = (poller.value for poller in snapshots.all_of(PollerSnapshot).values())
        return troubles_of(report.value, pollers, silence_after=self._policy.silence_after)

    def _watch_database(self, now_s: float) -> None:
        """Note that the database is away. It can be written only when it is back, so it is told with its end."""
        if self._watch is not None:
            begun, _ = self._watch.look(self._troubles(), now=self.clock.now(), now_s=now_s)
            if DATABASE in begun:
                self._watch.tell({DATABASE: begun[DATABASE]})

    def _tell_troubles(self, now_s: float) -> None:
        self._watch = self._watch or TroubleWatch(self._deliveries.incidents())
        begun, ended = self._watch.look(self._troubles(), now=self.clock.now(), now_s=now_s)
        if not begun and not ended:
            return
        told: list[tuple[str, datetime, datetime | None]] = [
            (name, since, None) for name, since in begun.items() if name != DATABASE
        ]
        told += [(name, self._watch.told[name], at) for name, at in ended.items()]
        drafts = [draft for each in told for draft in self._of_trouble(*each)]
        lasting = {name: since for name, since in begun.items() if name != DATABASE}
        self._deliveries.turn_incidents(lasting, ended, drafts, now=self._now())
        self._watch.tell(begun, ended)

    def _of_trouble(self, name: str, since: datetime, ended_at: datetime | None) -> list[AlertDraft]:
        source = f"{AlertKind.SYSTEM}:{name}:{since.isoformat()}:{'end' if ended_at else 'begin'}"
        drafts = []
        for rule in self._rules:
            if not rule.values.enabled or AlertKind.SYSTEM not in rule.values.kinds:
                continue
            form = self._forms.of_trouble(rule, name, since=since, ended_at=ended_at)
            drafts += [
                AlertDraft(
                    rule_id=rule.id,
                    target_id=target.id,
                    source=source,
                    kind=AlertKind.SYSTEM,
                    posted_at=ended_at or since,
                    title=form.title,
                    text=form.text,
                    body=form.body,
                )
                for target in rule.targets
                if target.off_at is None
            ]
        return drafts

    # ── the rest ─────────────────────────────────────────────────────────────

    def _forget(self, now_s: float) -> None:
        if self._forgot_s is None or now_s - self._forgot_s >= FORGET_EVERY_S:
            self._forgot_s = now_s
            self._deliveries.forget(self._now())

    def _show(self) -> None:
        counts = self._counts
        off = tuple(
            f"{rule.values.name}: {target.off_reason}"
            for rule in self._rules
            for target in rule.targets
            if target.off_at is not None and rule.values.enabled
        )
        self.publish(
            NotifierSnapshot(
                rules=len(self._rules),
                due=counts.due if counts else 0,
                oldest_due_at=counts.oldest_due_at if counts else None,
                reason=counts.reason if counts else None,
                off=off,
                left_out=self._left_out,
                error=self._retry.error,
                failing_since=self._retry.since,
            )
        )
