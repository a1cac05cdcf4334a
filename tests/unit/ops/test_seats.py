"""The seats of a server: what one more connection costs, and that nothing is kept of those that are gone."""

import time

from ops.http.server.seats import ConnectionLimits, Seat, Seats


def a_seat(number: int) -> Seat:
    return Seat(group=f"network {number % 9}", site=f"site {number % 9}", shared=False)


def come_and_go(seats: Seats) -> float:
    """Return the seconds that 2,000 connections take to come and go."""
    began = time.perf_counter()
    for _ in range(2000):
        seat = a_seat(0)
        seats.take(seat, make_way=lambda: None)
        seats.leave(seat)
    return time.perf_counter() - began


def test_one_more_connection_costs_the_same_however_many_are_open() -> None:
    empty, full = (Seats(ConnectionLimits(connections=2000, per_address=500)) for _ in range(2))
    for number in range(1500):
        full.take(a_seat(number), make_way=lambda: None)
    assert min(come_and_go(full) for _ in range(3)) < 10 * min(come_and_go(empty) for _ in range(3))


def test_who_leaves_makes_room_for_another() -> None:
    seats = Seats(ConnectionLimits(connections=1, per_address=1, reserve=1))
    for _ in range(3):
        one, other = a_seat(0), a_seat(0)
        seats.take(one, make_way=lambda: None)
        seats.take(other, make_way=lambda: None)
        assert (one.in_reserve, other.in_reserve) == (False, True)
        seats.leave(other)
        seats.leave(one)
