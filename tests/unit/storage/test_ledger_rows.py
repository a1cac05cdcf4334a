"""Outcomes as rows: one a key, in an order that all daemons share, in digits and characters that last."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import ChannelMessage, Outcome, Span
from storage.errors import RowsRefusedError
from storage.postgres.ledger_rows import (
    dead_letter_of,
    dead_letter_row,
    deduplicate,
    key_of,
    ledger_row,
    signal_row,
    to_json,
)
from tests.support.outcomes import OTHER_CHANNEL, a_message, a_signal, malformed, not_signal, signal_outcome

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def at(number: int, updated_minutes: int | None, text: str = "x") -> Outcome:
    updated_at = None if updated_minutes is None else NOON + timedelta(minutes=updated_minutes)
    return not_signal(a_message(number, updated_at=updated_at, text=text))


def reading(outcome: Outcome) -> object:
    return ledger_row(outcome)["reading"]


def test_a_message_twice_in_a_batch_is_one_row_with_the_text_of_the_latest_update() -> None:
    old, new = at(1, 0, "old"), at(1, 5, "new")
    assert deduplicate([old, new]) == [new]
    assert deduplicate([new, old]) == [new]


def test_the_first_of_two_with_the_same_text_stays() -> None:
    first, later = at(1, 0), at(1, 5)
    (stays,) = deduplicate([first, later])
    assert isinstance(stays.message, ChannelMessage)
    assert isinstance(first.message, ChannelMessage)
    assert stays.message == replace(first.message, updated_at=stays.message.updated_at)


def test_a_text_that_comes_back_in_a_later_version_is_the_latest() -> None:
    first, between, back = at(1, 0, "as posted"), at(1, 3, "slip"), at(1, 5, "as posted")
    for order in permutations([first, between, back]):
        (stays,) = deduplicate(order)
        assert isinstance(stays.message, ChannelMessage)
        assert stays.message.text == "as posted"


def test_of_two_equally_late_the_first_stays() -> None:
    first, second = at(1, 0, "first"), at(1, 0, "second")
    assert deduplicate([first, second]) == [first]


def test_a_readable_message_beats_its_malformed_double() -> None:
    good = at(1, 0)
    assert deduplicate([malformed(1), good]) == [good]
    assert deduplicate([good, malformed(1)]) == [good]


def test_the_same_id_in_two_channels_is_two_messages_fault_4() -> None:
    there = not_signal(a_message(1, channel=OTHER_CHANNEL))
    assert len(deduplicate([at(1, 0), there])) == 2


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 5)), max_size=25))
def test_a_batch_has_each_key_once_sorted_and_its_latest_text_whatever_comes(
    deliveries: list[tuple[int, int]],
) -> None:
    single = deduplicate([at(number, minutes, f"text {minutes}") for number, minutes in deliveries])
    latest: dict[str, int] = {}
    for number, minutes in deliveries:
        latest[str(number)] = max(minutes, latest.get(str(number), 0))
    assert [key_of(outcome)[1] for outcome in single] == sorted(latest)
    for outcome in single:
        assert isinstance(outcome.message, ChannelMessage)
        assert outcome.message.text == f"text {latest[outcome.message.message_id]}"


def test_the_same_reading_has_the_same_digest_and_another_another() -> None:
    message = a_message(1)
    base = signal_outcome(message, a_signal())
    assert reading(base) == reading(signal_outcome(message, a_signal()))
    others = [
        signal_outcome(message, a_signal(stop=Decimal("29.0"))),
        signal_outcome(message, a_signal("VALE3")),
        signal_outcome(message, a_signal(), a_signal("VALE3", position=1)),
        not_signal(message),
        not_signal(message, "advert"),
    ]
    assert len({reading(outcome) for outcome in [base, *others]}) == 6


def test_a_digest_survives_a_lone_surrogate() -> None:
    assert reading(signal_outcome(a_message(1), a_signal("\ud800")))


def test_prices_keep_exactly_their_digits() -> None:
    digits = ["0.880", "0.255", "131000", "0.1250", "1.065", "1E+3", "0.00000001"]
    signal = a_signal(targets=tuple(Decimal(price) for price in digits))
    row = json.loads(to_json([signal_row(signal_outcome(a_message(1)), signal)]))[0]
    assert row["targets"] == ["0.880", "0.255", "131000", "0.1250", "1.065", "1000", "0.00000001"]


def test_provenance_is_kept_with_the_signal() -> None:
    span = Span(field="stop", start=3, end=5, rule="label", value="29")
    signal = a_signal(provenance=(span,))
    row = json.loads(to_json([signal_row(signal_outcome(a_message(1)), signal)]))[0]
    assert row["provenance"] == [{"field": "stop", "start": 3, "end": 5, "rule": "label", "value": "29"}]


def test_the_text_that_was_read_is_the_raw_message() -> None:
    outcome = replace(signal_outcome(a_message(1, text=" ", caption="PETR4")), body="what was read")
    assert signal_row(outcome, a_signal())["raw_message"] == "what was read"


def test_a_lone_surrogate_is_refused_before_the_database_sees_it() -> None:
    with pytest.raises(RowsRefusedError):
        to_json([ledger_row(not_signal(a_message(1, text="\ud800")))])


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x" * 100_000])
def test_a_dead_letter_holds_nothing_that_was_refused(text: str) -> None:
    message = a_message(1, text=text, caption=text, source=text, reply_to=text)
    dead = dead_letter_of(signal_outcome(message), reason="refused", error=f"because of {text}")
    rows = to_json([ledger_row(dead), dead_letter_row(dead)]).decode()
    assert "\\u0000" not in json.dumps(json.loads(rows)[0])
    letter = json.loads(rows)[1]
    assert "\0" not in letter["error"]
    assert len(letter["error"]) <= 2100
    assert letter["raw"].isascii()
    assert json.loads(letter["raw"])["text"] == text
    assert json.loads(rows)[0].get("text") is None


def test_a_dead_letter_without_words_gives_its_reason() -> None:
    dead = dead_letter_of(not_signal(a_message(1)), reason="refused", error="")
    assert dead_letter_row(dead)["error"] == "refused"
