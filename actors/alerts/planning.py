"""Which alerts a change of signals calls for. Pure functions over rules and rows of the feed of commits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from engine.model import EventKind
from storage.postgres.alert_rules import AlertKind, AlertRule, AlertTarget
from storage.postgres.alert_values import AlertDraft, SignalKey, Told, identity_of

__all__ = ["AlertForm", "AlertForms", "Telling", "ToldSignals", "key_of_row", "planned"]

#: another reading of a signal is told to those who were told of it in this time
CORRECTED_WITHIN = timedelta(days=1)
#: the clocks of Telegram and of the database may differ
_CLOCKS_DIFFER = timedelta(seconds=5)
Row = Mapping[str, Any]
ToldSignals = Mapping[tuple[int, SignalKey], Told]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertForm:
    """An alert in words, and as what a webhook gets."""

    title: str
    text: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What an alert tells of a signal.

    ``event`` is what its channel said of it later. ``reply_to`` is the id of the alert that told of the signal.
    """

    kind: AlertKind
    rule: AlertRule
    row: Row
    event: Row | None = None
    reply_to: str | None = None

    @property
    def corrects(self) -> bool:
        """Whether another reading stands in the place of what was told."""
        return self.kind is AlertKind.UPDATE and self.event is None


class AlertForms(Protocol):
    """What gives alerts their form (:class:`ops.alerts.forms.Forms`)."""

    def of_signal(self, telling: Telling) -> AlertForm:
        """Return the alert of a change of a signal."""
        ...

    def of_trouble(
        self, rule: AlertRule, name: str, *, since: datetime, ended_at: datetime | None
    ) -> AlertForm:
        """Return the alert of a trouble of the system, or of its end."""
        ...

    def of_test(self, rule: AlertRule) -> AlertForm:
        """Return an alert that only shows that alerts arrive."""
        ...


def key_of_row(row: Row) -> SignalKey:
    """Return the place of a row's signal."""
    return SignalKey(row["channel"], row["message_id"], row["position"])


def planned(
    rules: Sequence[AlertRule],
    rows: Sequence[Row],
    told: ToldSignals,
    *,
    now: datetime,
    news_for: timedelta,
    forms: AlertForms,
) -> Iterator[AlertDraft]:
    """Yield the alerts for rows of :meth:`storage.postgres.signals.Signals.committed`.

    What was posted more than ``news_for`` ago is no news, and neither is what was posted before the rule was made.
    """
    for row in rows:
        for rule in rules:
            if not rule.values.enabled:
                continue
            fresh_from = max(now - news_for, rule.created_at - _CLOCKS_DIFFER)
            for target in rule.targets:
                if target.off_at is None:
                    before = told.get((target.id, key_of_row(row)))
                    case = _Case(row=row, rule=rule, target=target, before=before, now=now, forms=forms)
                    yield from case.drafts(fresh_from)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A row for a target, and what the target was told of its signal ``before``."""

    row: Row
    rule: AlertRule
    target: AlertTarget
    before: Told | None
    now: datetime
    forms: AlertForms

    def drafts(self, fresh_from: datetime) -> Iterator[AlertDraft]:
        """Yield the alerts of the row. ``fresh_from``: what was posted earlier is no news."""
        row, before = self.row, self.before
        if row["superseded_at"] is not None:
            if self._was_told() and row["replaced_by"] is None:
                yield self._draft(AlertKind.CANCEL, f"withdrawn:{row['id']}", row["superseded_at"])
            return
        if before is not None:
            if before.signal_id != row["id"] and row["is_new"] and self._was_told():
                yield self._draft(AlertKind.UPDATE, self._source, self.now)
        elif row["is_new"] and row["ts"] >= fresh_from and self._wants(AlertKind.SIGNAL):
            yield self._draft(AlertKind.SIGNAL, self._source, row["ts"])
        for event in row["events"]:
            # the channel deleted the message of its signal: a cancellation that no message says
            kind = AlertKind.CANCEL if event["kind"] == EventKind.DELETED else AlertKind(event["kind"])
            if event["ts"] >= fresh_from and self._wants(kind):
                # a corrected signal has another id, and its events were told
                source = f"event:{event['id']}:{row['message_id']}:{row['position']}"
                yield self._draft(kind, source, event["ts"], event)

    @property
    def _source(self) -> str:
        return f"signal:{self.row['id']}"

    def _was_told(self) -> bool:
        before = self.before
        return (
            before is not None
            and before.state != "skipped"
            and before.created_at > self.now - CORRECTED_WITHIN
        )

    def _wants(self, kind: AlertKind) -> bool:
        # of an alerted signal all is told, whatever the filter says of its present reading
        values = self.rule.values
        return kind in values.kinds and (self.before is not None or values.wants(self.row))

    def _draft(
        self, kind: AlertKind, source: str, posted_at: datetime, event: Row | None = None
    ) -> AlertDraft:
        # the alert of its signal may be one of the same commits
        reply_to = self.before.identity if self.before else identity_of(self.target.id, self._source)
        first = kind is AlertKind.SIGNAL
        form = self.forms.of_signal(
            Telling(
                kind=kind, rule=self.rule, row=self.row, event=event, reply_to=None if first else reply_to
            )
        )
        return AlertDraft(
            rule_id=self.rule.id,
            target_id=self.target.id,
            source=source,
            kind=kind.value,
            posted_at=posted_at,
            title=form.title,
            text=form.text,
            body=form.body,
            signal_id=self.row["id"],
            key=key_of_row(self.row),
        )
