"""The history: read once in full, its tail for good; completed when it is complete and not before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from unittest import mock

import pytest
import structlog

from actors.shown.snapshots import BackfillPhase
from actors.sources import history
from engine.messages import CheckHistory, Drain, Drained, StartBackfill
from storage.errors import (
    DatabaseUnavailableError,
    GatewayError,
    GatewayRateLimitedError,
    GatewayStatusError,
    GatewayTimeoutError,
    GatewayUnauthorizedError,
    GatewayUnreachableError,
)
from storage.postgres.checkpoints import Checkpoint
from tests.support.reading import DELAY_S, TAIL_S, Reading
from tests.support.recording import CHANNEL, message, messages

PAGE = 4
DOWN = GatewayUnreachableError("connection refused at /api/messages")


@pytest.fixture(autouse=True)
def short_pages() -> Iterator[None]:
    with mock.patch.object(history, "PAGE_SIZE", PAGE):
        yield


def completed(*numbers: int) -> Reading:
    """A backfill that has read these."""
    reading = Reading(*numbers)
    reading.run()
    assert reading.snapshot.completed
    reading.gateway.calls.clear()
    reading.gateway.pages.clear()
    return reading


# ── the full pass ────────────────────────────────────────────────────────────


def test_it_waits_its_delay_syncs_once_and_reads_page_by_page() -> None:
    reading = Reading(*range(10))
    reading.pass_s(DELAY_S - 0.1)
    assert reading.gateway.calls == []
    with structlog.testing.capture_logs() as logs:
        assert reading.run() == [str(number) for number in range(10)]
    assert reading.gateway.calls == ["sync", "history", "history", "history", "history"]
    assert reading.checkpoint.rows_read == 10
    assert reading.snapshot.phase is BackfillPhase.COMPLETED
    done = next(log for log in logs if log["event"] == "history.completed")
    assert (done["message"], done["totalSynced"], done["batches"]) == ("Historical sync completed", 10, 3)


def test_one_page_is_in_flight_and_the_next_waits_for_its_commit() -> None:
    reading = Reading(*range(10))
    reading.pass_s(DELAY_S)
    batch = reading.batch()
    reading.pass_s(30)
    assert reading.batches() == []
    assert CHANNEL not in reading.checkpoints.rows, "nothing is kept of what is not durable"
    reading.commit(batch)
    assert len(reading.batches()) == 1
    assert reading.checkpoint.rows_read == PAGE
    assert reading.checkpoint.completed_at is None


def test_fault_12_history_is_not_completed_while_the_source_is_down() -> None:
    reading = Reading(*range(10))
    reading.gateway.down = DOWN
    reading.run(600)
    assert not reading.snapshot.completed
    assert reading.checkpoints.rows == {}
    assert reading.snapshot.error == str(DOWN)
    reading.gateway.down = None
    # what follows is the tail, due since long
    assert reading.run(70)[:10] == [str(number) for number in range(10)]
    assert reading.snapshot.completed
    assert reading.snapshot.error is None


def test_fault_12_an_outage_in_the_middle_goes_on_where_it_was() -> None:
    reading = Reading(*range(10))
    reading.pass_s(DELAY_S)
    first = reading.batch()
    reading.gateway.down = DOWN
    reading.commit(first)
    reading.pass_s(30)
    assert reading.checkpoint.rows_read == PAGE
    assert not reading.snapshot.completed
    reading.gateway.down = None
    assert reading.run(70) == ["4", "5", "6", "7", "8", "9"]


def test_fault_11_a_completed_history_is_not_read_again_at_the_next_start() -> None:
    reading = completed(*range(10))
    reading.source = reading.make()
    assert reading.run() == []
    assert reading.gateway.calls == []
    assert reading.snapshot.completed


def test_a_start_goes_on_from_the_checkpoint() -> None:
    known = Checkpoint(channel=CHANNEL, rows_read=8, last_gateway_id="g7", pages=2, found=8)
    reading = Reading(*range(10), known=known)
    assert reading.run() == ["8", "9"]
    assert reading.checkpoint.rows_read == 10
    assert reading.checkpoint.found == 10


def test_a_restarted_backfill_does_not_wait_the_delay_again() -> None:
    reading = Reading(1, generation=2)
    assert reading.due_in_s(reading.backfill, "step") == 0


def test_an_empty_history_is_completed() -> None:
    reading = Reading()
    assert reading.run() == []
    assert reading.snapshot.completed


def test_a_database_that_is_away_is_waited_for() -> None:
    reading = Reading(*range(3))
    reading.checkpoints.down = DatabaseUnavailableError("database down")
    reading.run(30)
    assert reading.snapshot.error == "database down"
    reading.checkpoints.down = None
    assert len(reading.run(70)) == 3
    assert reading.snapshot.completed


def test_a_page_lost_with_an_actor_goes_one_by_one_and_counts_once_all_are_durable() -> None:
    reading = Reading(*range(6))
    reading.pass_s(DELAY_S)
    reading.batch()
    reading.lose()
    for number in range(PAGE):
        assert CHANNEL not in reading.checkpoints.rows
        batch = reading.batch()
        assert batch.messages == messages(number)
        reading.commit(batch)
    assert reading.checkpoint.rows_read == PAGE
    assert reading.checkpoint.found == PAGE
    assert reading.batch().messages == messages(4, 5)


def test_a_message_of_a_page_that_gets_no_answer_is_not_passed_over() -> None:
    reading = Reading(*range(3))
    reading.pass_s(DELAY_S)
    reading.batch()
    reading.lose()
    reading.batch()
    reading.pass_s(61)
    assert reading.batch().messages == messages(0, 1, 2)


def test_drain_ends_after_the_page_under_way() -> None:
    reading = Reading(*range(10))
    reading.pass_s(DELAY_S)
    reading.supervisor.taken()
    reading.source.on_receive(Drain())
    assert reading.supervisor.taken() == []
    reading.commit(reading.batch())
    assert reading.supervisor.taken() == [Drained(name="backfill", generation=1, unacknowledged=0)]
    assert reading.run() == []


# ── the sync ─────────────────────────────────────────────────────────────────


def test_a_sync_refused_by_status_is_done_without() -> None:
    reading = Reading(1, 2)
    reading.gateway.sync_error = GatewayStatusError("503: not connected to Telegram", 503)
    assert reading.run() == ["1", "2"]
    assert reading.gateway.calls.count("sync") == 1
    assert reading.snapshot.completed


@pytest.mark.parametrize("error", [DOWN, GatewayTimeoutError("slow"), GatewayUnauthorizedError("401", 401)])
def test_a_sync_that_does_not_reach_the_gateway_waits(error: GatewayError) -> None:
    reading = Reading(1, 2)
    reading.gateway.sync_error = error
    reading.run(60)
    assert "history" not in reading.gateway.calls
    assert reading.snapshot.error == str(error)
    reading.gateway.sync_error = None
    assert reading.run(70) == ["1", "2"]


# ── failing ──────────────────────────────────────────────────────────────────


def test_gateway_errors_back_off() -> None:
    reading = Reading(1)
    reading.gateway.down = DOWN
    reading.pass_s(DELAY_S)
    delays = []
    for _ in range(8):
        due_s = reading.due_in_s(reading.backfill, "step")
        assert due_s is not None
        delays.append(due_s)
        reading.pass_s(due_s)
    assert 1 <= delays[0] <= 2
    assert delays[5] > 20
    assert max(delays) <= 60
    assert len(reading.gateway.calls) == 9


def test_fault_6_a_rate_limit_is_obeyed() -> None:
    reading = Reading(1)
    reading.gateway.down = GatewayRateLimitedError("429", 42)
    reading.pass_s(DELAY_S)
    assert reading.due_in_s(reading.backfill, "step") == 42


def test_the_same_failure_is_logged_once() -> None:
    reading = Reading(1)
    reading.gateway.down = DOWN
    with structlog.testing.capture_logs() as logs:
        reading.run(120)
    assert [log["kind"] for log in logs if log["event"] == "history.failed"] == ["GatewayUnreachableError"]


# ── the tail ─────────────────────────────────────────────────────────────────


def test_fault_4_the_tail_is_read_every_five_minutes_from_an_hour_before_the_newest() -> None:
    reading = completed(*range(3))
    reading.gateway.rows.append(message(3))
    with structlog.testing.capture_logs() as logs:
        delivered = reading.run(TAIL_S, new=1)
    assert delivered == ["0", "1", "2", "3"]
    since = message(2).received_at - timedelta(hours=1)
    assert {page[2] for page in reading.gateway.pages} == {since}
    assert "sync" not in reading.gateway.calls
    assert reading.checkpoint.tail_found == 1
    assert reading.checkpoint.newest_received_at == message(3).received_at
    assert [log["count"] for log in logs if log["event"] == "history.found_missing"] == [1]
    assert reading.count("tpcapital_history_found_total", channel=CHANNEL) == 1


def test_a_tail_in_which_all_is_known_says_nothing() -> None:
    reading = completed(*range(3))
    with structlog.testing.capture_logs() as logs:
        reading.run(TAIL_S, new=0)
    assert [log for log in logs if log["event"] == "history.found_missing"] == []
    assert reading.checkpoint.tail_found == 0
    assert reading.snapshot.completed


def test_fault_4_a_check_asked_for_reads_the_tail_at_once() -> None:
    reading = completed(*range(3))
    reading.source.on_receive(CheckHistory(channel=CHANNEL, reason="acknowledgement overreached"))
    assert reading.batch().messages == messages(0, 1, 2)
    assert reading.snapshot.phase is BackfillPhase.CHECKING_TAIL
    reading.source.on_receive(CheckHistory(channel=CHANNEL, reason="again"))
    reading.source.on_receive(CheckHistory(channel=CHANNEL, reason="and again"))
    assert list(reading.backfill._queue.tails) == [CHANNEL], "asked for while one is under way: one more"


def test_the_tail_of_an_empty_history_is_all_of_it() -> None:
    reading = completed()
    reading.gateway.rows = [message(1)]
    assert reading.run(TAIL_S) == ["1"]


def test_a_tail_check_is_repeated_after_an_outage() -> None:
    reading = completed(*range(3))
    reading.source.on_receive(CheckHistory(channel=CHANNEL, reason="overreached"))
    reading.gateway.down = DOWN
    reading.commit(reading.batch(), new=0)
    reading.pass_s(5)
    assert reading.snapshot.error == str(DOWN)
    reading.gateway.down = None
    reading.run(20, new=0)
    assert reading.snapshot.error is None
    assert reading.snapshot.phase is BackfillPhase.COMPLETED


# ── asked for ────────────────────────────────────────────────────────────────


def test_asked_for_again_it_reads_all_of_it_anew() -> None:
    reading = completed(*range(6))
    reading.source.on_receive(StartBackfill(again=True))
    assert reading.run(5, new=0) == [str(number) for number in range(6)]
    assert reading.gateway.calls.count("sync") == 1


def test_asked_to_start_when_completed_it_reads_nothing() -> None:
    reading = completed(*range(6))
    reading.source.on_receive(StartBackfill(again=False))
    assert reading.run(5) == []


def test_asked_for_a_time_it_reads_what_was_received_since_and_stays_completed() -> None:
    reading = completed(*range(6))
    reading.source.on_receive(StartBackfill(again=False, since=reading.clock.now() - timedelta(days=30)))
    assert reading.gateway.pages[0][2] == reading.clock.now() - timedelta(days=30)
    batch = reading.batch()
    assert reading.snapshot.completed
    assert reading.snapshot.channels[0].check_total == 6
    reading.commit(batch, new=1)
    assert reading.snapshot.channels[0].check_rows_read == PAGE
    reading.run(5, new=0)
    assert reading.snapshot.channels[0].tail_found == 1
    assert reading.snapshot.requests_taken == 1


def test_what_a_check_that_was_asked_for_found_is_logged_also_when_that_is_nothing() -> None:
    reading = completed(*range(3))
    since = reading.clock.now() - timedelta(days=30)
    reading.source.on_receive(StartBackfill(again=False, since=since))
    with structlog.testing.capture_logs() as logs:
        reading.run(5, new=0)
        reading.run(TAIL_S, new=0)
    (done,) = (log for log in logs if log["event"] == "history.checked")
    assert (done["log_level"], done["since"], done["rows_read"], done["found"]) == (
        *("info", since.isoformat()),
        *(3, 0),
    )


def test_asked_for_a_time_within_the_last_hour_the_usual_tail_is_read() -> None:
    reading = completed(*range(6))
    reading.source.on_receive(StartBackfill(again=False, since=reading.clock.now() + timedelta(days=1)))
    newest = reading.checkpoint.newest_received_at
    assert newest is not None
    assert reading.gateway.pages[0][2] == newest - timedelta(hours=1)


def test_asked_for_again_while_a_page_is_under_way_that_page_does_not_count() -> None:
    reading = Reading(*range(6))
    reading.pass_s(DELAY_S)
    under_way = reading.batch()
    reading.source.on_receive(StartBackfill(again=True))
    reading.commit(under_way)
    assert reading.batch().messages == messages(0, 1, 2, 3)


def test_fault_91_a_tail_that_is_known_costs_no_batch_and_what_is_not_known_is_delivered() -> None:
    reading = Reading(1, 2, 3)
    reading.run()
    reading.in_ledger = {"1", "2", "3"}
    pages_before = len(reading.gateway.pages)
    reading.backfill.on_receive(CheckHistory(channel=CHANNEL, reason="test"))
    assert reading.run(5) == []
    assert reading.snapshot.phase is BackfillPhase.COMPLETED
    assert len(reading.gateway.pages) > pages_before, "it was read to its end"
    reading.in_ledger = {"1", "3"}
    reading.backfill.on_receive(CheckHistory(channel=CHANNEL, reason="test"))
    assert reading.run(5) == ["2"]


def test_a_backfill_that_ends_leaves_no_connection_behind() -> None:
    reading = Reading()
    reading.backfill.on_stop()
    assert reading.gateway.closed == 1
