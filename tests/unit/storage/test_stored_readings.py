"""Since when each reading of an edited message could be followed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from storage.postgres.stored_readings import readings_of

POSTED = datetime(2026, 3, 2, 14, tzinfo=UTC)


def at(minute: int) -> datetime:
    return POSTED + timedelta(minutes=minute)


def signal(text: str, *, stored: int, stop: int = 9) -> dict[str, Any]:
    read = {
        "side": "buy",
        "asset": "PETR4",
        "buy_min": 10,
        "buy_max": 10,
        "targets": [11],
        "target_final": 11,
    }
    return {**read, "ts": POSTED, "stop": stop, "warnings": [], "raw_message": text, "created_at": at(stored)}


def former(
    text: str | None, *, stored: int = 0, stop: int = 9, edited: int | None = 7, was_no_signal: bool = False
) -> dict[str, Any]:
    row = signal("", stored=stored, stop=stop) | {"raw_message": text}
    return row | {"edited_at": None if edited is None else at(edited), "was_no_signal": was_no_signal}


def told(row: dict[str, Any], *before: dict[str, Any]) -> list[tuple[int, int]]:
    """Return the minute and the stop of each reading."""
    found = readings_of(row, before)
    return [((one.since - POSTED) // timedelta(minutes=1), one.row["stop"]) for one in found]


def test_without_an_edit_a_signal_counts_from_its_posting_on() -> None:
    assert told(signal("a", stored=60)) == [(0, 9)]


def test_an_edit_counts_from_its_instant_on_and_from_when_it_was_stored_if_that_is_not_known() -> None:
    assert told(signal("b", stored=60, stop=8), former("a")) == [(0, 9), (7, 8)]
    assert told(signal("b", stored=5, stop=8), former("a")) == [(0, 9), (5, 8)], "a gateway may date it later"
    assert told(signal("b", stored=60, stop=8), former("a", edited=None)) == [(0, 9), (60, 8)]


def test_edits_between_count_from_when_they_were_stored() -> None:
    rows = former("a", stored=1), former("b", stored=3, stop=7)
    assert told(signal("c", stored=8, stop=8), *rows) == [(0, 9), (3, 7), (7, 8)]


def test_the_order_of_edits_holds_though_two_clocks_differ() -> None:
    rows = former("a", stored=1), former("b", stored=9, stop=7)
    assert told(signal("c", stored=12, stop=8), *rows) == [(0, 9), (9, 7), (9, 8)]


def test_what_was_no_signal_before_counts_from_the_edit_on() -> None:
    assert told(signal("b", stored=60), former(None, was_no_signal=True)) == [(7, 9)]
    rows = former("b", stored=3, stop=7, was_no_signal=True)
    assert told(signal("c", stored=60, stop=8), rows) == [(3, 7), (7, 8)]


def test_a_text_that_is_read_otherwise_later_is_no_edit() -> None:
    assert told(signal("a", stored=600, stop=8), former("a", stored=1)) == [(0, 8)]
    rows = former("a", stored=1), former("b", stored=7, stop=7)
    assert told(signal("b", stored=600, stop=8), *rows) == [(0, 9), (7, 8)]
