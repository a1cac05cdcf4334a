"""The history of several channels: they take turns, one's trouble is its own, and they come and go."""

from __future__ import annotations

from collections.abc import Iterator
from unittest import mock

import pytest
import structlog

from actors.shown.snapshots import BackfillPhase, ChannelEntry, ChannelsSnapshot
from actors.sources import history
from engine.messages import CheckHistory, FollowChannels, StartBackfill
from engine.model import ChannelMessage
from storage.errors import (
    DatabaseUnavailableError,
    GatewayRateLimitedError,
    GatewayStatusError,
    GatewayTimeoutError,
    GatewayUnreachableError,
)
from storage.postgres.checkpoints import Checkpoint
from tests.support.clock import START
from tests.support.reading import DELAY_S, TAIL_S, Reading
from tests.support.recording import message

PAGE = 4
A, B, C = "-1001", "-1002", "-1003"
BROKEN = GatewayStatusError("HTTP 500 at /api/messages", 500)


@pytest.fixture(autouse=True)
def short_pages() -> Iterator[None]:
    with mock.patch.object(history, "PAGE_SIZE", PAGE):
        yield


def rows(channel: str, count: int) -> list[ChannelMessage]:
    start = int(channel[-1]) * 1000
    return [message(start + number, channel=channel) for number in range(count)]


def reading(*channels: str, count: int = 3) -> Reading:
    """A backfill of these channels, each with some messages of its own."""
    made = Reading(channels=channels)
    for channel in channels:
        made.gateway.rows += rows(channel, count)
    return made


def completed(*channels: str) -> Reading:
    made = reading(*channels)
    made.run()
    assert made.snapshot.completed
    made.gateway.asked.clear()
    made.gateway.calls.clear()
    return made


def done(made: Reading, channel: str) -> bool:
    return channel in made.checkpoints.rows and made.checkpoints.rows[channel].completed_at is not None


# ── turns ────────────────────────────────────────────────────────────────────


def test_channels_take_turns_a_page_each() -> None:
    made = reading(A, B, count=6)
    made.run()
    assert made.gateway.asked == [A, B] * 3
    assert made.gateway.calls.count("sync") == 1
    assert done(made, A)
    assert done(made, B)


def test_a_tail_check_does_not_wait_for_the_end_of_another_channels_long_history() -> None:
    made = reading(A, B, count=100)
    made.checkpoints.rows[A] = Checkpoint(channel=A, rows_read=100, completed_at=START)
    made.gateway.rows = [*rows(B, 100), *rows(A, 3)]
    made.pass_s(DELAY_S)
    made.source.on_receive(CheckHistory(channel=A, reason="acknowledgement overreached"))
    first = made.batch()
    made.commit(first)
    second = made.batch()
    assert (first.channel, second.channel) == (B, A)


# ── one channel's trouble ────────────────────────────────────────────────────

TROUBLES = [BROKEN, GatewayTimeoutError("slow"), GatewayUnreachableError("connection reset")]


@pytest.mark.parametrize("error", TROUBLES)
def test_a_channel_whose_history_fails_does_not_starve_the_others(error: GatewayStatusError) -> None:
    made = reading(A, B, C, count=10)
    made.gateway.down_for[A] = error
    made.run(DELAY_S + 2)
    assert (done(made, A), done(made, B), done(made, C)) == (False, True, True)
    assert made.snapshot.error == f"channel {A}: {error}"
    assert [channel.error for channel in made.snapshot.channels] == [str(error), None, None]
    assert not made.snapshot.completed
    made.gateway.down_for.clear()
    made.run(70)
    assert made.snapshot.completed
    assert made.snapshot.error is None
    assert made.snapshot.failing_since is None


def test_a_failing_channel_is_asked_ever_less_often_and_the_tails_of_the_others_in_time() -> None:
    made = reading(A, B)
    made.gateway.down_for[A] = BROKEN
    made.run(DELAY_S + 3 * TAIL_S + 5)
    assert done(made, B)
    assert made.gateway.asked.count(A) < 30
    tails_of_b = sum(1 for channel in made.gateway.asked if channel == B)
    assert tails_of_b >= 3 * 2


