"""Writing: what is refused is split and buried, what is away is waited for, and nothing is told too early."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
import structlog

from engine.messages import BatchCommitted, BatchDelayed, SignalsCommitted
from engine.model import Outcome, OutcomeKind
from storage.errors import DatabaseMisconfiguredError, DatabaseUnavailableError
from storage.postgres.ledger import Recorded
from tests.support.clock import START
from tests.support.recording import CHANNEL
from tests.support.writing import Writing

DOWN = DatabaseUnavailableError("connection refused")


def test_a_batch_is_written_in_one_transaction_and_its_source_is_told() -> None:
    writing = Writing()
    writing.write("b1", 1, 2, 3)
    assert writing.ledger.sizes == [3]
    assert writing.committed() == [
        BatchCommitted(batch_id="b1", channel=CHANNEL, new=3, duplicates=0, signals=0, commit_number=1)
    ]
    assert writing.snapshot.last_commit_at == writing.clock.now()
    assert writing.snapshot.waiting == 0


def test_fault_49_only_what_was_received_since_the_channel_is_read_has_a_lag() -> None:
    writing = Writing()
    writing.add_channel(START + timedelta(seconds=2))
    writing.clock.advance(100)
    writing.write("b1", 1, 2, 3, signals=True)
    series = "tpcapital_end_to_end_lag_seconds"
    assert writing.count(f"{series}_count", since="received") == 2
    assert writing.count(f"{series}_sum", since="received") == 98 + 97


def test_the_cache_is_told_of_each_commit_and_which_of_them_changed_signals() -> None:
    writing = Writing()
    writing.write("b1", 1)
    writing.write("b2", 2, 3, signals=True)
    assert writing.cache.taken() == [
        SignalsCommitted(commit_number=1, signals=0, after=0, changed=False),
        SignalsCommitted(commit_number=2, signals=2, after=1),
    ]


def test_fault_8_what_the_ledger_knew_is_a_duplicate_and_counted_as_such() -> None:
    writing = Writing()
    writing.write("b1", 1, 2)
    writing.write("b2", 2, 3)
    assert [(told.new, told.duplicates) for told in writing.committed()] == [(2, 0), (1, 1)]
    assert writing.count("tpcapital_messages_duplicate_total", source="poller") == 1
    assert writing.count("tpcapital_messages_total", source="poller", outcome="not_signal") == 3


# ── refused rows ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("bad", [1, 5, 8])
def test_fault_3_a_refused_row_becomes_a_dead_letter_and_its_neighbours_are_stored(bad: int) -> None:
    writing = Writing()
    writing.ledger.refused = {str(bad)}
    writing.write("b1", *range(1, 9))
    kinds = {number: outcome.kind for number, outcome in writing.ledger.kept.items()}
    assert len(kinds) == 8
    assert [number for number, kind in kinds.items() if kind is OutcomeKind.DEAD_LETTER] == [str(bad)]
    assert writing.ledger.kept[str(bad)].error == "invalid byte sequence: 0x00"
    (told,) = writing.committed()
    assert told.new == 8
    assert writing.snapshot.error is None


def test_several_refused_rows_are_buried_each() -> None:
    writing = Writing()
    writing.ledger.refused = {"2", "3", "7"}
    writing.write("b1", *range(1, 9))
    assert len(writing.committed()) == 1
    letters = [o for o in writing.ledger.kept.values() if o.kind is OutcomeKind.DEAD_LETTER]
    assert len(letters) == 3


def test_a_database_that_refuses_even_a_plain_row_is_at_fault_and_not_the_messages() -> None:
    writing = Writing()
    writing.ledger.refuses_all = True
    writing.write("b1", 1, 2)
    assert writing.snapshot.misconfigured
    assert "refuses every row" in (writing.snapshot.error or "")
    assert writing.ledger.kept == {}
    assert [told.batch_id for told in writing.delayed()] == ["b1"]
    writing.ledger.refuses_all = False
    writing.pass_s(10)
    assert [told.batch_id for told in writing.committed()] == ["b1"]
    assert all(outcome.kind is OutcomeKind.NOT_SIGNAL for outcome in writing.ledger.kept.values())


# ── waiting ──────────────────────────────────────────────────────────────────


def test_a_database_that_is_away_is_waited_for_and_the_source_is_told() -> None:
    writing = Writing()
    writing.ledger.errors.extend([DOWN] * 4)
    writing.write("b1", 1)
    since = writing.clock.now()
    (delay,) = writing.delayed()
    assert (delay.batch_id, delay.cause) == ("b1", "connection refused")
    assert 0 < delay.retry_in_s <= 0.25
    assert writing.snapshot.failing_since == since
    assert writing.snapshot.waiting == 1
    writing.pass_s(20)
    told = writing.poller.taken()
    assert [type(each) for each in told] == [BatchDelayed] * 3 + [BatchCommitted]
    assert writing.snapshot.error is None
    assert writing.snapshot.failing_since is None
    assert writing.snapshot.waiting == 0


def test_retries_are_delayed_longer_up_to_a_cap() -> None:
    writing = Writing()
    writing.ledger.errors.extend([DOWN] * 20)
    writing.write("b1", 1)
    writing.pass_s(120)
    delays = [told.retry_in_s for told in writing.poller.taken() if isinstance(told, BatchDelayed)]
    assert len(delays) == 20
    assert max(delays) <= 5
    assert delays[0] < 0.3
    assert delays[-1] > 3


def test_the_same_cause_is_logged_once() -> None:
    writing = Writing()
    writing.ledger.errors.extend([DOWN] * 5)
    with structlog.testing.capture_logs() as logs:
        writing.write("b1", 1)
        writing.pass_s(60)
    assert [log["event"] for log in logs if log["event"].startswith("writer")] == [
        "writer.waiting",
        "writer.recovered",
    ]


def test_a_batch_that_comes_while_waiting_is_delayed_and_not_tried_at_once() -> None:
    writing = Writing()
    writing.ledger.errors.extend([DOWN] * 3)
    writing.write("b1", 1)
    writing.write("b2", 2, source="backfill")
    assert len(writing.ledger.sizes) == 1
    (delay,) = writing.backfill.taken()
    assert isinstance(delay, BatchDelayed)
    writing.pass_s(30)
    assert len(writing.committed()) == 1
    assert isinstance(writing.backfill.taken()[-1], BatchCommitted)


def test_of_one_source_and_channel_only_the_newest_batch_is_kept() -> None:
    writing = Writing()
    writing.ledger.errors.append(DOWN)
    writing.write("b1", 1)
    for number in range(2, 30):
        writing.write(f"b{number}", number)
    assert writing.snapshot.waiting <= 1
    writing.write("h1", 100, source="backfill")
    writing.poller.taken()
    writing.pass_s(30)
    assert [told.batch_id for told in writing.committed()] == ["b29"]
    assert set(writing.ledger.kept) == {"29", "100"}


def test_a_batch_behind_one_that_was_written_is_not_written_twice() -> None:
    writing = Writing()
    writing.ledger.errors.append(DOWN)
    writing.write("b1", 1)
    writing.write("h1", 2, source="backfill")
    # b1 goes well at the retry, h1 does not
    record = writing.ledger.record

    def first_only(outcomes: Sequence[Outcome], *, reread: bool = False) -> Recorded:
        if outcomes[0].message.message_id == "2" and "1" in writing.ledger.kept and not writing.ledger.errors:
            writing.ledger.errors.append(DOWN)
            writing.ledger.record = record  # type: ignore[method-assign]
        return record(outcomes, reread=reread)

    writing.ledger.record = first_only  # type: ignore[method-assign]
    writing.pass_s(30)
    assert len(writing.committed()) == 1
    assert set(writing.ledger.kept) == {"1", "2"}
    assert writing.snapshot.waiting == 0


# ── one batch's trouble, or the database's ───────────────────────────────────

ODD = DatabaseUnavailableError("57014: canceling statement due to statement timeout")


def test_a_batch_that_cannot_be_written_does_not_hold_up_the_one_of_another_channel() -> None:
    writing = Writing()
    writing.ledger.broken = {"1": ODD}
    writing.write("a1", 1)
    writing.write("b1", 2, source="poller:b")
    writing.pass_s(1)
    assert isinstance(writing.other.taken()[-1], BatchCommitted)
    assert writing.snapshot.error == str(ODD), "but it is told"
    for number in range(3, 20):
        writing.write(f"b{number}", number, source="poller:b")
        assert isinstance(writing.other.taken()[-1], BatchCommitted), "at once: not at the end of a back-off"
        writing.pass_s(0.5)
    assert writing.committed() == []
    assert writing.snapshot.waiting == 1


def test_the_back_off_of_a_batch_goes_on_growing_while_others_are_written() -> None:
    writing = Writing()
    writing.ledger.broken = {"1": ODD}
    writing.write("a1", 1)
    for number in range(100):
        writing.write(f"b{number}", 10 + number, source="poller:b")
        writing.pass_s(0.5)
    delays = [told.retry_in_s for told in writing.poller.taken() if isinstance(told, BatchDelayed)]
    assert len(delays) < 20
    assert delays[-1] > 3


def test_a_batch_that_can_be_written_at_last_ends_the_trouble() -> None:
    writing = Writing()
    writing.ledger.broken = {"1": ODD}
    writing.write("a1", 1)
    writing.write("b1", 2, source="poller:b")
    writing.pass_s(2)
    writing.ledger.broken = {}
    with structlog.testing.capture_logs() as logs:
        writing.pass_s(10)
    assert [told.batch_id for told in writing.committed()] == ["a1"]
    assert writing.snapshot.error is None
    assert writing.snapshot.waiting == 0
    assert [log["event"] for log in logs] == ["writer.recovered"]


def test_several_such_batches_do_not_hide_the_ones_behind_them() -> None:
    writing = Writing()
    writing.ledger.broken = {str(number): ODD for number in range(10)}
    for number in range(10):
        writing.write(f"h{number}", number, source="backfill", channel=f"-{number}")
    writing.write("b1", 100, source="poller:b")
    writing.pass_s(30)
    assert isinstance(writing.other.taken()[-1], BatchCommitted)
    writing.write("b2", 101, source="poller:b")
    assert isinstance(writing.other.taken()[-1], BatchCommitted)


def test_a_round_in_an_outage_tries_two_batches_however_many_wait() -> None:
    writing = Writing()
    writing.ledger.errors.extend([DOWN] * 1000)
    for number in range(20):
        writing.write(f"h{number}", number, source="backfill", channel=f"-{number}")
    assert len(writing.ledger.sizes) == 1, "the first tells that the database is away"
    due_s = writing.due_in_s(writing.writer, "retry")
    assert due_s is not None
    writing.pass_s(due_s)
    assert len(writing.ledger.sizes) == 3
    writing.ledger.errors.clear()
    writing.pass_s(10)
    assert writing.snapshot.waiting == 0
    assert len(writing.ledger.kept) == 20


def test_a_batch_that_failed_before_does_not_tell_of_an_outage_and_another_does() -> None:
    writing = Writing()
    writing.ledger.broken = {"1": ODD}
    writing.write("a1", 1)
    writing.write("b1", 2, source="poller:b")
    writing.pass_s(20)
    writing.ledger.broken |= {"3": DOWN, "4": DOWN}
    writing.write("b3", 3, source="poller:b")
    tried = len(writing.ledger.sizes)
    writing.write("h4", 4, source="backfill")
    assert len(writing.ledger.sizes) == tried, "the database is away now"
    writing.ledger.broken = {"1": ODD}
    writing.pass_s(10)
    assert set(writing.ledger.kept) == {"2", "3", "4"}


def test_a_batch_whose_source_was_removed_is_waited_for_by_nobody() -> None:
    writing = Writing()
    writing.ledger.broken = {"1": ODD}
    writing.write("a1", 1)
    writing.poller.die()
    writing.pass_s(10)
    assert writing.snapshot.waiting == 0
    assert writing.snapshot.error is None
    writing.write("b1", 2, source="poller:b")
    assert isinstance(writing.other.taken()[-1], BatchCommitted)


# ── the schema ───────────────────────────────────────────────────────────────


def test_a_database_that_is_down_at_the_start_does_not_keep_the_writer_from_starting() -> None:
    writing = Writing(prepare_errors=[DOWN, DOWN])
    assert not writing.snapshot.schema_ready
    assert writing.snapshot.error == "connection refused"
    writing.write("b1", 1)
    assert writing.ledger.sizes == [], "nothing is written before the schema is ready"
    writing.pass_s(10)
    assert writing.prepared == 3
    assert writing.snapshot.schema_ready
    assert len(writing.committed()) == 1


def test_a_missing_right_is_named_and_retried() -> None:
    writing = Writing(prepare_errors=[DatabaseMisconfiguredError("permission denied for schema signals")])
    assert writing.snapshot.misconfigured
    writing.pass_s(10)
    assert not writing.snapshot.misconfigured
    assert writing.snapshot.schema_ready


def test_a_source_that_died_meanwhile_is_no_failure() -> None:
    writing = Writing()
    writing.poller.die()
    writing.write("b1", 1)
    assert writing.snapshot.waiting == 0
    assert writing.directory.misses()["poller:a"] == 1
