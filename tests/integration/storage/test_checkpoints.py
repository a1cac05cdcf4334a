"""Checkpoints: found again at every start, one row a channel."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storage.postgres.checkpoints import Checkpoint, Checkpoints
from storage.postgres.database import Database
from tests.support.outcomes import CHANNEL, OTHER_CHANNEL

pytestmark = pytest.mark.every_way

Ask = Callable[..., list[dict[str, Any]]]
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture
def checkpoints(database: Database) -> Checkpoints:
    return Checkpoints(database)


def at_page(page: int, **changes: Any) -> Checkpoint:
    values: dict[str, Any] = {
        "channel": CHANNEL,
        "rows_read": 500 * page,
        "last_gateway_id": str(page),
        "pages": page,
        "found": 10 * page,
        "gateway_total": 5000,
        "newest_received_at": NOON + timedelta(minutes=page),
    }
    return Checkpoint(**values | changes)


def test_before_the_first_page_there_is_none(checkpoints: Checkpoints) -> None:
    assert checkpoints.load([CHANNEL]) == {}


def test_a_checkpoint_is_found_at_the_next_start_and_stays_one_row_fault_11(
    checkpoints: Checkpoints, open_database: Callable[[], Database], ask: Ask
) -> None:
    for page in range(1, 4):
        checkpoints.save(at_page(page), completed=False)
    found = Checkpoints(open_database()).load([CHANNEL, OTHER_CHANNEL])
    assert found.keys() == {CHANNEL}
    kept = found[CHANNEL]
    assert (kept.rows_read, kept.pages, kept.found, kept.last_gateway_id) == (1500, 3, 30, "3")
    assert (kept.gateway_total, kept.newest_received_at) == (5000, NOON + timedelta(minutes=3))
    assert kept.completed_at is None
    assert ask("select count(*) as n from checkpoints") == [{"n": 1}]


def test_each_channel_has_its_own(checkpoints: Checkpoints) -> None:
    checkpoints.save(at_page(1), completed=False)
    checkpoints.save(at_page(2, channel=OTHER_CHANNEL), completed=True)
    found = checkpoints.load([CHANNEL, OTHER_CHANNEL])
    assert (found[CHANNEL].pages, found[OTHER_CHANNEL].pages) == (1, 2)
    assert found[CHANNEL].completed_at is None
    assert found[OTHER_CHANNEL].completed_at is not None


def test_a_pass_is_completed_only_when_told_fault_12(checkpoints: Checkpoints) -> None:
    checkpoints.save(at_page(1), completed=False)
    assert checkpoints.load([CHANNEL])[CHANNEL].completed_at is None
    checkpoints.save(at_page(1), completed=True)
    assert checkpoints.load([CHANNEL])[CHANNEL].completed_at is not None


def test_the_newest_time_of_receipt_never_goes_back(checkpoints: Checkpoints) -> None:
    checkpoints.save(at_page(5), completed=False)
    checkpoints.save(at_page(1), completed=False)
    checkpoints.save(at_page(2, newest_received_at=None), completed=False)
    assert checkpoints.load([CHANNEL])[CHANNEL].newest_received_at == NOON + timedelta(minutes=5)


def test_a_tail_check_adds_what_it_found_and_leaves_the_pass(checkpoints: Checkpoints) -> None:
    checkpoints.save(at_page(3), completed=True)
    checkpoints.record_tail(CHANNEL, found=2, newest_received_at=NOON + timedelta(hours=1))
    checkpoints.record_tail(CHANNEL, found=1, newest_received_at=None)
    kept = checkpoints.load([CHANNEL])[CHANNEL]
    assert (kept.tail_found, kept.found, kept.pages) == (3, 30, 3)
    assert kept.newest_received_at == NOON + timedelta(hours=1)
    assert kept.tail_checked_at is not None
    assert kept.completed_at is not None


def test_a_restarted_pass_begins_at_the_first_row_and_keeps_what_tail_checks_know(
    checkpoints: Checkpoints,
) -> None:
    checkpoints.save(at_page(3), completed=True)
    checkpoints.save(at_page(3, channel=OTHER_CHANNEL), completed=True)
    checkpoints.record_tail(CHANNEL, found=2, newest_received_at=None)
    checkpoints.restart([CHANNEL])
    found = checkpoints.load([CHANNEL, OTHER_CHANNEL])
    kept = found[CHANNEL]
    assert (kept.rows_read, kept.pages, kept.found, kept.last_gateway_id, kept.completed_at) == (
        0,
        0,
        0,
        None,
        None,
    )
    assert (kept.tail_found, kept.newest_received_at) == (2, NOON + timedelta(minutes=3))
    assert found[OTHER_CHANNEL].completed_at is not None
