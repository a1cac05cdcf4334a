"""Requests to read the history outlive the process that took them, until they were carried out."""

from datetime import UTC, datetime

import pytest

from storage.postgres.database import Database
from storage.postgres.history_requests import HistoryRequest, HistoryRequests

pytestmark = pytest.mark.every_way

SINCE = datetime(2026, 11, 1, tzinfo=UTC)


def test_a_request_waits_until_it_was_carried_out(database: Database) -> None:
    one, other = HistoryRequests(database), HistoryRequests(database)
    one.ask(again=True, channels=[], since=None)
    one.ask(again=False, channels=["-1001"], since=SINCE)
    first, second = other.waiting()
    assert first == HistoryRequest(id=first.id, again=True, channels=[], since=None)
    assert second == HistoryRequest(id=second.id, again=False, channels=["-1001"], since=SINCE)
    other.done([first.id])
    assert one.waiting() == (second,)


def test_the_progress_shown_last_is_read_by_others(database: Database) -> None:
    one, other = HistoryRequests(database), HistoryRequests(database)
    assert other.shown() is None
    for progress in ("{}", '{"phase": "reading"}'):
        one.show(progress)
    assert other.shown() == '{"phase": "reading"}'
