"""The daemon's HTTP side with no gateway behind it: signals are handed to its writer as the parser would."""

from __future__ import annotations

import contextlib
import http.client
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Self

from actors.shown.snapshots import CacheSnapshot
from engine.directory import Entry, Heartbeat
from engine.messages import BatchCommitted, BatchParsed
from engine.model import Outcome
from tests.support.httpstub import HttpStub, json_answer
from tests.support.outcomes import CHANNEL, a_message, signal_outcome
from tests.support.recording import Recorder
from tests.support.stack import InnerEngine, engine_environment, eventually, running_daemon

__all__ = ["Event", "EventStream", "Served", "serving"]

_EMPTY_PAGE = {
    "success": True,
    "data": [],
    "count": 0,
    "pagination": {"total": 0, "limit": 500, "offset": 0, "hasMore": False},
}


class Served:
    """A running engine and the way to commit into it."""

    def __init__(self, engine: InnerEngine, gateway: HttpStub) -> None:
        self.engine = engine
        self.gateway = gateway
        self._batches = count(1)
        # the writer drops a batch that has to wait if its source is gone, so there is one
        self._source = Recorder()
        self._numbers: dict[str, int] = {}
        source = Entry(ref=self._source.actor_ref, generation=1, heartbeat=Heartbeat(0.0))
        engine.daemon.services.directory.enter("test", source)

    @property
    def port(self) -> int:
        return self.engine.port

    @property
    def url(self) -> str:
        return self.engine.url

    def tell_writer(self, outcomes: Sequence[Outcome]) -> str:
        """Hand a batch to the writer, and return its id; it is durable a moment later."""
        batch = BatchParsed(
            batch_id=f"test-{next(self._batches)}", source="test", channel=CHANNEL, outcomes=tuple(outcomes)
        )
        assert self.engine.daemon.services.directory.send("writer", batch)
        return batch.batch_id

    def commit(self, *numbers: int, **changes: Any) -> None:
        """Commit one signal for each message number, in one batch, and wait until it is readable."""
        batch_id = self.tell_writer([signal_outcome(a_message(number, **changes)) for number in numbers])
        # A greater number alone may be that of another daemon's commit. A stream that opens later does not tell it.
        eventually(lambda: self.commit_number() >= self._number_of(batch_id), what="not committed")
        eventually(lambda: self.streamed_number() >= self._number_of(batch_id), what="not streamed")

    def _number_of(self, batch_id: str) -> float:
        """Return the number of a batch's commit; while it is not durable, infinity."""
        for told in self._source.taken():
            if isinstance(told, BatchCommitted):
                self._numbers[told.batch_id] = told.commit_number
        return self._numbers.get(batch_id, math.inf)

    def commit_number(self) -> int:
        snapshots = self.engine.daemon.services.snapshots
        cache = snapshots.read("cache", CacheSnapshot)
        return cache.value.commit_number or 0 if cache else 0

    def streamed_number(self) -> int:
        """Return the commit up to which streams are told."""
        newest = self.engine.daemon._stores.event_log.newest
        return newest.number if newest else 0

    def stream(self, path: str = "/signals/stream", **headers: str) -> EventStream:
        return EventStream(
            self.port, path, {name.replace("_", "-"): value for name, value in headers.items()}
        )


@contextlib.contextmanager
def serving(database_url: str, **settings: str) -> Iterator[Served]:
    """Run the daemon on a fresh schema beside a gateway that has nothing, until the database is ready."""
    with HttpStub(json_answer(_EMPTY_PAGE)) as gateway:
        environment = engine_environment(
            database_url, gateway.url, GATEWAY_POLLING_INTERVAL_MS="1000", **settings
        )
        with running_daemon(environment) as engine:
            eventually(lambda: engine.health() and engine.get("/readyz").ok)
            yield Served(engine, gateway)


@dataclass(frozen=True, slots=True)
class Event:
    """One dispatched event."""

    kind: str
    id: str
    data: Any


class EventStream:
    """A client of server-sent events after the standard: blocks of lines, ids kept over events."""

    def __init__(self, port: int, path: str, headers: dict[str, str], *, timeout_s: float = 10.0) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
        self._connection.request("GET", path, headers=headers)
        self.answer = self._connection.getresponse()
        self.last_id = ""
        self.retry_ms: int | None = None
        self.comments = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.answer.close()
        self._connection.close()

    def next(self) -> Event | None:
        """Return the next event; None when the stream has ended. Times out as a socket does."""
        kind, data = "message", list[str]()
        while (line := self.read_line()) is not None:
            match line:
                case "", _:
                    if data:
                        return Event(kind, self.last_id, json.loads("\n".join(data)))
                    kind = "message"
                case "event", value:
                    kind = value
                case "data", value:
                    data.append(value)
        return None

    def read_line(self) -> tuple[str, str] | None:
        """Return the next line's name and value, both empty at the end of a block; None at the end of all."""
        while line := self.answer.readline():
            name, colon, value = line.decode().rstrip("\n").partition(":")
            value = value.removeprefix(" ")
            match name:
                case "" if colon:
                    self.comments += 1
                    continue
                case "id":
                    self.last_id = value
                case "retry":
                    self.retry_ms = int(value)
            return name, value
        return None

    def take(self, number: int, *, kind: str = "signal") -> list[Event]:
        """Return the next so many events of one kind."""
        return self.until(lambda taken: len(taken) == number, kind=kind)

    def until(self, enough: Callable[[list[Event]], bool], *, kind: str = "signal") -> list[Event]:
        """Return events of one kind until there are enough of them."""
        taken: list[Event] = []
        while not enough(taken):
            event = self.next()
            assert event is not None, "the stream has ended"
            if event.kind == kind:
                taken.append(event)
        return taken
