"""Two processes of different roles: what the one commits, the other one streams when it is told, and only then."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from itertools import count

import pytest

from actors import cache
from tests.support.serving import Served, serving
from tests.support.stack import eventually

__all__ = ["deaf_to_time", "seconds_to_stream", "two_roles", "wait_heard"]


def deaf_to_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no cache look at the database by itself after its start."""
    monkeypatch.setattr(cache, "LOOK_EVERY_S", 3600.0)


@contextlib.contextmanager
def two_roles(database_url: str, **settings: str) -> Iterator[tuple[Served, Served]]:
    """Run a process that ingests and one that serves, until the second one hears of commits."""
    with (
        serving(database_url, TP_CAPITAL_ROLE="ingest", **settings) as writing,
        serving(database_url, TP_CAPITAL_ROLE="serve", **settings) as answering,
    ):
        wait_heard(writing, answering)
        yield writing, answering


def wait_heard(writing: Served, answering: Served) -> None:
    """Commit one signal after the other until the other process has heard of one."""
    before, numbers = answering.commit_number(), count(1 + 10_000 * (writing.commit_number() + 1))

    def heard() -> bool:
        if answering.commit_number() > before:
            return True
        writing.commit(next(numbers))
        return False

    eventually(heard, what="the other process hears of no commit")


def seconds_to_stream(writing: Served, answering: Served, *, times: int) -> list[float]:
    """Commit so many signals one after the other, and return how long each took to the other one's stream."""
    seconds = []
    eventually(lambda: answering.commit_number() == writing.commit_number())
    first = 1 + 10_000 * (writing.commit_number() + 1)
    with answering.stream() as stream:
        for number in range(first, first + times):
            began_s = time.monotonic()
            writing.commit(number)
            event = stream.take(1)[0]
            seconds.append(time.monotonic() - began_s)
            assert event.data["message_id"] == str(number)
    return seconds