def test_an_error_of_all_channels_names_none_of_them() -> None:
    made = reading(A, B)
    made.gateway.down = GatewayUnreachableError("connection refused")
    made.run(12)
    assert made.snapshot.error == "connection refused"
    made.gateway.down = None
    made.run(70)
    assert made.snapshot.completed


def test_a_sync_that_fails_is_not_asked_for_by_each_channel_in_turn() -> None:
    made = reading(A, B, C)
    made.gateway.sync_error = GatewayTimeoutError("slow")
    made.pass_s(DELAY_S + 0.5)
    assert made.gateway.calls == ["sync"]
    assert made.snapshot.error == "slow"


def test_a_sync_that_fails_does_not_keep_a_completed_channel_from_its_tail() -> None:
    made = reading(A, B)
    made.checkpoints.rows[A] = Checkpoint(channel=A, rows_read=3, completed_at=START)
    made.gateway.sync_error = GatewayTimeoutError("slow")
    made.pass_s(DELAY_S + 1)
    made.source.on_receive(CheckHistory(channel=A, reason="overreached"))
    assert made.batch().channel == A


def test_a_rate_limit_holds_for_all() -> None:
    made = reading(A, B)
    made.gateway.down_for[A] = GatewayRateLimitedError("429", 42)
    made.pass_s(DELAY_S)
    assert made.gateway.asked == [A]
    assert made.due_in_s(made.backfill, "step") == 42


def test_a_database_that_is_away_holds_for_all_and_is_no_channels_trouble() -> None:
    made = reading(A, B)
    made.checkpoints.down = DatabaseUnavailableError("database down")
    made.run(12)
    assert made.snapshot.error == "database down"
    assert [channel.error for channel in made.snapshot.channels] == [None, None]
    assert made.gateway.asked == []


def test_a_channels_failure_is_logged_once_and_named() -> None:
    made = reading(A, B)
    made.gateway.down_for[A] = BROKEN
    with structlog.testing.capture_logs() as logs:
        made.run(60)
    failed = [log for log in logs if log["event"] == "history.failed"]
    assert [log["channel"] for log in failed] == [A]


# ── coming and going ─────────────────────────────────────────────────────────


def test_an_added_channel_gets_its_history_read_after_a_sync() -> None:
    made = completed(A)
    made.gateway.rows += rows(B, 6)
    made.source.on_receive(FollowChannels(channels=(A, B)))
    assert not made.snapshot.completed, "the new channel's history is not read yet"
    assert len(made.run(5)) >= 6
    assert made.gateway.calls[0] == "sync"
    assert made.snapshot.completed
    assert [channel.channel for channel in made.snapshot.channels] == [A, B]


def test_an_added_channel_waits_for_the_delay_at_the_start_of_the_daemon_too() -> None:
    made = reading(A)
    made.gateway.rows += rows(B, 3)
    made.source.on_receive(FollowChannels(channels=(A, B)))
    made.pass_s(DELAY_S - 0.1)
    assert made.gateway.calls == []
    assert [channel.channel for channel in made.snapshot.channels] == [A, B]
    made.run(2)
    assert made.snapshot.completed


def test_a_removed_channel_is_read_no_more_and_its_page_under_way_is_no_progress() -> None:
    made = reading(A, B, count=10)
    made.pass_s(DELAY_S)
    made.commit(made.batch())
    under_way = made.batch()
    assert under_way.channel == B
    made.source.on_receive(FollowChannels(channels=(A,)))
    made.commit(under_way)
    made.gateway.asked.clear()
    made.run()
    assert set(made.gateway.asked) == {A}
    assert made.snapshot.completed, "what is read is read to its end"
    assert B not in made.checkpoints.rows


def test_a_removed_channel_in_trouble_is_none_any_more() -> None:
    made = reading(A, B)
    made.gateway.down_for[B] = BROKEN
    made.run()
    assert made.snapshot.error is not None
    made.source.on_receive(FollowChannels(channels=(A,)))
    assert made.snapshot.error is None
    assert made.snapshot.completed


