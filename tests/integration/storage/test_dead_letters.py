"""Dead letters: listed, due by the database's clock, counted until they end well."""

from collections.abc import Callable
from typing import Any

import pytest

from storage.postgres.database import Database
from storage.postgres.dead_letters import MOST_ATTEMPTS, DeadLetters
from storage.postgres.ledger import Ledger
from tests.support.outcomes import CHANNEL, a_message, malformed, not_signal

pytestmark = pytest.mark.every_way

Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def letters(database: Database) -> DeadLetters:
    return DeadLetters(database)


def test_without_any_there_is_nothing_to_do(letters: DeadLetters) -> None:
    assert letters.unresolved() == ()
    assert letters.due(limit=10) == ()
    assert letters.count() == 0
    assert letters.make_due(None) == 0


def test_a_letter_tells_what_and_why(letters: DeadLetters, ledger: Ledger) -> None:
    ledger.record([malformed(1, error="text: must be a string or null, not int")])
    (letter,) = letters.unresolved()
    assert (letter.channel, letter.message_id, letter.reason) == (CHANNEL, "1", "malformed")
    assert letter.error == "text: must be a string or null, not int"
    assert letter.raw == '{"id":"g1"}'
    assert letter.attempts == 1
    assert letter.next_attempt_at is not None
    assert letter.resolved_at is None


def test_the_oldest_come_first_within_the_limit(letters: DeadLetters, ledger: Ledger) -> None:
    ledger.record([malformed(n) for n in (1, 2, 3)])
    assert [letter.message_id for letter in letters.unresolved(limit=2)] == ["1", "2"]


def test_a_letter_is_due_when_its_time_has_come(letters: DeadLetters, ledger: Ledger, ask: Ask) -> None:
    ledger.record([malformed(n) for n in (1, 2, 3)])
    assert letters.due(limit=10) == ()
    ask("update dead_letters set next_attempt_at = now() - interval '1 second' where message_id = '3'")
    ask("update dead_letters set next_attempt_at = now() where message_id = '1'")
    assert [letter.message_id for letter in letters.due(limit=10)] == ["3", "1"]
    assert [letter.message_id for letter in letters.due(limit=1)] == ["3"]


def test_one_letter_or_all_can_be_made_due(letters: DeadLetters, ledger: Ledger) -> None:
    ledger.record([malformed(n) for n in (1, 2, 3)])
    second = letters.unresolved()[1]
    assert letters.make_due(second.id) == 1
    assert [letter.id for letter in letters.due(limit=10)] == [second.id]
    assert letters.make_due(999_999) == 0
    assert letters.make_due(None) == 3
    assert len(letters.due(limit=10)) == 3


def test_a_letter_that_ended_well_is_no_longer_counted_due_or_listed(
    letters: DeadLetters, ledger: Ledger
) -> None:
    ledger.record([malformed(1), malformed(2)])
    letters.make_due(None)
    ledger.record([not_signal(a_message(1))])
    assert letters.count() == 1
    assert [letter.message_id for letter in letters.unresolved()] == ["2"]
    assert [letter.message_id for letter in letters.due(limit=10)] == ["2"]
    assert letters.make_due(None) == 1


def test_a_failed_retry_puts_the_letter_off(letters: DeadLetters, ledger: Ledger) -> None:
    ledger.record([malformed(1)])
    letters.make_due(None)
    ledger.record([malformed(1)])
    assert letters.due(limit=10) == ()
    assert letters.unresolved()[0].attempts == 2


def test_a_letter_that_failed_often_enough_is_final_listed_and_still_tried_by_hand(
    letters: DeadLetters, ledger: Ledger, ask: Ask
) -> None:
    """A NUL can never be stored: its letter was retried each day for ever."""
    ledger.record([malformed(1)])
    ask(f"update dead_letters set attempts = {MOST_ATTEMPTS - 2}")
    ledger.record([malformed(1)])
    assert letters.unresolved()[0].next_attempt_at is not None
    for further in (0, 1):
        letters.make_due(None)
        assert [letter.message_id for letter in letters.due(limit=10)] == ["1"]
        ledger.record([malformed(1)])
        (letter,) = letters.unresolved()
        assert (letter.attempts, letter.next_attempt_at) == (MOST_ATTEMPTS + further, None)
        assert letters.count() == 1
