"""The second look at a gateway that does not compare: what it shows by then may be less than what was read."""

from __future__ import annotations

from actors.sources.history import HistoryPass
from engine.messages import MessagesFetched
from tests.support.polling import Polling
from tests.support.recording import CHANNEL, message


def look_after_one_message(world: Polling) -> None:
    """Let a message be stored and acknowledged, and the look that is owed for it be made."""
    world.gateway.compares = False
    world.tick("poll")
    batch = next(told for told in world.parser.taken() if isinstance(told, MessagesFetched))
    world.commit(batch)
    world.advance(60.0, world.acknowledger)


def test_a_page_without_rows_ends_the_look() -> None:
    """Deleted rows are left out of the history; the acknowledger died of such a page, again after each start."""
    world = Polling(message(1))
    world.gateway.rows = []
    look_after_one_message(world)
    assert ("1",) in world.gateway.acks
    assert world.gateway.pages, "the look was made"
    assert world.looks.spans == {}, "nothing is owed any more"


def test_an_empty_page_of_a_history_leaves_its_place_as_it_is() -> None:
    reading = HistoryPass(channel=CHANNEL)
    assert reading.accept((), 0) == ()
    reading.committed()
    assert (reading.complete, reading.rows_read, reading.last_id, reading.pages) == (True, 0, None, 0)


def test_a_reading_that_steps_back_is_not_at_its_end() -> None:
    reading = HistoryPass(channel=CHANNEL)
    rows = [message(number) for number in range(1, 4)]
    assert reading.accept(rows, 3) == tuple(rows)
    reading.committed()
    assert reading.accept((), 0) == ()  # the row read last is gone
    reading.committed()
    assert not reading.complete
