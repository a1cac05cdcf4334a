"""The channel keeper: what is wanted is compared with what runs, until they are the same."""

from __future__ import annotations

import structlog

from actors.channels import LOOK_EVERY_S
from engine.children import Phase
from storage.errors import DatabaseMisconfiguredError, DatabaseUnavailableError
from tests.support.clock import START
from tests.support.keeping import SETTINGS, Keeping

DOWN = DatabaseUnavailableError("connection refused")


def looked() -> Keeping:
    keeping = Keeping()
    keeping.pass_s(0)
    assert keeping.obey() == []
    return keeping


# ── following ────────────────────────────────────────────────────────────────


def test_the_channels_of_the_settings_are_shown_before_the_database_has_answered() -> None:
    keeping = Keeping()
    assert [entry.channel for entry in keeping.snapshot.channels] == list(SETTINGS)
    assert {entry.source for entry in keeping.snapshot.channels} == {"settings"}
    assert not keeping.snapshot.complete


def test_with_nothing_but_the_settings_nobody_is_told_anything() -> None:
    keeping = looked()
    keeping.pass_s(60)
    assert keeping.obey() == []
    assert keeping.followed() == []
    assert keeping.snapshot.complete
    assert keeping.channels.writes == 1, "entered once"
    assert keeping.snapshot.channels[0].added_at == START


def test_a_channel_that_stands_in_the_table_gets_its_children_at_once_when_rung() -> None:
    keeping = looked()
    keeping.channels.put("-3", label="Third")
    keeping.ring()
    assert keeping.obey() == ["+poller:-3", "+doorbell:-3"]
    assert keeping.followed() == [("-1", "-2", "-3")]
    assert keeping.snapshot.channels[-1].label == "Third"
    keeping.show_backfill(("-1", "-2", "-3"))
    keeping.pass_s(60)
    assert keeping.obey() == []
    assert keeping.followed() == []


def test_without_a_ring_it_is_seen_within_seconds() -> None:
    """Another daemon's API, or a person with SQL, rings no bell here."""
    keeping = looked()
    keeping.channels.put("-3")
    keeping.pass_s(LOOK_EVERY_S)
    assert keeping.obey() == ["+poller:-3", "+doorbell:-3"]


def test_a_channel_that_is_gone_from_the_table_loses_its_children() -> None:
    keeping = looked()
    keeping.channels.put("-3")
    keeping.ring()
    keeping.obey()
    keeping.show_backfill(("-1", "-2", "-3"))
    del keeping.channels.rows["-3"]
    keeping.ring()
    assert keeping.obey() == ["-doorbell:-3", "-poller:-3"]
    assert keeping.followed()[-1] == ("-1", "-2")


def test_a_channel_of_the_settings_stays_whatever_the_table_says() -> None:
    keeping = looked()
    keeping.channels.rows.clear()
    keeping.pass_s(10)
    assert keeping.obey() == []
    assert [entry.channel for entry in keeping.snapshot.channels] == list(SETTINGS)


def test_a_channel_of_the_settings_that_was_added_at_run_time_before_is_one_of_the_settings() -> None:
    keeping = looked()
    keeping.channels.put("-1", label="First", source="api")
    keeping.ring()
    first = keeping.snapshot.channels[0]
    assert (first.channel, first.label, first.source) == ("-1", "First", "settings")
    assert keeping.obey() == []


def test_an_order_that_was_lost_is_given_again() -> None:
    keeping = looked()
    keeping.channels.put("-3")
    keeping.ring()
    keeping.supervisor.taken()
    keeping.pass_s(LOOK_EVERY_S)
    assert keeping.obey() == ["+poller:-3", "+doorbell:-3"]


def test_one_that_is_still_leaving_is_added_again_once_it_has_left() -> None:
    keeping = looked()
    keeping.children.append("poller:-3")
    keeping.show_family()
    keeping.channels.put("-3")
    keeping.ring()
    assert keeping.obey() == ["+doorbell:-3"]
    keeping.children.remove("poller:-3")
    keeping.show_family()
    keeping.pass_s(LOOK_EVERY_S)
    assert keeping.obey() == ["+poller:-3"]


def test_without_doorbells_there_are_only_pollers() -> None:
    keeping = Keeping(kinds=["poller"])
    keeping.channels.put("-3")
    keeping.pass_s(0)
    assert keeping.obey() == ["+poller:-3"]


def test_nothing_is_ordered_while_the_family_starts_or_drains() -> None:
    keeping = looked()
    keeping.channels.put("-3")
    for phase in (Phase.STARTING, Phase.DRAINING, Phase.STOPPING):
        keeping.show_family(phase)
        keeping.ring()
        assert keeping.supervisor.taken() == []
    assert keeping.made == []


