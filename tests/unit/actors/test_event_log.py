"""The feed: every reader gets every event after its place, once, in order, whatever it still keeps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.shown.event_log import EventLog, LoggedEvent, Position, Reached


def event(number: int, signal_id: int, size: int = 10) -> LoggedEvent:
    return LoggedEvent(
        place=Position(number, signal_id),
        channel="-1",
        asset="PETR4",
        signal_type="Swing Trade",
        side="buy",
        frame=b"x" * size,
    )


def fed(*places: tuple[int, int], max_bytes: int = 1000) -> EventLog:
    event_log = EventLog(max_bytes=max_bytes)
    event_log.restart(Position.end_of(0))
    event_log.append([event(*place) for place in places], Position.end_of(places[-1][0]))
    return event_log


def test_before_the_database_has_told_its_number_nothing_is_known() -> None:
    event_log = EventLog()
    assert event_log.after(Position(1, 1), max_events=5).reached is Reached.UNKNOWN
    assert (event_log.newest, event_log.began) == (None, None)


def test_a_place_is_told_by_commit_and_signal_or_by_commit_alone() -> None:
    assert (str(Position(12, 345)), str(Position.end_of(12))) == ("12-345", "12")
    assert Position(12, 345) < Position.end_of(12) < Position(13, 1)


def test_events_after_a_place_come_in_parts_of_the_size_asked_for() -> None:
    event_log = fed((1, 1), (1, 2), (2, 3))
    part = event_log.after(Position(1, 1), max_events=1)
    assert ([e.place for e in part.events], part.place) == ([(1, 2)], (1, 2))
    part = event_log.after(Position(1, 2), max_events=1)
    assert ([e.place for e in part.events], part.place) == ([(2, 3)], Position.end_of(2))
    part = event_log.after(Position.end_of(2), max_events=1)
    assert (part.reached, part.events, part.place) == (Reached.WITHIN, [], Position.end_of(2))


def test_what_made_room_is_behind() -> None:
    event_log = fed((1, 1), (1, 2), (2, 3), max_bytes=20)
    assert event_log.after(Position.end_of(0), max_events=5).reached is Reached.BEHIND
    assert [e.place for e in event_log.after(Position(1, 1), max_events=5).events] == [(1, 2), (2, 3)]


def test_an_event_larger_than_all_room_is_passed_on_by_the_database_alone() -> None:
    event_log = EventLog(max_bytes=5)
    event_log.restart(Position.end_of(0))
    event_log.append([event(1, 1)], Position.end_of(1))
    assert event_log.after(Position.end_of(0), max_events=5).reached is Reached.BEHIND
    assert event_log.after(Position(1, 1), max_events=5).reached is Reached.WITHIN


def test_a_place_in_a_future_that_was_taken_back_is_ahead() -> None:
    event_log = fed((8, 1))
    event_log.restart(Position.end_of(5))
    part = event_log.after(Position(8, 1), max_events=5)
    assert (part.reached, part.newest) == (Reached.AHEAD, Position.end_of(5))
    assert event_log.began == Position.end_of(0)


def test_commits_are_passed_over_while_nobody_listens_only() -> None:
    event_log = fed((1, 1))
    assert event_log.pass_over(Position.end_of(9))
    assert event_log.after(Position(1, 1), max_events=5).reached is Reached.BEHIND
    assert event_log.after(Position.end_of(9), max_events=5).reached is Reached.WITHIN
    event_log.listen(lambda: None)
    assert not event_log.pass_over(Position.end_of(10))
    assert event_log.newest == Position.end_of(9)


def test_who_listens_is_woken_until_it_does_no_longer() -> None:
    event_log, woken = fed((1, 1)), list[int]()

    def wake() -> None:
        woken.append(1)

    event_log.listen(wake)
    event_log.append([event(2, 2)], Position.end_of(2))
    event_log.restart(Position.end_of(1))
    event_log.unlisten(wake)
    event_log.append([event(2, 2)], Position.end_of(2))
    assert len(woken) == 2


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=40),
    st.integers(10, 200),
    st.integers(1, 7),
    st.data(),
)
def test_readers_who_come_and_go_get_every_event_once_in_order(
    commits: list[int], max_bytes: int, most: int, data: st.DataObject
) -> None:
    """A reader that is behind asks the database, here a list; its place alone is what it keeps."""
    event_log, stored, place, got = (
        EventLog(max_bytes=max_bytes),
        list[LoggedEvent](),
        Position.end_of(0),
        list[Position](),
    )
    event_log.restart(place)
    for number, size in enumerate(commits, start=1):
        events = [event(number, len(stored) + i + 1) for i in range(size)]
        stored += events
        event_log.append(events, Position.end_of(number))
        while data.draw(st.booleans()) or number == len(commits):
            part = event_log.after(place, max_events=most)
            if part.reached is Reached.BEHIND:
                page = [e for e in stored if e.place > place][:most]
                place = page[-1].place
                got += [e.place for e in page]
                continue
            assert part.place is not None
            got += [e.place for e in part.events]
            place = part.place
            if place == part.newest:
                break
    assert got == [e.place for e in stored]
