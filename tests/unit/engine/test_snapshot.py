"""The board: what was shown, by whom, of which kind and how long ago."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator

import pytest

from engine.snapshot import Snapshots
from tests.support.clock import FakeClock


def test_a_reader_sees_the_newest_snapshot_with_its_age() -> None:
    clock = FakeClock()
    snapshots = Snapshots(clock)
    snapshots.publish("writer", "old")
    clock.advance(5)
    snapshots.publish("writer", "new")
    clock.advance(2.5)
    shown = snapshots.read("writer", str)
    assert shown is not None
    assert shown.value == "new"
    assert snapshots.age_s(shown) == pytest.approx(2.5)


def test_nothing_shown_and_another_kind_are_none() -> None:
    snapshots = Snapshots(FakeClock())
    snapshots.publish("writer", 5)
    assert snapshots.read("writer", str) is None
    assert snapshots.read("parser", str) is None


def test_all_of_a_kind_are_found_by_publisher() -> None:
    snapshots = Snapshots(FakeClock())
    snapshots.publish("poller:a", "a")
    snapshots.publish("poller:b", "b")
    snapshots.publish("writer", 5)
    assert {name: shown.value for name, shown in snapshots.all_of(str).items()} == {
        "poller:a": "a",
        "poller:b": "b",
    }


def test_a_removed_snapshot_is_shown_no_more() -> None:
    snapshots = Snapshots(FakeClock())
    snapshots.publish("poller:a", "a")
    snapshots.remove("poller:a")
    snapshots.remove("poller:a")
    assert snapshots.read("poller:a", str) is None
    assert snapshots.all_of(str) == {}


class _Trash:
    """Garbage whose collection runs code, and so lets other threads in between."""

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        for _ in range(20):
            pass


@pytest.fixture
def busy_collector() -> Iterator[None]:
    """Let threads and the garbage collector come in between whenever they can."""
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(50)
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("busy_collector")
def test_readers_are_not_disturbed_by_publishers_that_come_and_go() -> None:
    for _ in range(15):
        snapshots, ended = Snapshots(FakeClock()), threading.Event()

        def publish(snapshots: Snapshots = snapshots, ended: threading.Event = ended) -> None:
            for number in range(1500):
                snapshots.publish(f"name {number}", number)
                snapshots.remove(f"name {number - 700}")
                _Trash()
            ended.set()

        thread = threading.Thread(target=publish)
        thread.start()
        while not ended.is_set():
            snapshots.all_of(int)
            _Trash()
        thread.join(5)
        assert len(snapshots.all_of(int)) == 700
