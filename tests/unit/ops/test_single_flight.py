"""Readers who ask the same share one build, and its failure; the next reader builds anew."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from ops.http.routes.single_flight import SingleFlight

T = TypeVar("T")


class Slow:
    """A build that ends when told, and counts."""

    def __init__(self, error: Exception | None = None) -> None:
        self.times = 0
        self.go_on = asyncio.Event()
        self._error = error

    async def __call__(self) -> bytes:
        self.times += 1
        await self.go_on.wait()
        if self._error is not None:
            raise self._error
        return b"body"


def run(test: Callable[[], Awaitable[T]]) -> T:
    async def within_limit() -> T:
        return await asyncio.wait_for(test(), 30)

    return asyncio.run(within_limit())


def gives(body: bytes) -> Callable[[], Awaitable[bytes]]:
    async def make() -> bytes:
        return body

    return make


async def fails() -> bytes:
    raise OSError("away")


async def readers(
    builds: SingleFlight[bytes], make: Callable[[], Awaitable[bytes]]
) -> list[asyncio.Task[tuple[bytes, bool]]]:
    """Let eight readers ask the same, until all of them wait."""
    asking = [asyncio.ensure_future(builds.build("page", make)) for _ in range(8)]
    await asyncio.sleep(0)
    return asking


def test_readers_of_a_page_share_one_build() -> None:
    async def test() -> tuple[int, list[tuple[bytes, bool]]]:
        slow = Slow()
        asking = await readers(SingleFlight(), slow)
        slow.go_on.set()
        told = await asyncio.gather(*asking)
        return slow.times, told

    assert run(test) == (1, [(b"body", False), *[(b"body", True)] * 7])


def test_a_failure_is_shared_too() -> None:
    async def test() -> list[tuple[bytes, bool] | BaseException]:
        slow = Slow(error=OSError("away"))
        asking = await readers(SingleFlight(), slow)
        slow.go_on.set()
        return await asyncio.gather(*asking, return_exceptions=True)

    assert [str(error) for error in run(test)] == ["away"] * 8


def test_the_next_reader_builds_anew() -> None:
    async def test() -> None:
        builds = SingleFlight[bytes]()
        with pytest.raises(OSError, match="away"):
            await builds.build("page", fails)
        assert await builds.build("page", gives(b"new")) == (b"new", False)
        assert await builds.build("page", gives(b"newer")) == (b"newer", False)

    run(test)


def test_other_pages_do_not_wait() -> None:
    async def test() -> None:
        builds, slow = SingleFlight[bytes](), Slow()
        asking = await readers(builds, slow)
        assert await builds.build("other", gives(b"other")) == (b"other", False)
        slow.go_on.set()
        await asyncio.gather(*asking)

    run(test)


def test_a_reader_that_leaves_ends_no_build_of_others_and_a_build_that_nobody_waits_for_ends_quietly() -> (
    None
):
    async def test() -> None:
        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        builds, slow, failing = SingleFlight[bytes](), Slow(), Slow(error=OSError("away"))
        first, *others = await readers(builds, slow)
        first.cancel()
        slow.go_on.set()
        assert {body for body, _ in await asyncio.gather(*others)} == {b"body"}
        assert first.cancelled()
        for reader in (left := await readers(builds, failing)):
            reader.cancel()
        failing.go_on.set()
        await asyncio.wait(left)
        await asyncio.sleep(0)
        assert await builds.build("page", gives(b"new")) == (b"new", False)
        assert told == []

    run(test)
