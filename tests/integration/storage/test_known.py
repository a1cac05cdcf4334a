"""What the ledger has as it is: nothing else is passed over when a tail is looked at."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from engine.model import ChannelMessage
from storage.postgres.database import Database
from storage.postgres.known import KnownMessages
from storage.postgres.ledger import Ledger
from tests.support.outcomes import a_message, malformed, not_signal, signal_outcome


def test_fault_91_only_what_is_new_or_edited_or_was_not_readable_is_read_again(
    database: Database, ledger: Ledger
) -> None:
    signal, chat, letter = a_message(1), a_message(2), malformed(3)
    ledger.record([signal_outcome(signal), not_signal(chat), letter])
    known = KnownMessages(database)
    assert known.missing([signal, chat]) == []
    acknowledged = replace(chat, updated_at=_later(chat))
    assert known.missing([acknowledged]) == [], "an acknowledgement moves the date and nothing else"
    edited = replace(signal, text="another text", updated_at=_later(signal))
    captioned = replace(chat, caption="a caption")
    redated = replace(signal, telegram_date=signal.received_at - timedelta(days=1))
    new = a_message(9)
    again = a_message(3)
    asked = [new, signal, edited, chat, captioned, letter.message, redated, again]
    assert known.missing(asked) == [new, edited, captioned, letter.message, redated, again]


def test_texts_that_the_database_refuses_are_left_to_the_writer(database: Database) -> None:
    odd = [replace(a_message(1), text="a\0b"), replace(a_message(2), caption="\ud800"), a_message(3)]
    assert KnownMessages(database).missing(odd) == odd
    assert KnownMessages(database).missing([]) == []


def _later(message: ChannelMessage) -> datetime:
    assert message.updated_at is not None
    return message.updated_at + timedelta(minutes=5)
