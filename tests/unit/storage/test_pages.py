"""Pages in memory: no page past its time, never more than the room there is."""

from datetime import UTC, datetime

import pytest

import storage.pages
from storage.pages import MemoryPages


class StandingClock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic_s(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def pages(clock: StandingClock, monkeypatch: pytest.MonkeyPatch) -> MemoryPages:
    # the sums below are of pages and keys of one letter
    monkeypatch.setattr(storage.pages, "ENTRY_BYTES", 0)
    return MemoryPages(clock, max_bytes=103)


def test_a_page_is_kept_until_its_time_and_not_a_moment_longer(
    pages: MemoryPages, clock: StandingClock
) -> None:
    pages.put("a", b"page", ttl_s=30)
    clock.seconds += 29.999
    assert pages.get("a") == b"page"
    clock.seconds += 0.001
    assert pages.get("a") is None


def test_an_unknown_page_is_none(pages: MemoryPages) -> None:
    assert pages.get("a") is None


def test_the_least_recently_used_pages_make_room(pages: MemoryPages) -> None:
    for key in "abc":
        pages.put(key, b"x" * 30, ttl_s=30)
    assert pages.get("a") is not None
    pages.put("d", b"x" * 30, ttl_s=30)
    assert [key for key in "abcd" if pages.get(key)] == ["a", "c", "d"]


def test_one_large_page_drives_out_as_many_as_it_needs(pages: MemoryPages) -> None:
    for key in "abc":
        pages.put(key, b"x" * 30, ttl_s=30)
    pages.put("d", b"x" * 100, ttl_s=30)
    assert [key for key in "abcd" if pages.get(key)] == ["d"]


def test_a_page_larger_than_all_the_room_is_not_kept_and_costs_no_other(pages: MemoryPages) -> None:
    pages.put("a", b"x", ttl_s=30)
    pages.put("b", b"x" * 103, ttl_s=30)
    assert pages.get("a") == b"x"
    assert pages.get("b") is None


def test_the_room_of_replaced_and_expired_pages_is_free_again(
    pages: MemoryPages, clock: StandingClock
) -> None:
    for _ in range(50):
        pages.put("a", b"x" * 60, ttl_s=30)
    pages.put("b", b"x" * 40, ttl_s=60)
    assert pages.get("a")
    assert pages.get("b")
    clock.seconds += 30
    assert pages.get("a") is None
    pages.put("c", b"x" * 60, ttl_s=30)
    assert pages.get("b")
    assert pages.get("c")


def test_a_replaced_page_lives_from_its_replacement_on(pages: MemoryPages, clock: StandingClock) -> None:
    pages.put("a", b"old", ttl_s=30)
    clock.seconds += 20
    pages.put("a", b"new", ttl_s=30)
    clock.seconds += 20
    assert pages.get("a") == b"new"


def test_pages_of_a_generation_that_is_over_are_forgotten_at_once(pages: MemoryPages) -> None:
    pages.put("page:1:a", b"x" * 40, ttl_s=30)
    pages.put("last:a", b"x" * 40, ttl_s=30)
    pages.forget("page:")
    assert pages.get("page:1:a") is None
    assert pages.get("last:a") is not None
    assert pages.size_bytes == len("last:a") + 40


def test_empty_pages_of_many_questions_are_bounded_too(clock: StandingClock) -> None:
    pages = MemoryPages(clock, max_bytes=100_000)
    for number in range(1000):
        pages.put(f"{number:0500}", b"", ttl_s=30)
    kept = [number for number in range(1000) if pages.get(f"{number:0500}") is not None]
    assert kept == list(range(875, 1000))
