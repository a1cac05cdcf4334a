"""Readers of one page share its build, and its failure; the next reader builds anew."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from ops.http.routes.single_flight import SingleFlight


class Slow:
    """A build that ends when told, and counts."""

    def __init__(self, error: Exception | None = None) -> None:
        self.times = 0
        self.begun, self.go_on = threading.Event(), threading.Event()
        self._error = error

    def __call__(self) -> bytes:
        self.times += 1
        self.begun.set()
        assert self.go_on.wait(10)
        if self._error is not None:
            raise self._error
        return b"body"


def read_together(slow: Slow, threads: ThreadPoolExecutor) -> list[Future[tuple[bytes, bool]]]:
    """Let one reader begin and seven ask for the same page before it ends."""
    single_flight, asked = SingleFlight[bytes](), threading.Barrier(8)
    first = threads.submit(single_flight.build, "page", slow)
    assert slow.begun.wait(10)

    def ask() -> tuple[bytes, bool]:
        asked.wait(10)
        return single_flight.build("page", slow)

    others = [threads.submit(ask) for _ in range(7)]
    asked.wait(10)
    slow.go_on.set()
    return [first, *others]


def test_readers_of_a_page_share_one_build() -> None:
    slow = Slow()
    with ThreadPoolExecutor(8) as threads:
        answers = [reader.result(10) for reader in read_together(slow, threads)]
    assert {body for body, _ in answers} == {b"body"}
    assert slow.times == sum(not shared for _, shared in answers), "who did not share has built"
    assert answers[0] == (b"body", False)


def test_a_failure_is_shared_too() -> None:
    with ThreadPoolExecutor(8) as threads:
        readers = read_together(Slow(error=OSError("away")), threads)
        for reader in readers:
            with pytest.raises(OSError, match="away"):
                reader.result(10)


def test_the_next_reader_builds_anew() -> None:
    single_flight = SingleFlight[bytes]()

    def fail() -> bytes:
        raise OSError("away")

    with pytest.raises(OSError, match="away"):
        single_flight.build("page", fail)
    assert single_flight.build("page", lambda: b"new") == (b"new", False)
    assert single_flight.build("page", lambda: b"newer") == (b"newer", False)


def test_other_pages_do_not_wait() -> None:
    single_flight = SingleFlight[bytes]()
    inner = single_flight.build("one", lambda: single_flight.build("other", lambda: b"other")[0])
    assert inner == (b"other", False)
