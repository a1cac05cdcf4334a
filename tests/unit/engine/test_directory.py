"""The directory: names outlive actors, and a message to nobody is counted, not raised."""

from __future__ import annotations

from engine.directory import Directory, Entry, Heartbeat
from tests.support.recording import Recorder


def entry(recorder: Recorder, generation: int = 1) -> Entry:
    return Entry(recorder.actor_ref, generation, Heartbeat(0.0))


def test_a_message_reaches_who_holds_the_name() -> None:
    directory, recorder = Directory(), Recorder()
    directory.enter("writer", entry(recorder))
    assert directory.send("writer", "news")
    assert recorder.taken() == ["news"]
    assert directory.misses() == {}


def test_a_message_to_a_name_that_nobody_holds_is_counted() -> None:
    directory = Directory()
    assert not directory.send("writer", "news")
    assert not directory.send("writer", "news")
    assert directory.misses() == {"writer": 2}


def test_a_message_to_the_dead_is_counted_and_does_not_kill_its_sender() -> None:
    directory, recorder = Directory(), Recorder()
    directory.enter("writer", entry(recorder))
    recorder.die()
    assert not directory.send("writer", "news")
    assert directory.misses() == {"writer": 1}


def test_the_next_generation_takes_the_name_over() -> None:
    directory, first, second = Directory(), Recorder(), Recorder()
    directory.enter("writer", entry(first))
    first.die()
    directory.enter("writer", entry(second, generation=2))
    assert directory.send("writer", "news")
    assert second.taken() == ["news"]
    found = directory.find("writer")
    assert found is not None
    assert found.generation == 2


def test_a_removed_name_is_held_by_nobody() -> None:
    directory = Directory()
    directory.enter("writer", entry(Recorder()))
    directory.remove("writer")
    directory.remove("writer")
    assert directory.find("writer") is None
    assert directory.depth("writer") == 0
    assert not directory.send("writer", "news")


def test_names_are_told_in_order_of_entering() -> None:
    directory = Directory()
    for name in ("writer", "parser", "poller"):
        directory.enter(name, entry(Recorder()))
    assert directory.names() == ("writer", "parser", "poller")


def test_depth_is_the_number_of_messages_that_wait() -> None:
    directory, recorder = Directory(), Recorder()
    directory.enter("writer", entry(recorder))
    for number in range(3):
        directory.send("writer", number)
    assert directory.depth("writer") == 3
    recorder.taken()
    assert directory.depth("writer") == 0
