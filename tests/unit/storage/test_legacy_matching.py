"""Rows of the old table and messages of one text: one answer, whoever came first."""

import random
from datetime import UTC, datetime, timedelta
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from storage.legacy.matching import FURTHEST, Node, Posting, doubles_of, match

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
HOURS = st.lists(st.integers(0, 60), max_size=6)


def nodes(hours: list[int]) -> list[Node]:
    return [Node(f"r{h}", place, NOON + timedelta(hours=h)) for place, h in enumerate(dict.fromkeys(hours))]


def postings(hours: list[int]) -> list[Posting]:
    return [Posting(str(number), NOON + timedelta(hours=h)) for number, h in enumerate(hours)]


def one_after_the_other(rows: list[Node], messages: list[Posting]) -> dict[str, str]:
    """Join the nearest pair, then the nearest of the rest, by looking at all of them each time."""
    found: dict[str, str] = {}
    while True:
        pairs = [
            (
                abs(row.sent_at - message.sent_at),
                row.sent_at,
                len(message.message_id),
                message.message_id,
                row,
            )
            for row in rows
            for message in messages
            if row.legacy_id not in found and message.message_id not in found.values()
        ]
        distance, *_, message_id, row = min(pairs, default=(FURTHEST * 2, "", rows[0] if rows else None))
        if distance > FURTHEST or not isinstance(row, Node):
            return found
        found[row.legacy_id] = str(message_id)


@given(HOURS, HOURS)
def test_the_nearest_pairs_are_joined(rows: list[int], messages: list[int]) -> None:
    assert match(nodes(rows), postings(messages)) == one_after_the_other(nodes(rows), postings(messages))


@given(HOURS, HOURS, st.randoms())
def test_the_order_does_not_matter(rows: list[int], messages: list[int], shuffled: random.Random) -> None:
    expected = match(nodes(rows), postings(messages))
    mixed_rows, mixed_messages = nodes(rows), postings(messages)
    shuffled.shuffle(mixed_rows)
    shuffled.shuffle(mixed_messages)
    assert match(mixed_rows, mixed_messages) == expected


@given(HOURS, st.lists(st.integers(0, 60), min_size=1, max_size=6))
def test_a_message_more_leaves_no_row_without_one(rows: list[int], messages: list[int]) -> None:
    all_of_them = postings(messages)
    for fewer in combinations(all_of_them, len(all_of_them) - 1):
        assert match(nodes(rows), fewer).keys() <= match(nodes(rows), all_of_them).keys()


@given(HOURS, HOURS)
def test_each_message_is_one_row_at_most(rows: list[int], messages: list[int]) -> None:
    found = match(nodes(rows), postings(messages))
    assert len(set(found.values())) == len(found)


def test_a_later_row_at_the_same_instant_takes_the_message_from_a_nearby_one() -> None:
    assert match(nodes([0]), postings([3])) == {"r0": "0"}
    assert match(nodes([0, 3]), postings([3])) == {"r3": "0"}


def test_a_day_is_the_furthest() -> None:
    assert match(nodes([0]), postings([24])) == {"r0": "0"}
    assert match([Node("r", 0, NOON)], [Posting("1", NOON + FURTHEST + timedelta(milliseconds=1))]) == {}


def test_doubles_are_of_the_row_that_was_taken_first_fault_8() -> None:
    rows = [Node("b", 2, NOON), Node("a", 1, NOON), Node("c", 3, NOON), Node("d", 4, NOON + timedelta(0, 1))]
    assert doubles_of(rows) == {"b": "a", "c": "a"}


@given(HOURS, st.lists(st.tuples(st.integers(0, 60), st.booleans()), min_size=1, max_size=6))
def test_fault_44_messages_without_a_date_take_what_is_left_and_leave_no_row_without_one(
    rows: list[int], messages: list[tuple[int, bool]]
) -> None:
    posted = [
        Posting(str(number), NOON + timedelta(hours=hour), dated=dated)
        for number, (hour, dated) in enumerate(messages)
    ]
    found = match(nodes(rows), posted)
    assert len(set(found.values())) == len(found)
    free = [each for each in posted if not each.dated and each.message_id not in found.values()]
    assert not free or len(found) == len(nodes(rows)), "a row is left, and so is a message for it"
    for fewer in combinations(posted, len(posted) - 1):
        assert match(nodes(rows), fewer).keys() <= found.keys()


def test_fault_44_a_message_without_a_date_is_matched_whatever_its_receipt() -> None:
    far = NOON + timedelta(days=42)
    assert match(nodes([0]), [Posting("1", far, dated=False)]) == {"r0": "1"}
    assert match(nodes([0]), [Posting("1", far)]) == {}
    # by their numbers, which rise with time as the rows do
    both = [Posting("11", far, dated=False), Posting("9", far + timedelta(1), dated=False)]
    assert match(nodes([0, 5]), both) == {"r0": "9", "r5": "11"}
