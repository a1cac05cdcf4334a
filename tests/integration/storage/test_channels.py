"""The table of channels: what is read, its label, and what stays when a channel is removed."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storage.postgres.channels import Added, ChannelLimitError, Channels
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from storage.postgres.page_query import SignalQuery
from storage.postgres.signals import Signals
from tests.support.outcomes import CHANNEL, OTHER_CHANNEL, a_message, signal_outcome

Ask = Callable[..., list[dict[str, Any]]]
SETTINGS = (CHANNEL,)
RETENTION = timedelta(days=90)


def channels_of(database: Database, settings: Sequence[str] = SETTINGS) -> Channels:
    return Channels(database, settings=settings, retention=RETENTION)


@pytest.fixture
def channels(database: Database) -> Channels:
    return channels_of(database)


def add(channels: Channels, channel: str, label: str | None = None, *, most: int = 100) -> Added:
    return channels.add(channel, label=label, keep_label=label is None, most=most)


def read(channels: Channels) -> list[tuple[str, str | None, str]]:
    return [(row.channel, row.label, row.source) for row in channels.load()]


def test_a_fresh_schema_has_none_fault_27(channels: Channels) -> None:
    assert channels.load() == ()
    assert channels.counts([]) == {}
    assert channels.remove(OTHER_CHANNEL) is None


def test_the_settings_are_entered_once_and_keep_since_when(channels: Channels) -> None:
    channels.enter_settings()
    (first,) = channels.load()
    channels.enter_settings()
    assert channels.load() == (first,)
    assert (first.channel, first.label, first.source) == (CHANNEL, None, "settings")
    assert datetime.now(UTC) - first.added_at < timedelta(minutes=1)


def test_an_added_channel_is_there_at_the_next_start(
    channels: Channels, open_database: Callable[[], Database]
) -> None:
    added = add(channels, OTHER_CHANNEL, "Other")
    assert added.created
    assert read(channels_of(open_database())) == [(OTHER_CHANNEL, "Other", "api")]


def test_added_again_it_keeps_or_changes_its_label_and_is_no_news(channels: Channels) -> None:
    first = add(channels, OTHER_CHANNEL, "Other")
    kept = add(channels, OTHER_CHANNEL)
    renamed = add(channels, OTHER_CHANNEL, "Another")
    cleared = channels.add(OTHER_CHANNEL, label=None, keep_label=False, most=100)
    assert [a.created for a in (first, kept, renamed, cleared)] == [True, False, False, False]
    assert [a.row.label for a in (kept, renamed, cleared)] == ["Other", "Another", None]
    assert cleared.row.added_at == first.row.added_at


def test_a_channel_of_the_settings_can_be_labelled_and_stays_one(channels: Channels, ask: Ask) -> None:
    labelled = add(channels, CHANNEL, "Main")
    assert not labelled.created
    assert read(channels) == [(CHANNEL, "Main", "settings")]
    assert channels.remove(CHANNEL) is None
    assert ask("select removed_at from channels") == [{"removed_at": None}]


def test_a_channel_taken_out_of_the_settings_is_read_no_more_until_it_is_added(
    channels: Channels, database: Database
) -> None:
    channels.enter_settings()
    add(channels, CHANNEL, "Main")
    without = channels_of(database, settings=["-1"])
    assert read(without) == []
    assert add(without, CHANNEL).created
    assert read(without) == [(CHANNEL, "Main", "api")]


def test_a_label_for_a_channel_of_the_settings_does_not_undo_its_removal_at_run_time(
    channels: Channels, database: Database
) -> None:
    add(channels, OTHER_CHANNEL)
    channels.remove(OTHER_CHANNEL)
    both = channels_of(database, settings=[CHANNEL, OTHER_CHANNEL])
    assert not add(both, OTHER_CHANNEL, "Other").created
    assert read(both) == [(OTHER_CHANNEL, "Other", "api")]
    assert read(channels) == [], "out of the settings again, it is as it was"


@pytest.mark.every_way
def test_removing_says_what_it_did_and_keeps_the_row_fault_26(channels: Channels, ask: Ask) -> None:
    add(channels, OTHER_CHANNEL, "Other")
    removed = channels.remove(OTHER_CHANNEL)
    assert removed is not None
    assert removed.row.label == "Other"
    assert removed.removed_at >= removed.row.added_at
    assert channels.load() == ()
    assert channels.remove(OTHER_CHANNEL) is None, "it is not read any more"
    assert ask("select label from channels") == [{"label": "Other"}]


def test_a_removed_channel_that_comes_back_has_its_label_and_a_new_since(channels: Channels) -> None:
    first = add(channels, OTHER_CHANNEL, "Other")
    channels.remove(OTHER_CHANNEL)
    again = add(channels, OTHER_CHANNEL)
    assert again.created
    assert again.row.label == "Other"
    assert again.row.added_at > first.row.added_at


def test_there_are_no_more_than_are_allowed_and_those_there_are_can_be_labelled(channels: Channels) -> None:
    add(channels, "-1", most=3)
    add(channels, "-2", most=3)
    with pytest.raises(ChannelLimitError):
        add(channels, "-3", most=3)
    assert add(channels, "-2", "Two", most=3).row.label == "Two"
    channels.remove("-1")
    assert add(channels, "-3", most=3).created


@pytest.mark.every_way
def test_additions_at_the_same_time_do_not_pass_the_limit(
    open_database: Callable[[], Database],
) -> None:
    clients = [channels_of(open_database(), settings=[]) for _ in range(2)]

    def one(number: int) -> bool:
        try:
            return add(clients[number % 2], f"-{number}", most=5).created
        except ChannelLimitError:
            return False

    with ThreadPoolExecutor(8) as pool:
        created = sum(pool.map(one, range(1, 21)))
    assert created == len(clients[0].load()) == 5


def test_every_change_draws_a_commit_number_so_that_pages_with_the_old_label_are_old(
    channels: Channels, ledger: Ledger
) -> None:
    numbers = [ledger.commit_number()]
    numbers += [
        add(channels, OTHER_CHANNEL, "Other").commit_number,
        add(channels, OTHER_CHANNEL, "B").commit_number,
    ]
    channels.remove(OTHER_CHANNEL)
    numbers.append(ledger.commit_number())
    assert numbers == sorted(set(numbers))


@pytest.mark.every_way
def test_a_signal_is_read_with_the_label_of_its_channel(
    channels: Channels, ledger: Ledger, database: Database
) -> None:
    at = datetime.now(UTC)
    for number, channel in ((1, CHANNEL), (2, OTHER_CHANNEL)):
        ledger.record([signal_outcome(a_message(number, channel=channel, received_at=at, telegram_date=at))])
    signals = Signals(database, retention=RETENTION)

    def labels() -> dict[str, str | None]:
        return {row["channel"]: row["channel_label"] for row in signals.find(SignalQuery()).rows}

    assert labels() == {CHANNEL: None, OTHER_CHANNEL: None}
    add(channels, CHANNEL, "Main")
    add(channels, OTHER_CHANNEL, "Other")
    assert labels() == {CHANNEL: "Main", OTHER_CHANNEL: "Other"}
    channels.remove(OTHER_CHANNEL)
    assert labels()[OTHER_CHANNEL] == "Other", "its signals stay, and are still told apart"
    (row,) = signals.find(SignalQuery(channel=(CHANNEL,))).rows
    one = signals.get(row["id"])
    assert one is not None
    assert one["channel_label"] == "Main"


@pytest.mark.every_way
def test_counts_are_of_one_channel_each_and_signals_past_retention_do_not_count(
    channels: Channels, ledger: Ledger, ask: Ask
) -> None:
    now = datetime.now(UTC)
    for number in range(1, 4):
        at = now - timedelta(hours=number)
        ledger.record([signal_outcome(a_message(number, received_at=at, telegram_date=at))])
    ledger.record([signal_outcome(a_message(9, channel=OTHER_CHANNEL, received_at=now, telegram_date=now))])
    # moved by hand: a chunk of a hypertable takes no row of another week
    ask(
        "with gone as (delete from tp_capital_signals where message_id = '3' returning *)"
        " insert into tp_capital_signals overriding system value select (jsonb_populate_record("
        " null::tp_capital_signals, to_jsonb(gone) || jsonb_build_object('ts', now() - interval '91 days'))).*"
        " from gone"
    )
    counts = channels.counts([CHANNEL, OTHER_CHANNEL, "-7"])
    assert (counts[CHANNEL].messages, counts[CHANNEL].signals) == (3, 2)
    assert counts[CHANNEL].newest_received_at == now - timedelta(hours=1)
    assert (counts[OTHER_CHANNEL].messages, counts[OTHER_CHANNEL].signals) == (1, 1)
    assert (counts["-7"].messages, counts["-7"].signals, counts["-7"].newest_received_at) == (0, 0, None)