def test_a_channel_that_comes_back_goes_on_from_its_checkpoint() -> None:
    made = reading(A, B, count=10)
    made.run(DELAY_S + 0.05)
    made.checkpoints.rows[B] = Checkpoint(channel=B, rows_read=8, last_gateway_id="g2007", pages=2, found=8)
    made.source.on_receive(FollowChannels(channels=(A,)))
    made.run(5)
    made.source.on_receive(FollowChannels(channels=(A, B)))
    assert made.run(5)[:2] == ["2008", "2009"]


def test_what_a_channel_missed_while_it_was_removed_is_found_in_its_tail() -> None:
    made = completed(A, B)
    made.source.on_receive(FollowChannels(channels=(A,)))
    made.gateway.rows += [message(2003, channel=B)]
    made.run(5)
    assert made.gateway.asked == []
    made.source.on_receive(FollowChannels(channels=(A, B)))
    assert made.run(5, new=0) == ["2000", "2001", "2002", "2003"], "the tail; the ledger knows three of them"
    assert made.snapshot.phase is BackfillPhase.COMPLETED


def test_a_channel_that_is_gone_again_before_the_database_has_told_of_it_is_nobodys_work() -> None:
    made = completed(A)
    made.checkpoints.rows[B] = Checkpoint(channel=B, rows_read=3, completed_at=START)
    made.checkpoints.down = DatabaseUnavailableError("database down")
    made.source.on_receive(FollowChannels(channels=(A, B)))
    made.source.on_receive(FollowChannels(channels=(A,)))
    made.checkpoints.down = None
    made.run(70)
    assert made.gateway.asked == []
    assert made.snapshot.phase is BackfillPhase.COMPLETED


def test_a_check_of_a_channel_that_is_not_read_is_ignored() -> None:
    made = completed(A)
    made.source.on_receive(CheckHistory(channel=B, reason="a poller's last word"))
    made.run(5)
    assert made.gateway.asked == []


def test_a_new_generation_follows_the_channels_that_are_shown() -> None:
    made = completed(A)
    entries = tuple(ChannelEntry(channel=c, label=None, source="api", added_at=None) for c in (A, B))
    made.snapshots.publish("channels", ChannelsSnapshot(channels=entries, complete=True, error=None))
    made.source = made.make(generation=2)
    assert [channel.channel for channel in made.snapshot.channels] == [A, B]


def test_all_channels_are_read_anew_when_that_is_asked_for() -> None:
    made = completed(A, B)
    made.source.on_receive(StartBackfill(again=True))
    made.run(5, new=0)
    assert set(made.gateway.asked) == {A, B}


def test_one_channel_is_read_anew_and_the_page_of_another_under_way_still_counts() -> None:
    made = reading(A, B, count=6)
    made.checkpoints.rows[A] = Checkpoint(channel=A, rows_read=6, completed_at=START)
    made.pass_s(DELAY_S)
    of_b = made.batch()
    made.source.on_receive(StartBackfill(again=True, channels=(A,)))
    made.commit(of_b)
    assert made.checkpoints.rows[B].rows_read == PAGE
    made.run(5)
    assert made.gateway.asked.count(A) == 3, "all of its six rows: two pages, and the end"
    assert done(made, A)
    assert done(made, B)


def test_a_time_is_asked_of_the_channels_named() -> None:
    made = completed(A, B)
    made.source.on_receive(StartBackfill(again=False, channels=(B,), since=START))
    made.run(5, new=0)
    assert set(made.gateway.asked) == {B}


def test_a_tail_check_does_not_make_the_history_look_unread() -> None:
    made = completed(A, B)
    shown: list[bool] = []
    publish = made.snapshots.publish

    def record(name: str, snapshot: object) -> None:
        publish(name, snapshot)
        shown.append(made.snapshot.completed)

    with mock.patch.object(made.snapshots, "publish", record):
        made.run(TAIL_S, new=0)
    assert len(shown) > 4
    assert all(shown)
