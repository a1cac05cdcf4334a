"""The ledger: whatever is delivered, however often, each message has one effect."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine.model import ChannelMessage, Outcome, OutcomeKind
from storage.postgres.ledger import Ledger
from tests.support.outcomes import (
    CHANNEL,
    OTHER_CHANNEL,
    a_message,
    a_signal,
    not_signal,
    signal_outcome,
)

pytestmark = pytest.mark.every_way

Ask = Callable[..., list[dict[str, Any]]]
KEY = (CHANNEL, "1")
ASSETS = "select asset from tp_capital_signals order by message_id, position"


def edited(message: ChannelMessage, text: str, *, minutes: int = 5) -> ChannelMessage:
    assert message.updated_at is not None
    return replace(message, text=text, updated_at=message.updated_at + timedelta(minutes=minutes))


def assets(ask: Ask) -> list[str]:
    return [row["asset"] for row in ask(ASSETS)]


# ── new, duplicate, moved ────────────────────────────────────────────────────


def test_a_new_message_is_written_with_its_signals(ledger: Ledger, ask: Ask) -> None:
    outcome = signal_outcome(a_message(1), a_signal("PETR4"), a_signal("VALE3", position=1))
    recorded = ledger.record([outcome, not_signal(a_message(2))])
    assert recorded.new == {KEY, (CHANNEL, "2")}
    assert not recorded.moved
    assert (recorded.duplicates, recorded.signals) == (0, 2)
    assert assets(ask) == ["PETR4", "VALE3"]
    assert ledger.counts() == {"signal": 1, "not_signal": 1}


def test_fault_75_no_two_signals_of_a_batch_have_the_same_instant_of_ingestion(
    ledger: Ledger, ask: Ask
) -> None:
    new = [signal_outcome(a_message(number)) for number in range(1, 4)]
    # rows of the former service that it took in at one instant, one of them read as two signals
    received_at = datetime(2026, 11, 2, 12, tzinfo=UTC)
    old = [
        signal_outcome(a_message(number, message_id=f"legacy:{number}", received_at=received_at), *signals)
        for number, signals in ((7, [a_signal(), a_signal("VALE3", position=1)]), (8, [a_signal()]))
    ]
    ledger.record([*new, *old])
    rows = ask("select message_id, ingested_at from tp_capital_signals order by message_id, position")
    assert len({row["ingested_at"] for row in rows}) == 6
    taken = [row["ingested_at"] - received_at for row in rows if row["message_id"].startswith("legacy:")]
    assert taken == [timedelta(microseconds=step) for step in range(3)]


def test_the_whole_message_stands_in_the_ledger(ledger: Ledger, ask: Ask) -> None:
    message = a_message(1, text="🟢 text", caption="caption", reply_to="7", source="other")
    ledger.record([not_signal(message)])
    (row,) = ask("select * from ledger")
    assert (row["text"], row["caption"], row["reply_to"], row["source"]) == (
        "🟢 text",
        "caption",
        "7",
        "other",
    )
    assert (row["outcome"], row["reason"], row["grammar_version"]) == ("not_signal", "chat", "g1")
    assert (row["telegram_date"], row["received_at"]) == (message.telegram_date, message.received_at)
    assert row["message_updated_at"] == message.updated_at


def test_a_second_delivery_has_no_effect(ledger: Ledger, ask: Ask) -> None:
    outcome = signal_outcome(a_message(1))
    ledger.record([outcome])
    again = ledger.record([outcome])
    assert not again.new | again.moved
    assert (again.duplicates, again.signals) == (1, 0)
    assert assets(ask) == ["PETR4"]
    assert not ask("select * from signals_history")


def test_a_second_delivery_with_another_date_has_no_effect_either(ledger: Ledger, ask: Ask) -> None:
    outcome = signal_outcome(a_message(1))
    ledger.record([outcome])
    assert outcome.ts
    ledger.record([replace(outcome, ts=outcome.ts + timedelta(days=8))])
    assert assets(ask) == ["PETR4"]


def test_a_message_twice_in_a_batch_is_one(ledger: Ledger, ask: Ask) -> None:
    message = a_message(1)
    recorded = ledger.record([signal_outcome(message), signal_outcome(replace(message, gateway_id="other"))])
    assert recorded.new == {KEY}
    assert assets(ask) == ["PETR4"]


def test_an_empty_batch_is_a_batch(ledger: Ledger) -> None:
    assert ledger.record([]).new == frozenset()


def test_the_same_text_under_two_ids_is_two_signals_fault_9(ledger: Ledger, ask: Ask) -> None:
    ledger.record([signal_outcome(a_message(1, text="same")), signal_outcome(a_message(2, text="same"))])
    ledger.record([signal_outcome(a_message(3, text="same"))])
    assert assets(ask) == ["PETR4"] * 3


def test_the_same_id_in_two_channels_is_two_messages_fault_4(ledger: Ledger, ask: Ask) -> None:
    ledger.record([signal_outcome(a_message(1)), signal_outcome(a_message(1, channel=OTHER_CHANNEL))])
    assert assets(ask) == ["PETR4"] * 2


@pytest.mark.parametrize("kind", [OutcomeKind.EMPTY, OutcomeKind.FILTERED, OutcomeKind.EXPIRED])
def test_every_way_to_end_is_kept_faults_1_2(ledger: Ledger, kind: OutcomeKind) -> None:
    ledger.record([Outcome(message=a_message(1, text=None), kind=kind, reason="x", ts=None)])
    assert ledger.counts() == {kind.value: 1}


# ── edits and re-readings ────────────────────────────────────────────────────


def test_a_later_edit_supersedes_and_keeps_the_history(ledger: Ledger, ask: Ask) -> None:
    message = a_message(1)
    first = ledger.record([signal_outcome(message, a_signal("PETR4"), a_signal("ABEV3", position=1))])
    moved = ledger.record([signal_outcome(edited(message, "new"), a_signal("VALE3"))])
    assert moved.moved == {KEY}
    assert not moved.new
    assert moved.signals == 1
    assert assets(ask) == ["VALE3"]
    history = ask("select asset, commit_number, superseded_by from signals_history order by asset")
    assert [row["asset"] for row in history] == ["ABEV3", "PETR4"]
    assert {(row["commit_number"], row["superseded_by"]) for row in history} == {
        (first.commit_number, moved.commit_number)
    }
    assert ask("select text from ledger") == [{"text": "new"}]


def test_an_edit_may_take_the_signal_away_and_bring_it_back(ledger: Ledger, ask: Ask) -> None:
    message = a_message(1)
    ledger.record([signal_outcome(message)])
    ledger.record([not_signal(edited(message, "sorry", minutes=1))])
    assert assets(ask) == []
    ledger.record([signal_outcome(edited(message, "PETR4 again", minutes=2))])
    assert assets(ask) == ["PETR4"]
    assert len(ask("select * from signals_history")) == 1


def test_an_edited_caption_counts_as_an_edit(ledger: Ledger, ask: Ask) -> None:
    message = a_message(1, text=None, caption="old")
    ledger.record([not_signal(message)])
    newer = replace(edited(message, ""), text=None, caption="new")
    assert ledger.record([signal_outcome(newer)]).moved == {KEY}
    assert assets(ask) == ["PETR4"]


@pytest.mark.parametrize("minutes", [0, -5])
def test_an_older_text_that_comes_late_is_a_duplicate(ledger: Ledger, ask: Ask, minutes: int) -> None:
    message = a_message(1)
    ledger.record([signal_outcome(message)])
    late = ledger.record([signal_outcome(edited(message, "old", minutes=minutes), a_signal("VALE3"))])
    assert late.duplicates == 1
    assert assets(ask) == ["PETR4"]
    assert ask("select text from ledger") == [{"text": "text 1"}]


@pytest.mark.parametrize("together", [False, True], ids=["later", "in one batch"])
@pytest.mark.parametrize("known", [True, False], ids=["same updatedAt", "no updatedAt"])
@pytest.mark.parametrize("placeholder", [None, "", "(message deleted)"])
def test_fault_35_a_placeholder_gives_way_to_the_text(
    ledger: Ledger, ask: Ask, placeholder: str | None, *, known: bool, together: bool
) -> None:
    message = a_message(1, text=placeholder)
    stands = replace(not_signal(message), kind=OutcomeKind.NOT_SIGNAL if placeholder else OutcomeKind.EMPTY)
    text = signal_outcome(replace(message, text="PETR4", updated_at=message.updated_at if known else None))
    for batch in [[stands, text]] if together else [[stands], [text]]:
        ledger.record(batch)
    assert assets(ask) == ["PETR4"]
    assert ledger.record([stands]).duplicates == 1, "and does not come back"
    assert assets(ask) == ["PETR4"]


def test_the_same_text_updated_later_changes_nothing(ledger: Ledger, ask: Ask) -> None:
    message = a_message(1)
    ledger.record([signal_outcome(message)])
    later = edited(message, "text 1")
    assert ledger.record([signal_outcome(later, a_signal("VALE3"))]).duplicates == 1
    assert assets(ask) == ["PETR4"]


def test_a_reread_with_another_reading_moves_on(ledger: Ledger, ask: Ask) -> None:
    message = a_message(1)
    ledger.record([not_signal(message)])
    assert ledger.record([signal_outcome(message)], reread=True).moved == {KEY}
    assert assets(ask) == ["PETR4"]


def test_a_reread_with_the_same_reading_changes_nothing(ledger: Ledger, ask: Ask) -> None:
    outcome = signal_outcome(a_message(1))
    ledger.record([outcome])
    before = ask("select * from tp_capital_signals")
    assert ledger.record([outcome], reread=True).duplicates == 1
    assert ask("select * from tp_capital_signals") == before
    assert not ask("select * from signals_history")


def test_a_reread_of_an_older_text_changes_nothing(ledger: Ledger, ask: Ask) -> None:
    message = a_message(1)
    ledger.record([signal_outcome(message)])
    assert ledger.record([not_signal(edited(message, "old", minutes=-5))], reread=True).duplicates == 1
    assert assets(ask) == ["PETR4"]


# ── digits ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "digits", ["0.880", "0.255", "131000", "1.065", "0.1250", "99999999999999.0001", "0"]
)
def test_prices_keep_exactly_their_digits_fault_10(ledger: Ledger, ask: Ask, digits: str) -> None:
    price = Decimal(digits)
    signal = a_signal(
        buy_min=price, buy_max=None, targets=(price, Decimal("1.0")), target_final=price, stop=price
    )
    ledger.record([signal_outcome(a_message(1), signal)])
    (row,) = ask("select buy_min, buy_max, targets, target_final, stop from tp_capital_signals")
    assert [str(row[name]) for name in ("buy_min", "target_final", "stop")] == [digits] * 3
    assert [str(target) for target in row["targets"]] == [digits, "1.0"]
    assert row["buy_max"] is None
