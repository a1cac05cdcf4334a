"""The board: what was shown, by whom, of which kind and how long ago."""

from __future__ import annotations

import threading

import pytest

from engine.snapshot import Board
from tests.support.clock import FakeClock


def test_a_reader_sees_the_newest_snapshot_with_its_age() -> None:
    clock = FakeClock()
    board = Board(clock)
    board.publish("writer", "old")
    clock.advance(5)
    board.publish("writer", "new")
    clock.advance(2.5)
    shown = board.read("writer", str)
    assert shown is not None
    assert shown.value == "new"
    assert board.age_s(shown) == pytest.approx(2.5)


def test_nothing_shown_and_another_kind_are_none() -> None:
    board = Board(FakeClock())
    board.publish("writer", 5)
    assert board.read("writer", str) is None
    assert board.read("parser", str) is None


def test_all_of_a_kind_are_found_by_publisher() -> None:
    board = Board(FakeClock())
    board.publish("poller:a", "a")
    board.publish("poller:b", "b")
    board.publish("writer", 5)
    assert {name: shown.value for name, shown in board.all_of(str).items()} == {
        "poller:a": "a",
        "poller:b": "b",
    }


def test_readers_are_not_disturbed_by_publishers_that_show_themselves_first_time() -> None:
    board = Board(FakeClock())
    ended = threading.Event()

    def publish() -> None:
        for number in range(5000):
            board.publish(f"name {number}", number)
        ended.set()

    thread = threading.Thread(target=publish)
    thread.start()
    while not ended.is_set():
        board.all_of(int)
    thread.join(5)
    assert len(board.all_of(int)) == 5000