# ── backfill ─────────────────────────────────────────────────────────────────


def test_a_backfill_in_a_long_call_is_not_told_the_same_again_and_again() -> None:
    keeping = looked()
    keeping.channels.put("-3")
    keeping.pass_s(120)
    assert keeping.followed() == [("-1", "-2", "-3")]
    keeping.channels.put("-4")
    keeping.pass_s(120)
    assert keeping.followed() == [("-1", "-2", "-3", "-4")]


def test_a_backfill_that_came_back_without_having_heard_is_told_again() -> None:
    keeping = looked()
    keeping.channels.put("-3")
    keeping.pass_s(10)
    assert len(keeping.followed()) == 1
    keeping.show_backfill(SETTINGS)
    keeping.pass_s(LOOK_EVERY_S)
    assert keeping.followed() == [("-1", "-2", "-3")]


def test_a_channel_removed_before_backfill_has_heard_of_it_is_not_read_for_long() -> None:
    keeping = looked()
    keeping.channels.put("-3")
    keeping.ring()
    del keeping.channels.rows["-3"]
    keeping.ring()
    keeping.show_backfill(keeping.followed()[-1])
    keeping.pass_s(LOOK_EVERY_S)
    assert keeping.followed() == [("-1", "-2")]


# ── the database ─────────────────────────────────────────────────────────────


def test_a_database_that_is_away_at_the_start_leaves_the_settings_and_brings_the_others_later() -> None:
    keeping = Keeping()
    keeping.channels.down = DOWN
    keeping.channels.put("-3")
    keeping.pass_s(20)
    assert keeping.obey() == []
    assert (keeping.snapshot.complete, keeping.snapshot.error) == (False, "connection refused")
    keeping.channels.down = None
    keeping.pass_s(LOOK_EVERY_S)
    assert keeping.obey() == ["+poller:-3", "+doorbell:-3"]
    assert (keeping.snapshot.complete, keeping.snapshot.error) == (True, None)


def test_a_database_that_goes_away_stops_no_channel() -> None:
    keeping = looked()
    keeping.channels.put("-3")
    keeping.ring()
    keeping.obey()
    keeping.channels.down = DOWN
    keeping.pass_s(60)
    assert keeping.obey() == []
    assert [entry.channel for entry in keeping.snapshot.channels] == ["-1", "-2", "-3"]
    assert (keeping.snapshot.complete, keeping.snapshot.error) == (True, "connection refused")


def test_a_new_generation_of_the_keeper_forgets_nothing_while_the_database_is_away() -> None:
    keeping = looked()
    keeping.channels.put("-3", label="Third")
    keeping.ring()
    keeping.obey()
    keeping.channels.down = DOWN
    keeping.reconciler = keeping.make(generation=2)
    keeping.pass_s(60)
    assert keeping.obey() == []
    assert keeping.snapshot.channels[-1].label == "Third"
    assert keeping.snapshot.complete


def test_a_failure_is_logged_once() -> None:
    keeping = looked()
    keeping.channels.down = DOWN
    with structlog.testing.capture_logs() as logs:
        keeping.pass_s(60)
    assert [log["event"] for log in logs] == ["channels.look_failed"]


def test_a_table_that_cannot_be_written_is_read_all_the_same() -> None:
    keeping = Keeping()
    keeping.channels.read_only = DatabaseMisconfiguredError("permission denied for table channels")
    keeping.channels.put("-3")
    keeping.pass_s(0)
    assert keeping.obey() == ["+poller:-3", "+doorbell:-3"]
    assert keeping.snapshot.complete


# ── series ───────────────────────────────────────────────────────────────────


def test_the_series_of_a_channel_end_once_its_poller_is_gone() -> None:
    keeping = looked()
    keeping.channels.put("-3")
    keeping.ring()
    keeping.obey()
    keeping.metrics.polls.labels("-3", "messages").inc()
    keeping.metrics.polls.labels("-1", "messages").inc()
    del keeping.channels.rows["-3"]
    keeping.ring()
    assert keeping.count("tpcapital_polls_total", channel="-3", result="messages") == 1, "it still runs"
    keeping.obey()
    keeping.pass_s(LOOK_EVERY_S)
    assert (
        keeping.registry.get_sample_value("tpcapital_polls_total", {"channel": "-3", "result": "messages"})
        is None
    )
    assert keeping.count("tpcapital_polls_total", channel="-1", result="messages") == 1
