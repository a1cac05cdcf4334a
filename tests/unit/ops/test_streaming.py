"""Streams beside each other on one event loop: beginning, waiting, trouble, limits and the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry
from starlette.types import Message

from actors.shown.event_log import EventLog, LoggedEvent, Position
from actors.shown.metrics import Metrics
from ops.http.routes.stream_filter import StreamFilter
from ops.http.routes.streaming import StreamLimits, Streams, TooManyStreamsError
from storage.errors import DatabaseUnavailableError, StorageError
from storage.postgres.current import current_of
from storage.postgres.signals import Changes, Signals
from storage.postgres.status_filter import StatusFilter
from tests.support.changes import first

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ROW: dict[str, Any] = {
    "is_new": True,
    "reward_risk": None,
    **dict.fromkeys(("buy_min", "buy_max", "target_final", "stop", "valid_until", "superseded_at")),
    **dict.fromkeys(("ts", "ingested_at", "created_at", "updated_at"), NOON),
    "channel": "-1",
    "channel_label": None,
    "signal_type": "Swing Trade",
    "side": "buy",
    "asset": "PETR4",
    "targets": [],
    "warnings": [],
    "raw_message": "x",
    "source": "telegram",
    "message_id": "1",
    "position": 0,
    "status": "waiting",
    "status_since": NOON,
    "status_reason": "posted",
    "valid": True,
    "enriched": None,
    "current": current_of(
        {**dict.fromkeys(("stop", "target_final", "buy_min", "buy_max")), "targets": [], "status": "waiting"},
        events=[],
    ),
    "events": [],
}


def event(number: int, **changes: str) -> LoggedEvent:
    values = {"channel": "-1", "asset": "PETR4", "signal_type": "Swing Trade", "side": "buy"} | changes
    return LoggedEvent(place=Position(number, 1), frame=f"id: {number}-1\ndata: 1\n\n".encode(), **values)


class FakeSignals:
    def __init__(self, numbers: range) -> None:
        self.numbers = numbers
        self.down: StorageError | None = None
        self.asked = 0

    def committed(self, *, after: tuple[int, int], upto: int, limit: int) -> Changes:
        self.asked += 1
        if self.down is not None:
            raise self.down
        found = [n for n in self.numbers if (n, 1) > after and n <= upto]
        return first([{**ROW, "number": n, "id": 1} for n in found], limit)


class World:
    def __init__(self, *, limits: StreamLimits | None = None, stored: range = range(0)) -> None:
        self.event_log = EventLog()
        self.signals = FakeSignals(stored)
        self.failure: tuple[str, datetime | None] | None = None
        self.number: int | StorageError = 0
        self.registry = CollectorRegistry()
        self.streams = Streams(
            self.event_log,
            cast("Signals", self.signals),
            failure=lambda: self.failure,
            certain_number=self.certain_number,
            limits=limits or StreamLimits(heartbeat_s=30),
            metrics=Metrics(self.registry),
        )

    def certain_number(self) -> int:
        if isinstance(self.number, StorageError):
            raise self.number
        return self.number

    def commit(self, number: int, **changes: str) -> None:
        self.event_log.append([event(number, **changes)], Position.end_of(number))

    @asynccontextmanager
    async def reader(
        self,
        wanted: StreamFilter | None = None,
        place: Position | None = None,
        *,
        client: str = "10.0.0.1",
        local: bool = True,
    ) -> AsyncIterator[Reader]:
        response = self.streams.open(wanted or StreamFilter(), place, client=client, local=local)
        reader = Reader()
        task = asyncio.create_task(response({}, reader.receive, reader.send))
        try:
            yield reader
        finally:
            reader.leave()
            await task


class Reader:
    """A client: what it was sent, and its leaving."""

    def __init__(self) -> None:
        self.text = ""
        self.ended = False
        self._left = asyncio.Event()
        self._told = asyncio.Event()

    def leave(self) -> None:
        self._left.set()

    async def receive(self) -> Message:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            self.text += message["body"].decode()
            self.ended = self.ended or not message["more_body"]
            self._told.set()

    async def sees(self, words: str) -> None:
        await self.until(lambda: words in self.text)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                self._told.clear()
                await self._told.wait()

    def all_ids(self) -> list[str]:
        """Return every id, of signs of life too."""
        return [line.removeprefix("id: ") for line in self.text.splitlines() if line.startswith("id: ")]

    def ids(self) -> list[str]:
        """Return the ids of events with data."""
        blocks = self.text.split("\n\n")
        return [b.split("\n")[0].removeprefix("id: ") for b in blocks if "data: " in b and b.startswith("id")]


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_a_stream_begins_with_its_place_and_tells_what_comes_after() -> None:
    async def test() -> None:
        world = World()
        world.event_log.restart(Position.end_of(4))
        async with world.reader() as reader:
            await reader.sees("retry: 3000\n\n: still here\nid: 4\n\n")
            world.commit(5)
            await reader.sees("id: 5-1\ndata: 1")

    run(test())


def test_what_is_committed_before_the_first_words_is_not_missed() -> None:
    async def test() -> None:
        world = World()
        world.event_log.restart(Position.end_of(4))
        async with world.reader() as reader:
            world.commit(5)  # the response has not been called yet
            await reader.sees("id: 5-1")

    run(test())


def test_a_stream_that_begins_before_the_database_has_told_its_number_gets_all_that_comes() -> None:
    async def test() -> None:
        world = World()
        async with world.reader() as reader:
            await reader.sees("still here")
            world.event_log.restart(Position.end_of(4))
            world.commit(5)
            await reader.sees("id: 5-1")
            assert reader.ids() == ["5-1"]

    run(test())


def test_a_silent_stream_shows_a_sign_of_life_with_its_place() -> None:
    async def test() -> None:
        world = World(limits=StreamLimits(heartbeat_s=0.02))
        world.event_log.restart(Position.end_of(4))
        async with world.reader(StreamFilter(asset=("VALE3",))) as reader:
            world.commit(5)
            await reader.until(lambda: reader.text.count(": still here") > 2)
            await reader.sees("id: 5\n\n")  # past what it did not want
            assert reader.ids() == []

    run(test())


def test_a_stream_that_is_busy_with_what_a_reader_does_not_want_still_shows_life() -> None:
    async def test() -> None:
        world = World(limits=StreamLimits(heartbeat_s=0.05))
        world.event_log.restart(Position.end_of(4))
        async with world.reader(StreamFilter(asset=("VALE3",))) as reader:
            for number in range(5, 25):
                world.commit(number)
                await asyncio.sleep(0.01)
            assert reader.text.count(": still here") > 2

    run(test())


def test_filters_want_what_the_list_would_show() -> None:
    wanted = StreamFilter(
        channel=("-1", "-3"), asset=("petr4", "ABEV3"), signal_type=("swing trade",), side=("buy",)
    )
    assert wanted.wants(event(1))
    for changes in (
        {"channel": "-2"},
        {"asset": "VALE3"},
        {"signal_type": "Day Trade"},
        {"side": "sell"},
    ):
        assert not wanted.wants(event(1, **changes))
    assert StreamFilter().wants(event(1))


def test_who_wants_some_outcomes_is_told_when_a_signal_no_longer_fits() -> None:
    wanted = StreamFilter(asset=("PETR4",), by_outcome=StatusFilter.of((), ["not_ended"]))
    for kind, outcome, sent in (
        ("signal", None, b"data: 1"),
        ("updated", "running", b"data: 1"),
        ("updated", "stopped", b'event: left\ndata: {"id":1,"channel":"-1"}'),
        ("signal", "stopped", None),
        ("removed", None, b"data: 1"),
    ):
        frame = wanted.frame_of(replace(event(1), kind=kind, outcome=outcome))
        assert frame == (None if sent is None else b"id: 1-1\n" + sent + b"\n\n")
        assert wanted.frame_of(replace(event(1, asset="VALE3"), kind=kind, outcome=outcome)) is None


def test_an_outage_is_told_when_it_begins_and_ends_and_at_the_start() -> None:
    async def test() -> None:
        world = World()
        world.event_log.restart(Position.end_of(4))
        async with world.reader() as reader:
            await reader.sees("still here")
            world.failure = ("connection refused", NOON)
            await reader.sees(
                'event: stale\ndata: {"stale":true,"cause":"connection refused","since":"2026-11-02T12:00:00Z"}'
            )
            async with world.reader() as late:
                await late.sees('"stale":true')
            world.failure = None
            await reader.sees('event: stale\ndata: {"stale":false}')
            assert reader.text.count("event: stale") == 2
            world.commit(5)
            await reader.sees("id: 5-1")

    run(test())


def test_who_comes_from_far_back_waits_out_an_outage_and_loses_nothing() -> None:
    async def test() -> None:
        world = World(stored=range(1, 501))
        world.event_log.restart(Position.end_of(500))
        world.signals.down = DatabaseUnavailableError("refused")
        async with world.reader(place=Position.end_of(0)) as reader:
            await reader.sees("still here")
            world.signals.down = None
            await reader.sees("id: 500-1")
            assert reader.ids() == [f"{n}-1" for n in range(1, 501)]
            world.commit(501)
            await reader.sees("id: 501-1")

    run(test())


def test_who_comes_from_far_back_in_an_outage_is_told_and_shown_life_without_asking_the_database() -> None:
    async def test() -> None:
        world = World(limits=StreamLimits(heartbeat_s=0.05), stored=range(1, 301))
        world.event_log.restart(Position.end_of(300))
        world.failure = ("refused", None)
        world.signals.down = DatabaseUnavailableError("it must not be asked")
        async with world.reader(place=Position.end_of(0)) as reader:
            await reader.sees("event: stale")
            await reader.until(lambda: reader.text.count("still here") >= 3)
            assert world.signals.asked == 0
            world.signals.down = world.failure = None
            await reader.sees("id: 300-1")

    run(test())


def test_fault_86_a_place_that_the_database_has_not_come_to_is_answered_with_a_reset_and_the_end() -> None:
    async def test() -> None:
        world = World()
        world.event_log.restart(Position.end_of(4))
        world.number = 4
        async with world.reader(place=Position(9, 9)) as reader:
            await reader.until(lambda: reader.ended)
            assert reader.all_ids() == ["4"]
            assert "event: reset" in reader.text

    run(test())


def test_fault_86_a_place_that_another_daemon_told_is_waited_for() -> None:
    """Each daemon looks once a second: what the other one has told already lies ahead of its feed."""

    async def test() -> None:
        world = World(limits=StreamLimits(heartbeat_s=0.05))
        world.event_log.restart(Position.end_of(773))
        world.number = 774
        async with world.reader(place=Position(774, 1)) as reader:
            await reader.until(lambda: reader.text.count("still here") > 2)
            assert reader.all_ids() == [], "no place is told that is behind what the client holds"
            world.commit(774)
            world.commit(775)
            await reader.sees("id: 775-1")
            assert "reset" not in reader.text
            assert reader.ids() == ["775-1"]

    run(test())


def test_fault_86_a_database_that_cannot_tell_is_asked_again_and_nothing_is_reset() -> None:
    async def test() -> None:
        world = World(limits=StreamLimits(heartbeat_s=0.05))
        world.event_log.restart(Position.end_of(4))
        world.number = DatabaseUnavailableError("refused")
        async with world.reader(place=Position(5, 1)) as reader:
            await reader.sees("still here")
            world.failure = ("refused", None)
            await reader.sees("event: stale")
            world.number, world.failure = 5, None
            world.commit(5)
            world.commit(6)
            await reader.sees("id: 6-1")
            assert "reset" not in reader.text
            assert reader.ids() == ["6-1"]

    run(test())


def test_fault_86_who_reads_when_the_database_is_set_back_is_told_and_sent_nothing_after_it() -> None:
    async def test() -> None:
        world = World()
        world.event_log.restart(Position.end_of(4))
        async with world.reader() as reader:
            world.commit(5)
            await reader.sees("id: 5-1")
            world.event_log.restart(Position.end_of(3))
            world.commit(4)
            world.commit(5)  # the same number again, and other signals
            await reader.until(lambda: reader.ended)
            assert reader.ids()[:1] == ["5-1"]
            assert reader.ids()[1:] in (["3"], ["4"], ["5"])

    run(test())


def test_the_number_of_streams_is_bounded_in_all_and_for_one_client_from_elsewhere() -> None:
    async def test() -> None:
        world = World(limits=StreamLimits(most=3, most_per_client=1))
        async with world.reader(local=False), world.reader(local=False, client="10.0.0.2"):
            with pytest.raises(TooManyStreamsError):
                world.streams.open(StreamFilter(), None, client="10.0.0.1", local=False)
            async with world.reader(local=True):
                with pytest.raises(TooManyStreamsError):
                    world.streams.open(StreamFilter(), None, client="10.0.0.3", local=False)
        async with world.reader(local=False):
            assert world.registry.get_sample_value("tpcapital_streams") == 1
        assert world.registry.get_sample_value("tpcapital_streams_refused_total") == 2

    run(test())


def test_all_streams_end_when_the_server_stops_and_no_more_are_opened() -> None:
    async def test() -> None:
        world = World()
        world.event_log.restart(Position.end_of(4))
        async with world.reader() as one, world.reader() as two:
            await asyncio.to_thread(world.streams.end)
            await one.until(lambda: one.ended)
            await two.until(lambda: two.ended)
            with pytest.raises(TooManyStreamsError):
                world.streams.open(StreamFilter(), None, client="", local=True)

    run(test())
    world = World()
    world.streams.end()  # none was ever opened


def test_a_server_that_was_started_anew_opens_streams_again() -> None:
    world = World()
    world.event_log.restart(Position.end_of(4))

    async def first() -> None:
        async with world.reader():
            world.streams.end()

    async def second() -> None:
        async with world.reader() as reader:
            world.commit(5)
            await reader.sees("id: 5-1")

    run(first())
    run(second())


def test_the_last_to_leave_is_listened_for_no_longer() -> None:
    async def test() -> None:
        world = World()
        world.event_log.restart(Position.end_of(4))
        async with world.reader():
            assert not world.event_log.pass_over(Position.end_of(5))
        assert world.event_log.pass_over(Position.end_of(5))

    run(test())
