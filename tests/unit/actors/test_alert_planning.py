"""Which alerts a change of signals calls for: what is news, what was told, and to whom."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from actors.alerts.planning import key_of_row, planned
from ops.alerts.forms import Forms
from storage.postgres.alert_rules import AlertRule, AlertTarget
from storage.postgres.alert_values import AlertDraft, SignalKey, Told, identity_of
from tests.support.alert_rows import POSTED, a_row, a_stored_rule, an_event
from tests.support.alerting import a_webhook

NEWS = timedelta(minutes=10)
SOON = POSTED + timedelta(seconds=2)
FORMS = Forms(public_url="", zone=ZoneInfo("America/Sao_Paulo"))
TARGET = 10


def plan(
    *rows: Mapping[str, Any],
    rules: tuple[AlertRule, ...] = (),
    told: Mapping[tuple[int, SignalKey], Told] | None = None,
    now: datetime = SOON,
) -> list[AlertDraft]:
    return list(planned(rules or (a_stored_rule(),), rows, told or {}, now=now, news_for=NEWS, forms=FORMS))


def told_of(
    row: Mapping[str, Any], *, signal_id: int = 17, state: str = "sent"
) -> dict[tuple[int, SignalKey], Told]:
    told = Told(identity="alert_first", signal_id=signal_id, state=state, created_at=POSTED)
    return {(TARGET, key_of_row(row)): told}


def test_a_new_signal_is_told_to_each_target_of_each_rule_that_wants_it() -> None:
    two = tuple(AlertTarget(id=number, values=a_webhook("https://receiver.example")) for number in (1, 2))
    drafts = plan(a_row(), rules=(a_stored_rule(1, *two), a_stored_rule(2), a_stored_rule(3, enabled=False)))
    assert [(draft.rule_id, draft.target_id, draft.kind) for draft in drafts] == [
        (1, 1, "signal"),
        (1, 2, "signal"),
        (2, 20, "signal"),
    ]


@pytest.mark.parametrize(
    ("filters", "is_told"),
    [
        ({"channels": ("-1001649127710",)}, True),
        ({"channels": ("-1",)}, False),
        ({"assets": ("VALE3", "PETR4")}, True),
        ({"assets": ("VALE3",)}, False),
        ({"types": ("swing trade",)}, True),
        ({"types": ("Day Trade",)}, False),
        ({"sides": ("sell",)}, False),
        ({"without_warnings": True}, False),
        ({"kinds": ("result", "system")}, False),
    ],
)
def test_a_rule_filters_as_the_list_does(filters: dict[str, Any], is_told: bool) -> None:
    row = a_row(warnings=["target_order"])
    assert bool(plan(row, rules=(a_stored_rule(**filters),))) is is_told


def test_what_is_too_old_to_be_news_is_told_to_nobody() -> None:
    assert plan(a_row(), now=POSTED + timedelta(minutes=9))
    assert plan(a_row(), now=POSTED + timedelta(minutes=11)) == []


def test_what_was_posted_before_the_rule_was_made_is_not_told() -> None:
    rule = a_stored_rule()
    later = AlertRule(
        id=1,
        values=rule.values,
        targets=rule.targets,
        created_at=POSTED + timedelta(minutes=1),
        updated_at=POSTED,
    )
    assert plan(a_row(), rules=(later,), now=POSTED + timedelta(minutes=2)) == []


def test_a_target_that_is_off_is_told_nothing() -> None:
    off = AlertTarget(
        id=TARGET, values=a_webhook("https://receiver.example"), off_reason="410", off_at=POSTED
    )
    assert plan(a_row(), rules=(a_stored_rule(1, off),)) == []


def test_later_messages_of_a_signal_are_told_while_they_are_news_as_replies() -> None:
    moved, reached = an_event("update", minutes=1), an_event("result", minutes=30, target=1)
    row = a_row(moved, reached, is_new=False)
    drafts = plan(row, told=told_of(row), now=POSTED + timedelta(minutes=31))
    assert [(draft.kind, draft.source) for draft in drafts] == [("result", "event:30:5001:0")]
    assert '"in_reply_to":"alert_first"' in drafts[0].body


def test_of_an_alerted_signal_all_is_told_whatever_its_present_reading_is() -> None:
    row = a_row(an_event("cancel", minutes=1), is_new=False, asset="VALE3")
    rule = a_stored_rule(assets=("PETR4",))
    assert plan(row, rules=(rule,), now=POSTED + timedelta(minutes=2)) == []
    (draft,) = plan(row, rules=(rule,), told=told_of(row), now=POSTED + timedelta(minutes=2))
    assert draft.kind == "cancel"


def test_a_deleted_message_is_told_as_the_cancellation_of_its_signal() -> None:
    row = a_row(an_event("deleted", minutes=1), is_new=False)
    (draft,) = plan(row, told=told_of(row), now=POSTED + timedelta(minutes=2))
    assert (draft.kind, draft.title.partition(":")[0]) == ("cancel", "CANCELLED")
    assert "deleted the message" in draft.body


def test_an_event_of_the_same_commits_replies_to_the_alert_of_its_signal() -> None:
    signal, event = plan(a_row(an_event("update", minutes=0)))
    assert f'"in_reply_to":"{identity_of(TARGET, signal.source)}"' in event.body


def test_another_reading_is_told_as_a_correction_to_those_who_were_told() -> None:
    row = a_row(id=18)
    late = POSTED + timedelta(hours=2)
    (draft,) = plan(row, told=told_of(row), now=late)
    assert (draft.kind, draft.title.partition(":")[0]) == ("update", "CORRECTED")
    assert plan(row, now=late) == [], "who was not told hears nothing of old signals"
    assert plan(row, told=told_of(row), now=late + timedelta(days=1)) == []
    assert plan(row, told=told_of(row, state="skipped"), now=late) == []


def test_a_withdrawn_signal_is_told_and_one_that_is_replaced_is_told_by_what_replaces_it() -> None:
    gone = a_row(is_new=False, superseded_at=SOON)
    (draft,) = plan(gone, told=told_of(gone))
    assert (draft.kind, draft.title.partition(":")[0]) == ("cancel", "WITHDRAWN")
    assert plan(gone | {"replaced_by": 18}, told=told_of(gone)) == []
    assert plan(gone) == []
