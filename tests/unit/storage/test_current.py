"""What holds now of a signal: exactly what later messages say, no more."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.postgres.current import current_of, is_last_target_reached, status_of

D = Decimal
SIGNAL: dict[str, Any] = {
    "status": "open",
    "stop": D("37.00"),
    "targets": [D("40.00"), D("41.50")],
    "target_final": D("41.50"),
    "buy_min": D("38.50"),
    "buy_max": D("38.50"),
}
NOTHING: dict[str, Any] = {
    "target": None,
    "stop_hit": False,
    "new_stop": None,
    "new_targets": [],
    "new_entry": None,
    "breakeven": False,
    "fraction": None,
    "price": None,
    "percent": None,
}


def said(kind: str, **values: Any) -> dict[str, Any]:
    return {**NOTHING, "kind": kind, **values}


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ([], "open"),
        ([said("update", new_stop=D("38.20"))], "open"),
        # the word stop in an update, a loss in per cent, a weak result: none of them stops a signal
        ([said("result", percent=D(-3))], "open"),
        ([said("update", fraction=D("0.5"), price=D("39.20"))], "open"),
        ([said("result", target=1)], "target_1"),
        ([said("result", target=2), said("result", target=1)], "target_2"),
        ([said("result", target=0)], "target_final"),
        ([said("result", target=1), said("result", stop_hit=True)], "stopped"),
        ([said("update", stop_hit=True)], "open"),
        ([said("cancel"), said("result", target=1)], "cancelled"),
    ],
)
def test_a_status_changes_only_by_what_the_text_says(events: list[dict[str, Any]], status: str) -> None:
    assert status_of(events) == status


@pytest.mark.parametrize(
    ("last", "events", "reached"),
    [
        (2, [], False),
        (2, [said("result", target=1)], False),
        (2, [said("result", target=2)], True),
        (2, [said("update", target=2)], False),
        # numbers beyond the last one are reached after it
        (2, [said("result", target=3)], True),
        # the final target is another price than the last numbered one
        (None, [said("result", target=2)], False),
        # the channel goes on with further targets
        (2, [said("result", target=2, new_targets=[D(43)])], False),
        (2, [said("result", target=2), said("update", new_targets=[D(43)])], False),
        (
            2,
            [
                said("result", target=1),
                said("update", target=3, new_targets=[D(43)]),
                said("result", target=2),
            ],
            False,
        ),
        (2, [said("update", target=2, new_targets=[D(43)]), said("result", target=2)], True),
        (3, [said("update", new_targets=[D(42), D(43)]), said("result", target=2)], True),
    ],
)
def test_the_last_target_is_reached_only_if_there_is_none_beyond_it(
    last: int | None, events: list[dict[str, Any]], *, reached: bool
) -> None:
    assert is_last_target_reached(last, events) is reached


def test_a_signal_of_which_nothing_was_said_holds_as_it_was_posted() -> None:
    now = current_of(SIGNAL, [])
    assert (now.stop, now.targets, now.fraction, now.breakeven) == (
        D("37.00"),
        (D("40.00"), D("41.50")),
        D(1),
        False,
    )


def test_a_moved_stop_holds_and_the_last_move_counts() -> None:
    moves = [said("update", new_stop=D("38.20")), said("update", new_stop=D("39.00"))]
    assert current_of(SIGNAL, moves).stop == D("39.00")
    assert current_of(SIGNAL, moves[:1]).stop == D("38.20")


def test_a_result_that_moves_the_stop_moves_it() -> None:
    """``alvo 1 atingido, subir o stop para 39,10`` is one message: a result whose event holds both."""
    now = current_of(SIGNAL, [said("result", target=1, new_stop=D("39.10"))])
    assert (now.stop, now.fraction) == (D("39.10"), D(1))


def test_a_reached_target_with_the_stop_at_the_entry_closes_nothing() -> None:
    """``alvo 1 atingido, stop na entrada``: the trade goes on; without a target it was closed at its entry."""
    now = current_of(SIGNAL, [said("result", target=1, breakeven=True)])
    assert (now.stop, now.breakeven, now.fraction) == (D("38.50"), True, D(1))


def test_new_targets_of_a_result_are_not_put_in_the_place_of_the_one_reached() -> None:
    now = current_of(SIGNAL, [said("result", target=1, new_targets=[D("42.00"), D("43.00")])])
    assert now.targets == (D("42.00"), D("43.00"))


def test_a_stop_at_the_entry_is_the_entry_where_that_is_one_price() -> None:
    now = current_of(SIGNAL, [said("update", breakeven=True)])
    assert (now.stop, now.breakeven) == (D("38.50"), True)
    ranged = {**SIGNAL, "buy_max": D("38.90")}
    now = current_of(ranged, [said("update", breakeven=True)])
    assert (now.stop, now.breakeven) == (None, True)  # what each trader paid is not known
    now = current_of(ranged, [said("update", breakeven=True), said("update", new_stop=D("39.10"))])
    assert (now.stop, now.breakeven) == (D("39.10"), False)


@pytest.mark.parametrize(
    ("target", "new", "targets", "final"),
    [
        (1, ["40.40"], ["40.40", "41.50"], "41.50"),
        (2, ["42.00"], ["40.00", "42.00"], "42.00"),
        (0, ["43.00"], ["40.00", "43.00"], "43.00"),
        (3, ["44.00"], ["40.00", "41.50", "44.00"], "44.00"),
        (9, ["99.00"], ["40.00", "41.50"], "41.50"),  # there is no eighth: nothing says where it belongs
        (None, ["40.50", "42.50"], ["40.50", "42.50"], "42.50"),
    ],
)
def test_new_targets_take_the_place_that_the_text_names(
    target: int | None, new: list[str], targets: list[str], final: str
) -> None:
    event = said("update", target=target, new_targets=[D(price) for price in new])
    now = current_of(SIGNAL, [event])
    assert now.targets == tuple(D(price) for price in targets)
    assert now.target_final == D(final)


def test_parts_that_are_closed_add_up_and_nothing_is_held_after_the_end() -> None:
    half = said("update", fraction=D("0.5"))
    third = said("result", target=1, fraction=D("0.3"))
    assert current_of(SIGNAL, [half]).fraction == D("0.5")
    assert current_of(SIGNAL, [half, third]).fraction == D("0.2")
    assert current_of(SIGNAL, [half, half, third]).fraction == 0
    assert current_of(SIGNAL, [half, said("result", stop_hit=True)]).fraction == 0
    assert current_of(SIGNAL, [said("result", breakeven=True, fraction=D(1))]).fraction == 0


def test_a_result_that_closes_nothing_puts_the_stop_to_the_entry() -> None:
    """``Parcial feita em YDUQ3 a 12,60, stop no breakeven``: the rest is still held."""
    now = current_of(SIGNAL, [said("result", breakeven=True)])
    assert (now.stop, now.breakeven, now.fraction) == (D("38.50"), True, D(1))
    now = current_of(SIGNAL, [said("result", breakeven=True, fraction=D("0.5"))])
    assert (now.stop, now.breakeven, now.fraction) == (D("38.50"), True, D("0.5"))


@given(
    st.lists(
        st.sampled_from(
            [
                said("update", new_stop=D(38)),
                said("update", breakeven=True),
                said("update", new_targets=[D(45)], target=1),
                said("update", fraction=D("0.4")),
                said("result", target=1),
            ]
        )
    ),
    st.sampled_from([said("result", stop_hit=True), said("cancel")]),
    st.lists(st.sampled_from([said("update", new_stop=D(1)), said("result", target=2)])),
)
def test_what_is_said_after_the_end_changes_nothing(
    before: list[dict[str, Any]], end: dict[str, Any], after: list[dict[str, Any]]
) -> None:
    assert current_of(SIGNAL, [*before, end]) == current_of(SIGNAL, [*before, end, *after])
    assert status_of([*before, end]) == status_of([*before, end, *after])
