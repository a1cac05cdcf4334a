"""The feed: every reader gets every event after its place, once, in order, whatever it still keeps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.shown.event_log import Feed, FeedEvent, Place, Reached


def event(number: int, signal_id: int, size: int = 10) -> FeedEvent:
    return FeedEvent(
        place=Place(number, signal_id),
        channel="-1",
        asset="PETR4",
        signal_type="Swing Trade",
        side="buy",
        frame=b"x" * size,
    )


def fed(*places: tuple[int, int], max_bytes: int = 1000) -> Feed:
    feed = Feed(max_bytes=max_bytes)
    feed.restart(Place.end_of(0))
    feed.append([event(*place) for place in places], Place.end_of(places[-1][0]))
    return feed


def test_before_the_database_has_told_its_number_nothing_is_known() -> None:
    feed = Feed()
    assert feed.after(Place(1, 1), max_events=5).reached is Reached.UNKNOWN
    assert (feed.newest, feed.began) == (None, None)


def test_a_place_is_told_by_commit_and_signal_or_by_commit_alone() -> None:
    assert (str(Place(12, 345)), str(Place.end_of(12))) == ("12-345", "12")
    assert Place(12, 345) < Place.end_of(12) < Place(13, 1)


def test_events_after_a_place_come_in_parts_of_the_size_asked_for() -> None:
    feed = fed((1, 1), (1, 2), (2, 3))
    part = feed.after(Place(1, 1), max_events=1)
    assert ([e.place for e in part.events], part.place) == ([(1, 2)], (1, 2))
    part = feed.after(Place(1, 2), max_events=1)
    assert ([e.place for e in part.events], part.place) == ([(2, 3)], Place.end_of(2))
    part = feed.after(Place.end_of(2), max_events=1)
    assert (part.reached, part.events, part.place) == (Reached.WITHIN, [], Place.end_of(2))


def test_what_made_room_is_behind() -> None:
    feed = fed((1, 1), (1, 2), (2, 3), max_bytes=20)
    assert feed.after(Place.end_of(0), max_events=5).reached is Reached.BEHIND
    assert [e.place for e in feed.after(Place(1, 1), max_events=5).events] == [(1, 2), (2, 3)]


def test_an_event_larger_than_all_room_is_passed_on_by_the_database_alone() -> None:
    feed = Feed(max_bytes=5)
    feed.restart(Place.end_of(0))
    feed.append([event(1, 1)], Place.end_of(1))
    assert feed.after(Place.end_of(0), max_events=5).reached is Reached.BEHIND
    assert feed.after(Place(1, 1), max_events=5).reached is Reached.WITHIN


def test_a_place_in_a_future_that_was_taken_back_is_ahead() -> None:
    feed = fed((8, 1))
    feed.restart(Place.end_of(5))
    part = feed.after(Place(8, 1), max_events=5)
    assert (part.reached, part.newest) == (Reached.AHEAD, Place.end_of(5))
    assert feed.began == Place.end_of(0)


def test_commits_are_passed_over_while_nobody_listens_only() -> None:
    feed = fed((1, 1))
    assert feed.pass_over(Place.end_of(9))
    assert feed.after(Place(1, 1), max_events=5).reached is Reached.BEHIND
    assert feed.after(Place.end_of(9), max_events=5).reached is Reached.WITHIN
    feed.listen(lambda: None)
    assert not feed.pass_over(Place.end_of(10))
    assert feed.newest == Place.end_of(9)


def test_who_listens_is_woken_until_it_does_no_longer() -> None:
    feed, woken = fed((1, 1)), list[int]()

    def wake() -> None:
        woken.append(1)

    feed.listen(wake)
    feed.append([event(2, 2)], Place.end_of(2))
    feed.restart(Place.end_of(1))
    feed.unlisten(wake)
    feed.append([event(2, 2)], Place.end_of(2))
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
    feed, stored, place, got = Feed(max_bytes=max_bytes), list[FeedEvent](), Place.end_of(0), list[Place]()
    feed.restart(place)
    for number, size in enumerate(commits, start=1):
        events = [event(number, len(stored) + i + 1) for i in range(size)]
        stored += events
        feed.append(events, Place.end_of(number))
        while data.draw(st.booleans()) or number == len(commits):
            part = feed.after(place, max_events=most)
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
