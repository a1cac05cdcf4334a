"""Reading a history that changes while it is read."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.sources import history
from actors.sources.history import HistoryPass, NextPage
from engine.model import SourceMessage
from tests.support.recording import CHANNEL, message, messages

PAGE = 4


@pytest.fixture(autouse=True)
def short_pages() -> object:
    with mock.patch.object(history, "PAGE_SIZE", PAGE):
        yield


def step(reading: HistoryPass, rows: Sequence[SourceMessage]) -> tuple[SourceMessage, ...]:
    """Read the next page of these rows and make it durable."""
    page = reading.next_page
    taken = reading.accept(rows[page.offset : page.offset + page.limit], total=len(rows))
    if taken:
        reading.committed()
    return taken


def read_on(reading: HistoryPass, rows: Sequence[SourceMessage]) -> list[int]:
    """Read to the end; return the numbers of the messages delivered."""
    delivered: list[int] = []
    for _ in range(200):
        delivered += [int(m.message_id) for m in step(reading, rows)]
        if reading.complete:
            return delivered
    pytest.fail("no end is reached")


def test_a_history_that_stands_still_is_read_once() -> None:
    reading = HistoryPass(channel=CHANNEL)
    assert read_on(reading, messages(*range(10))) == list(range(10))
    assert reading.rows_read == 10
    assert reading.pages == 3
    assert reading.newest_received_at == message(9).received_at


def test_an_empty_history_is_complete_at_once() -> None:
    reading = HistoryPass(channel=CHANNEL)
    assert read_on(reading, ()) == []
    assert reading.pages == 0


def test_each_page_asks_for_the_last_row_once_more() -> None:
    reading = HistoryPass(channel=CHANNEL)
    assert reading.next_page == NextPage(offset=0, limit=PAGE)
    step(reading, messages(*range(10)))
    assert reading.next_page == NextPage(offset=PAGE - 1, limit=PAGE + 1)


def test_the_row_of_the_overlap_is_not_delivered_again() -> None:
    reading = HistoryPass(channel=CHANNEL)
    rows = messages(*range(6))
    step(reading, rows)
    assert [m.message_id for m in step(reading, rows)] == ["4", "5"]


def test_a_short_page_is_not_the_end() -> None:
    # a gateway may cap the limit lower than was asked for
    reading = HistoryPass(channel=CHANNEL)
    rows = messages(*range(9))
    delivered: list[str] = []
    while not reading.complete:
        page = reading.next_page
        taken = reading.accept(rows[page.offset : page.offset + min(page.limit, 2)], total=9)
        delivered += [m.message_id for m in taken]
        if taken:
            reading.committed()
    assert delivered == [m.message_id for m in rows]


def test_rows_that_come_at_the_end_are_read_in_the_same_pass() -> None:
    reading = HistoryPass(channel=CHANNEL)
    step(reading, messages(*range(4)))
    assert read_on(reading, messages(*range(7))) == [4, 5, 6]


def test_a_row_that_goes_before_steps_back_a_page() -> None:
    reading = HistoryPass(channel=CHANNEL)
    rows = messages(*range(12))
    step(reading, rows)
    step(reading, rows)
    assert step(reading, rows[1:]) == ()
    assert not reading.complete
    assert set(range(8, 12)) <= set(read_on(reading, rows[1:]))


def test_a_row_that_comes_before_steps_back_a_page_and_is_read() -> None:
    reading = HistoryPass(channel=CHANNEL)
    step(reading, messages(*range(8)))
    assert read_on(reading, messages(0, 1, 99, *range(2, 8))) == [0, 1, 99, 2, 3, 4, 5, 6, 7]


def test_many_rows_that_go_at_once_hide_none_that_was_not_read() -> None:
    # a gateway cleans up: 24 rows read, the first 20 go, more than a page
    reading = HistoryPass(channel=CHANNEL)
    rows = messages(*range(48))
    for _ in range(6):
        step(reading, rows)
    assert set(read_on(reading, rows[20:])) >= set(range(24, 48))


def test_the_whole_of_what_was_read_may_go() -> None:
    reading = HistoryPass(channel=CHANNEL)
    rows = messages(*range(30))
    for _ in range(4):
        step(reading, rows)
    assert read_on(reading, rows[16:]) == list(range(16, 30))


def test_a_history_that_ends_before_what_was_read_is_looked_through_again() -> None:
    reading = HistoryPass(channel=CHANNEL)
    rows = messages(*range(16))
    for _ in range(4):
        step(reading, rows)
    assert read_on(reading, rows[:3]) is not None
    assert reading.complete


def test_a_pass_goes_on_from_a_checkpoint() -> None:
    reading = HistoryPass(channel=CHANNEL, rows_read=8, last_id="g7", pages=2)
    assert read_on(reading, messages(*range(11))) == [8, 9, 10]
    assert reading.pages == 3


def test_a_checkpoint_whose_row_is_gone_reads_from_where_it_is_sure() -> None:
    reading = HistoryPass(channel=CHANNEL, rows_read=8, last_id="gone", pages=2)
    assert read_on(reading, messages(*range(11))) == list(range(11))


def test_the_newest_message_never_gets_older() -> None:
    reading = HistoryPass(channel=CHANNEL, newest_received_at=message(99).received_at)
    read_on(reading, messages(1, 2))
    assert reading.newest_received_at == message(99).received_at


#: before a page: (first row that goes, how many go, where some come, how many come)
Change = tuple[int, int, int, int]
PLACES, SOME = st.integers(0, 40), st.one_of(st.just(0), st.integers(0, 15))


@settings(max_examples=400, deadline=None)
@given(size=st.integers(0, 40), changes=st.lists(st.tuples(PLACES, SOME, PLACES, SOME), max_size=20))
def test_every_row_there_from_start_to_end_is_delivered(size: int, changes: list[Change]) -> None:
    """Rows come and go between the pages, anywhere and many at once; nothing that stayed is missed."""
    rows = list(range(size))
    stayed, delivered = set(rows), set[int]()
    reading = HistoryPass(channel=CHANNEL)
    newcomers = itertools.count(1000)
    for turn in range(500):
        if turn < len(changes):
            first, going, place, coming = changes[turn]
            stayed -= set(rows[first : first + going])
            del rows[first : first + going]
            rows[place:place] = itertools.islice(newcomers, coming)
        delivered |= {int(m.message_id) for m in step(reading, messages(*rows))}
        if reading.complete:
            break
    else:
        pytest.fail("no end is reached although the history stands still")
    assert stayed <= delivered
