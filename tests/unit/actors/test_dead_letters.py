"""Dead letters come back when their time has come, and never hotly."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import cast

from actors.dead_letters import BATCH_SIZE, LOOK_EVERY_S, DeadLetterSource
from actors.shown.snapshots import DeadLettersSnapshot
from engine.messages import Drain, Drained, LettersDue
from engine.model import ChannelMessage
from storage.errors import DatabaseUnavailableError, StorageError
from storage.gateway.messages import encode_message
from storage.postgres.dead_letters import DeadLetter, DeadLetters
from tests.support.clock import START
from tests.support.polling import SourceWorld
from tests.support.recording import CHANNEL, message


def letter(number: int, channel: str = CHANNEL) -> DeadLetter:
    return DeadLetter(
        id=number,
        channel=channel,
        message_id=str(number),
        reason="refused",
        error="invalid byte sequence",
        raw=encode_message(message(number, channel=channel)),
        attempts=1,
        first_at=START,
        last_at=START,
        next_attempt_at=START,
        resolved_at=None,
    )


class FakeLetters:
    """The table: what is due is due until it is taken away."""

    def __init__(self, *letters: DeadLetter) -> None:
        self.letters = list(letters)
        self.down: StorageError | None = None
        self.looks = 0

    def count(self) -> int:
        if self.down is not None:
            raise self.down
        return len(self.letters)

    def due(self, *, limit: int) -> tuple[DeadLetter, ...]:
        self.looks += 1
        return tuple(self.letters[:limit])


class Retrying(SourceWorld):
    """A source of dead letters and its table."""

    def __init__(self, *letters: DeadLetter) -> None:
        super().__init__()
        self.letters = FakeLetters(*letters)
        self.database_now = START
        self.source = DeadLetterSource(
            self.context("dead_letters"),
            letters=cast("DeadLetters", self.letters),
            now=lambda: self.database_now,
            metrics=self.metrics,
            random=Random(1),
        )
        self.source.on_start()
        self.supervisor.taken()

    @property
    def snapshot(self) -> DeadLettersSnapshot:
        return self.shown("dead_letters", DeadLettersSnapshot)


def test_what_is_due_is_delivered_as_the_message_it_was() -> None:
    retrying = Retrying(letter(1), letter(2))
    retrying.pass_s(0)
    batch = retrying.batch()
    assert batch.channel == CHANNEL
    assert [m.message_id for m in batch.messages] == ["1", "2"]
    assert all(isinstance(m, ChannelMessage) for m in batch.messages)
    assert batch.reread
    assert retrying.snapshot == DeadLettersSnapshot(waiting=2, error=None)


def test_fault_95_a_letter_keeps_its_dates_though_the_clock_of_the_engine_is_behind() -> None:
    retrying = Retrying(letter(1))
    retrying.database_now = START + timedelta(days=100)
    posted = replace(message(1), received_at=retrying.database_now, telegram_date=retrying.database_now)
    retrying.letters.letters = [replace(letter(1), raw=encode_message(posted))]
    retrying.pass_s(0)
    assert retrying.batch().messages == (posted,)


def test_one_batch_is_of_one_channel() -> None:
    retrying = Retrying(letter(1), letter(2, channel="-1002"), letter(3))
    retrying.pass_s(0)
    first = retrying.batch()
    assert [m.message_id for m in first.messages] == ["1", "3"]
    retrying.letters.letters = [letter(2, channel="-1002")]
    retrying.commit(first)
    assert retrying.batch().channel == "-1002"


def test_a_batch_is_bounded_and_the_rest_follows_at_once_while_letters_end_well() -> None:
    retrying = Retrying(*(letter(number) for number in range(BATCH_SIZE + 3)))
    retrying.pass_s(0)
    batch = retrying.batch()
    assert len(batch.messages) == BATCH_SIZE
    retrying.letters.letters = retrying.letters.letters[BATCH_SIZE:]
    retrying.commit(batch)
    assert len(retrying.batch().messages) == 3


def test_letters_that_stay_due_are_not_retried_hotly() -> None:
    # the ledger knew the message with a good outcome: nothing moves, and the letter stays due
    retrying = Retrying(letter(1))
    retrying.pass_s(0)
    for rounds in range(1, 10):
        retrying.commit(retrying.batch(), new=0)
        assert retrying.due_in_s(retrying.source, "look") == LOOK_EVERY_S
        assert retrying.letters.looks == rounds
        retrying.pass_s(LOOK_EVERY_S)


def test_nothing_due_is_looked_at_again_later() -> None:
    retrying = Retrying()
    retrying.pass_s(0)
    assert retrying.batches() == []
    assert retrying.due_in_s(retrying.source, "look") == LOOK_EVERY_S
    retrying.letters.letters = [letter(1)]
    retrying.pass_s(LOOK_EVERY_S)
    assert len(retrying.batches()) == 1


def test_the_count_is_unknown_and_not_zero_until_the_database_has_told() -> None:
    retrying = Retrying()
    assert retrying.snapshot == DeadLettersSnapshot(waiting=None, error=None)
    retrying.letters.down = DatabaseUnavailableError("database down")
    retrying.pass_s(0)
    assert retrying.snapshot == DeadLettersSnapshot(waiting=None, error="database down")


def test_a_database_that_is_away_is_asked_less_and_less_often() -> None:
    retrying = Retrying(letter(1))
    retrying.letters.down = DatabaseUnavailableError("database down")
    retrying.pass_s(0)
    first_s = retrying.due_in_s(retrying.source, "look")
    retrying.pass_s(200)
    later_s = retrying.due_in_s(retrying.source, "look")
    assert first_s is not None
    assert later_s is not None
    assert first_s <= 2
    retrying.letters.down = None
    retrying.pass_s(60)
    assert len(retrying.batches()) == 1
    assert retrying.snapshot.error is None


def test_a_letter_that_kills_an_actor_goes_alone_and_then_unread() -> None:
    retrying = Retrying(letter(1), letter(2))
    retrying.pass_s(0)
    retrying.batch()
    retrying.lose()
    assert [m.message_id for m in retrying.batch().messages] == ["1"]
    retrying.lose(generation=3)
    assert retrying.batch().unread


def test_drain_is_answered_with_nothing_unacknowledged() -> None:
    retrying = Retrying(letter(1))
    retrying.source.on_receive(Drain())
    assert retrying.supervisor.taken() == [Drained(name="dead_letters", generation=1, unacknowledged=0)]
    retrying.pass_s(60)
    assert retrying.batches() == []


def test_letters_that_somebody_made_due_are_looked_for_at_once() -> None:
    retrying = Retrying()
    retrying.pass_s(0)
    retrying.letters.letters.append(letter(1))
    retrying.source.on_receive(LettersDue())
    assert [m.message_id for m in retrying.batch().messages] == ["1"]
