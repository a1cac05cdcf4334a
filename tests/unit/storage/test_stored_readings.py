"""Since when each reading of an edited message could be followed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from storage.postgres.stored_readings import readings_of

POSTED = datetime(2026, 3, 2, 14, tzinfo=UTC)
ID = 100


def at(minute: int) -> datetime:
    return POSTED + timedelta(minutes=minute)


def signal(text: str, *, stored: int, stop: int = 9, position: int = 0) -> dict[str, Any]:
    read = {
        "side": "buy",
        "asset": "PETR4",
        "buy_min": 10,
        "buy_max": 10,
        "targets": [11],
        "target_final": 11,
    }
    kind: dict[str, Any] = {"signal_type": "Swing Trade", "valid_until": None, "warnings": []}
    row = {"id": ID, "ts": POSTED, "position": position, "stop": stop, "created_at": at(stored)}
    return {**read, **kind, **row, "raw_message": text}


def reading(
    text: str, *, stored: int, edited: int | None = None, of_edit: bool = False, **others: Any
) -> dict[str, Any]:
    """Return a former reading. ``edited`` is the minute of the edit that it came with, if that is known."""
    found = {"is_of_edit": of_edit or edited is not None, "edited_at": None if edited is None else at(edited)}
    # of one commit are the signals of one text
    number = {"id": stored, "commit_number": stored}
    return signal(text, stored=stored) | number | found | others


def itself(stored: int, edited: int | None = None, *, of_edit: bool = True) -> dict[str, Any]:
    return reading("", stored=stored, edited=edited, of_edit=of_edit) | {"id": ID, "commit_number": ID}


def told(row: dict[str, Any], *stored: dict[str, Any]) -> list[tuple[int, int]]:
    """Return the minute and the stop of each reading. Each text has replaced the one before it."""
    numbers = sorted({one["commit_number"] for one in stored})
    following = dict(zip(numbers, [*numbers[1:], None], strict=False))
    found = readings_of(row, [{"superseded_by": following[one["commit_number"]], **one} for one in stored])
    return [((one.since - POSTED) // timedelta(minutes=1), one.row["stop"]) for one in found]


def test_without_an_edit_a_signal_counts_from_its_posting_on() -> None:
    assert told(signal("a", stored=60)) == [(0, 9)]


def test_an_edit_counts_from_its_instant_on_and_from_when_it_was_stored_if_that_is_not_known() -> None:
    row = signal("b", stored=60, stop=8)
    assert told(row, reading("a", stored=1), itself(60, edited=7)) == [(0, 9), (7, 8)]
    assert told(row, reading("a", stored=1), itself(60)) == [(0, 9), (60, 8)]
    early = signal("b", stored=5, stop=8)
    assert told(early, reading("a", stored=1), itself(5, edited=7)) == [(0, 9), (5, 8)], (
        "a gateway dates it later"
    )


def test_each_edit_counts_from_its_own_instant_on() -> None:
    rows = reading("a", stored=1), reading("b", stored=30, edited=3, stop=7), itself(60, edited=7)
    assert told(signal("c", stored=60, stop=8), *rows) == [(0, 9), (3, 7), (7, 8)]


def test_the_order_of_edits_holds_though_two_clocks_differ() -> None:
    rows = reading("a", stored=1), reading("b", stored=9, of_edit=True, stop=7), itself(12, edited=8)
    assert told(signal("c", stored=12, stop=8), *rows) == [(0, 9), (9, 7), (9, 8)]


def test_a_text_that_comes_back_counts_from_when_it_was_stored() -> None:
    rows = (
        reading("a", stored=1),
        reading("b", stored=9, edited=3, stop=7),
        reading("a", stored=20, edited=15, stop=9),
        itself(60, edited=3),
    )
    assert told(signal("b", stored=60, stop=7), *rows) == [(0, 9), (3, 7), (20, 9), (60, 7)]


def test_what_was_no_signal_before_counts_from_the_edit_on() -> None:
    assert told(signal("b", stored=60), itself(60, edited=7)) == [(7, 9)]
    rows = reading("b", stored=30, edited=3, stop=7), itself(60, edited=7)
    assert told(signal("c", stored=60, stop=8), *rows) == [(3, 7), (7, 8)]


def test_a_text_that_is_read_otherwise_later_is_no_edit() -> None:
    once = reading("a", stored=1, stop=7), itself(600, of_edit=False)
    assert told(signal("a", stored=600, stop=8), *once) == [(0, 8)]
    rows = reading("a", stored=1), reading("b", stored=8, edited=7, stop=7), itself(600, edited=7)
    assert told(signal("b", stored=600, stop=8), *rows) == [(0, 9), (7, 8)]


def test_a_signal_is_that_of_its_asset_and_side_wherever_it_stands() -> None:
    others = {"asset": "VALE3", "stop": 1, "id": 2}
    rows = reading("ab", stored=1, position=1), reading("ab", stored=1) | others, itself(60, edited=7)
    assert told(signal("a", stored=60, stop=8), *rows) == [(0, 9), (7, 8)]
    twice = (
        reading("aa", stored=1, id=1),
        reading("aa", stored=1, id=2, position=1, stop=7),
        itself(60, edited=7),
    )
    assert told(signal("aa2", stored=60, stop=8, position=1), *twice) == [(0, 7), (7, 8)]


def test_a_trade_that_comes_back_after_another_text_is_another_one() -> None:
    other = reading("b", stored=5, edited=4) | {"asset": "VALE3"}
    assert told(signal("c", stored=60, stop=8), reading("a", stored=1), other, itself(60, edited=7)) == [
        (7, 8)
    ]
    gone = reading("a", stored=1) | {"superseded_by": 5}
    assert told(signal("c", stored=60, stop=8), gone, itself(60, edited=7)) == [(7, 8)]
