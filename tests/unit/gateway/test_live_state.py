"""What a reader of Telegram shows, and in which words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ops.gateway.live_state import LiveStateKeeper


def test_a_channel_that_cannot_be_read_degrades_a_session_that_is_well() -> None:
    keeper = LiveStateKeeper("session")
    assert (keeper.state.status, keeper.state.headline) == (
        "degraded",
        "degraded; the session has not begun yet",
    )
    keeper.show("healthy")
    keeper.show_channel("-1001", title="Sinais", problem=None)
    assert keeper.state.headline == "healthy"
    keeper.show_channel("-1002", problem="não está nele")
    assert keeper.state.status == "degraded"
    assert keeper.state.headline == "degraded; -1002: n?o est? nele", "a header holds ASCII only"
    keeper.show("unhealthy", "gone")
    assert keeper.state.status == "unhealthy"


def test_the_newest_update_of_a_channel_is_never_older_than_it_was() -> None:
    keeper = LiveStateKeeper("bot")
    now = datetime.now(UTC)
    keeper.heard("-1001", now)
    assert keeper.state.channels == (), "only channels that are read are shown"
    keeper.show_channel("-1001", title="Sinais")
    keeper.heard("-1001", now - timedelta(seconds=30))
    keeper.heard("-1001", now - timedelta(seconds=90))
    (shown,) = keeper.state.to_json()["channels"]
    assert 30 <= shown["newest_age_seconds"] < 90


def test_since_is_when_the_state_last_changed() -> None:
    keeper = LiveStateKeeper("bot")
    keeper.show("degraded", "waits")
    since = keeper.state.since
    keeper.show("degraded", "waits")
    assert keeper.state.since == since
    keeper.refused("a NUL")
    assert (keeper.state.refused, keeper.state.since) == (1, since)
