"""Quiet hours, and troubles of the system that are told once with their end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from actors.alerts.quiet import is_over, quiet_until, read_quiet_hours
from actors.alerts.troubles import TroubleWatch, session_time

ZONE = ZoneInfo("America/Sao_Paulo")


def local(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}-03:00")


@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        ("22:00-07:00", "2026-11-27T21:59", None),
        ("22:00-07:00", "2026-11-27T22:00", "2026-11-28T07:00"),
        ("22:00-07:00", "2026-11-28T06:59", "2026-11-28T07:00"),
        ("22:00-07:00", "2026-11-28T07:00", None),
        ("12:00-13:30", "2026-11-27T12:30", "2026-11-27T13:30"),
        ("12:00-13:30", "2026-11-27T13:30", None),
        (None, "2026-11-27T12:30", None),
    ],
)
def test_quiet_hours_begin_and_end(hours: str | None, now: str, until: str | None) -> None:
    found = quiet_until(hours, local(now).astimezone(UTC), ZONE)
    assert found == (local(until) if until else None)


@pytest.mark.parametrize("text", ["22-7", "24:00-07:00", "22:00 - 07:00", "22:00-22:00", "", "22:60-07:00"])
def test_other_texts_are_no_quiet_hours(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        read_quiet_hours(text)


def test_a_signal_counts_until_it_has_ended() -> None:
    ended = ("stopped", "cancelled", "expired", "target_final", None)
    assert [is_over(status) for status in ended] == [True] * 5
    assert [is_over(status) for status in ("waiting", "open", "target_1")] == [False] * 3


def test_silence_is_counted_in_sessions_only() -> None:
    friday = local("2026-11-27T17:00")
    assert session_time(friday, local("2026-11-27T17:30")) == timedelta(minutes=30)
    assert session_time(friday, local("2026-11-29T23:00")) == timedelta(hours=1), "a weekend has no session"
    assert session_time(friday, local("2026-11-30T11:00")) == timedelta(hours=2)
    assert session_time(local("2026-12-24T09:00"), local("2026-12-26T20:00")) == timedelta(), "holidays"


def test_a_trouble_is_told_once_when_it_lasts_and_so_is_its_end() -> None:
    watch, start = TroubleWatch({}), local("2026-11-27T12:00")

    def look(*troubles: str, after_s: float) -> tuple[set[str], set[str]]:
        begun, ended = watch.look(troubles, now=start + timedelta(seconds=after_s), now_s=after_s)
        watch.tell(begun, ended)
        return set(begun), set(ended)

    assert look("gateway", after_s=0) == (set(), set())
    assert look(after_s=30) == (set(), set()), "it came and went"
    assert look("gateway", after_s=40) == (set(), set())
    assert look("gateway", after_s=100) == ({"gateway"}, set())
    assert watch.told["gateway"] == start + timedelta(seconds=40)
    assert look(after_s=101) == (set(), set()), "it may come again at once"
    assert look("gateway", after_s=900) == (set(), set()), "once"
    assert look(after_s=910) == (set(), set())
    assert look("gateway", after_s=930) == (set(), set()), "it is not over yet"
    assert look(after_s=940) == (set(), set())
    assert look(after_s=1000) == (set(), {"gateway"})


def test_a_trouble_that_was_told_before_a_restart_is_not_told_again() -> None:
    start = local("2026-11-27T12:00")
    watch = TroubleWatch({"gateway": start})
    assert watch.look(["gateway"], now=start, now_s=100.0) == ({}, {})
    watch.look([], now=start, now_s=101.0)
    assert watch.look([], now=start, now_s=161.0)[1] == {"gateway": start}
