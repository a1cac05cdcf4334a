"""Rows of signals as plans and claims: what of a channel's messages changes a trade, and what is only said of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from actors.analysis.claims import Claim
from actors.analysis.plan import Plan
from actors.enrichment import plans
from actors.enrichment.plans import claims_of
from actors.enrichment.trades import came_with_an_edit
from storage.postgres.stored_readings import StoredReading

#: a Monday at 11:00 in São Paulo
POSTED = datetime(2026, 3, 2, 14, tzinfo=UTC)
KEPT = timedelta(days=90)
SIGNAL: dict[str, Any] = {
    "ts": POSTED,
    "signal_type": "Swing Trade",
    "side": "buy",
    "asset": "PETR4",
    "valid_until": None,
    "warnings": [],
    "status": "open",
    "buy_min": Decimal(10),
    "buy_max": Decimal("10.2"),
    "targets": [Decimal(11)],
    "target_final": Decimal(12),
    "stop": Decimal(9),
}


def event(minute: int, kind: str, **said: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(("target", "new_stop", "new_entry", "fraction"))
    rest = {"stop_hit": False, "breakeven": False, "new_targets": ()}
    return {"kind": kind, "ts": POSTED + timedelta(minutes=minute), **nothing, **rest, **said}


def signal(*events: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**SIGNAL, "events": events, **changes}


def reading(minute: int, **row: Any) -> StoredReading:
    return StoredReading(since=POSTED + timedelta(minutes=minute), row=signal() | row)


def plan_of(row: dict[str, Any], *, kept: timedelta) -> Plan:
    return plans.plan_of([StoredReading(since=row["ts"], row=row)], kept=kept)


def test_a_swing_trade_is_followed_as_long_as_it_is_kept() -> None:
    plan = plan_of(signal(), kept=KEPT)
    assert plan.period == (None, POSTED + KEPT)
    (terms,) = plan.terms
    assert (terms.entry, terms.targets) == ((Decimal(10), Decimal("10.2")), (Decimal(11), Decimal(12)))


def test_a_validity_is_the_time_to_enter_and_a_session_the_time_of_a_day_trade() -> None:
    midnight = datetime.fromisoformat("2026-03-03T00:00-03:00")
    valid = plan_of(signal(valid_until="02/03"), kept=KEPT)
    assert valid.period == (midnight, POSTED + KEPT)
    day_trade = plan_of(signal(signal_type="Day Trade"), kept=KEPT)
    assert day_trade.period == (midnight, midnight)


def test_updates_change_the_terms_from_their_instant_on() -> None:
    plan = plan_of(
        signal(
            event(1, "update", new_stop=Decimal("9.5")),
            event(2, "update", fraction=Decimal("0.5"), breakeven=True),
            event(3, "cancel"),
            event(4, "update", new_stop=Decimal(1)),
        ),
        kept=KEPT,
    )
    assert [(terms.stop, terms.held, terms.breakeven, terms.cancelled) for terms in plan.terms] == [
        (Decimal(9), 1, False, False),
        (Decimal("9.5"), 1, False, False),
        (None, Decimal("0.5"), True, False),
        (None, Decimal("0.5"), True, True),
    ]
    assert plan.terms[-1].since == POSTED + timedelta(minutes=3)


def test_of_a_result_only_a_moved_stop_changes_the_terms() -> None:
    plan = plan_of(
        signal(
            event(1, "result", target=1, fraction=Decimal("0.5"), new_stop=Decimal(10)),
            event(2, "result", fraction=Decimal(1), breakeven=True),
            event(3, "result", stop_hit=True),
        ),
        kept=KEPT,
    )
    assert [(terms.stop, terms.held) for terms in plan.terms] == [
        (Decimal(9), Decimal(1)),
        (Decimal(10), Decimal(1)),
    ]


def test_a_deleted_message_changes_nothing() -> None:
    assert len(plan_of(signal(event(1, "deleted")), kept=KEPT).terms) == 1


def test_an_edit_changes_the_terms_from_its_instant_on() -> None:
    moved, early = event(3, "update", new_stop=Decimal("9.5")), event(1, "update", fraction=Decimal("0.5"))
    last = reading(2, buy_min=Decimal(8), buy_max=Decimal(8), events=[early, moved])
    plan = plans.plan_of([reading(0), last], kept=KEPT)
    assert plan.starts_at == POSTED
    assert [(terms.since - POSTED, terms.entry, terms.stop, terms.held) for terms in plan.terms] == [
        (timedelta(0), (Decimal(10), Decimal("10.2")), Decimal(9), 1),
        (timedelta(minutes=1), (Decimal(10), Decimal("10.2")), Decimal(9), Decimal("0.5")),
        (timedelta(minutes=2), (Decimal(8), Decimal(8)), Decimal(9), Decimal("0.5")),
        (timedelta(minutes=3), (Decimal(8), Decimal(8)), Decimal("9.5"), Decimal("0.5")),
    ]


def test_a_trade_that_came_with_an_edit_begins_with_it() -> None:
    told = [event(1, "update", new_stop=Decimal("9.5")), event(4, "update", new_stop=Decimal("9.8"))]
    plan = plans.plan_of([reading(3, events=told)], kept=KEPT)
    assert plan.starts_at == POSTED + timedelta(minutes=3)
    assert plan.period.close_at == POSTED + KEPT, "it is kept from its posting on"
    assert [(terms.since - POSTED, terms.stop) for terms in plan.terms] == [
        (timedelta(minutes=3), Decimal("9.5")),
        (timedelta(minutes=4), Decimal("9.8")),
    ]


def test_a_doubtful_reading_moves_nothing() -> None:
    doubtful = reading(1, warnings=["ambiguous_number"], stop=Decimal(90))
    for readings in ([reading(0), doubtful], [reading(0), doubtful, reading(2)]):
        plan = plans.plan_of(readings, kept=KEPT)
        assert plan.starts_at == POSTED
        assert {terms.stop for terms in plan.terms} == {Decimal(9)}
        assert not plan.doubtful
    later = plans.plan_of([doubtful, reading(2)], kept=KEPT)
    assert (later.starts_at, later.doubtful) == (POSTED + timedelta(minutes=2), False)


def test_each_reading_has_its_own_period() -> None:
    readings = [reading(0, signal_type="Day Trade"), reading(60 * 24)]
    plan = plans.plan_of(readings, kept=KEPT)
    day, later = (terms.period for terms in plan.terms)
    assert plan.period == day == (midnight := (datetime.fromisoformat("2026-03-03T00:00-03:00")), midnight)
    assert later == (None, POSTED + KEPT)


def test_what_was_cancelled_before_its_edit_stays_cancelled() -> None:
    plan = plans.plan_of([reading(3, events=[event(1, "cancel")])], kept=KEPT)
    assert [(terms.since, terms.cancelled) for terms in plan.terms] == [(plan.starts_at, True)]


def test_an_edit_that_leaves_the_trade_as_it_was_brings_none() -> None:
    praised = reading(5, targets=[Decimal(11), Decimal("11.5")])
    assert not came_with_an_edit([reading(0)])
    assert not came_with_an_edit([reading(0), praised])
    assert came_with_an_edit([reading(2), praised]), "its message was no signal before"
    for change in ({"stop": Decimal(8)}, {"targets": [Decimal("10.5")]}, {"asset": "VALE3"}):
        assert came_with_an_edit([reading(0), reading(5, **change), reading(6)])


def test_doubtful_prices_are_doubtful() -> None:
    assert plan_of(signal(warnings=["ambiguous_number"]), kept=KEPT).doubtful
    assert not plan_of(signal(warnings=["missing_date"]), kept=KEPT).doubtful


def test_results_are_claims_of_targets_and_of_the_stop() -> None:
    told = signal(
        event(1, "result", target=1),
        event(2, "result", target=0),
        event(3, "result", stop_hit=True),
        event(4, "result", percent=Decimal(3)),
        event(5, "result", target=7),
        event(6, "update", target=1),
    )
    assert [(claim.at - POSTED, claim.target) for claim in claims_of(told)] == [
        (timedelta(minutes=1), 1),
        (timedelta(minutes=2), 2),
        (timedelta(minutes=3), None),
    ]
    assert claims_of(signal()) == []
    assert isinstance(claims_of(told)[0], Claim)
