"""``/signals/stream``: many readers of one event log. Each has its own place, and none delays another."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from anyio import CapacityLimiter, to_thread
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from actors.shown.event_log import EventLog, LoggedEvent, Position, Reached
from actors.shown.metrics import Metrics
from ops.http.routes import frames
from ops.http.routes.stream_filter import StreamFilter
from storage.errors import StorageError
from storage.postgres.signals import Signals

__all__ = ["StreamLimits", "StreamResponse", "Streams", "TooManyStreamsError"]

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    # tells nginx not to buffer, which would delay events
    (b"x-accel-buffering", b"no"),
]
#: the most events sent to a reader before the other readers get a turn
_MOST_AT_ONCE = 100
_PAGE_SIZE = 200
#: the most readers that query the database at once, for events older than the event log
_CATCHING_UP = 2
_WATCH_EVERY_S = 1.0
_RETRY_READ_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """Limits on open streams, in total and per remote client, and the heartbeat interval in seconds."""

    most: int = 256
    most_per_client: int = 32
    heartbeat_s: float = 15.0


class TooManyStreamsError(Exception):
    """The limit of open streams is reached."""


Failure = tuple[str, datetime | None]


@dataclass(eq=False, slots=True)
class _StreamReader:
    """One open stream. ``told`` is the failure last reported to it. ``turn`` is the event log's at its start.

    ``gone`` means that the client disconnected, ``over`` that the last event of this connection was sent.
    """

    frame_of: Callable[[LoggedEvent], bytes | None]
    place: Position | None
    turn: int
    client: str
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    gone: bool = False
    over: bool = False
    told: Failure | None = None


class _Loop:
    """The readers of one event loop. A restarted responder has a new loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.readers: set[_StreamReader] = set()
        self.catching_up = CapacityLimiter(_CATCHING_UP)
        self.ended = False
        self.watch: asyncio.Task[None] | None = None

    def wake_soon(self) -> None:
        """Wake all readers, from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed, so it has no readers left
            self.loop.call_soon_threadsafe(self.wake)

    def wake(self) -> None:
        for reader in self.readers:
            reader.wake.set()


class Streams:
    """Opens streams up to a limit, and ends them when the server stops.

    ``failure`` returns why new signals are unavailable and since when, or None. ``certain_number`` asks the database
    for its last commit number. Readers live in the event loop, so they need no lock; other threads only wake them.
    """

    def __init__(
        self,
        event_log: EventLog,
        signals: Signals,
        *,
        failure: Callable[[], Failure | None],
        certain_number: Callable[[], int],
        limits: StreamLimits,
        metrics: Metrics,
    ) -> None:
        self._event_log = event_log
        self._signals = signals
        self._failure = failure
        self._certain_number = certain_number
        self._limits = limits
        self._metrics = metrics
        self._at: _Loop | None = None

    def end(self) -> None:
        """End all streams before the server stops. Any thread may call this."""
        at = self._at
        if at is not None:
            at.ended = True
            at.wake_soon()

    def open(
        self, wanted: StreamFilter, place: Position | None, *, client: str, local: bool
    ) -> StreamResponse:
        """Return a stream that starts at ``place``, or now if it is None.

        Raises:
            TooManyStreamsError: a limit is reached, or the server is stopping.
        """
        at = self._here()
        clients = Counter(reader.client for reader in at.readers)
        full = len(at.readers) >= self._limits.most
        if at.ended or full or (not local and clients[client] >= self._limits.most_per_client):
            self._metrics.streams_refused.inc()
            raise TooManyStreamsError
        reader = _StreamReader(
            frame_of=wanted.frame_of, place=place, turn=self._event_log.turn, client=client
        )
        self._enter(at, reader)
        if place is None:
            # fixed now, not at the first write: the client must get every commit after its request
            reader.place = self._event_log.newest
        return StreamResponse(self, at, reader)

    # ── the readers of a loop ────────────────────────────────────────────────

    def _here(self) -> _Loop:
        if self._at is None or self._at.loop is not asyncio.get_running_loop():
            self._at = _Loop()
        return self._at

    def _enter(self, at: _Loop, reader: _StreamReader) -> None:
        at.readers.add(reader)
        self._metrics.streams_open.inc()
        if at.watch is None:
            self._event_log.listen(at.wake_soon)
            at.watch = at.loop.create_task(self._watch(at))

    def leave(self, at: _Loop, reader: _StreamReader) -> None:
        """Remove a reader. The last one also stops the watch."""
        if reader in at.readers:
            at.readers.discard(reader)
            self._metrics.streams_open.dec()
        if not at.readers and at.watch is not None:
            self._event_log.unlisten(at.wake_soon)
            at.watch.cancel()
            at.watch = None

    async def _watch(self, at: _Loop) -> None:
        """Wake all readers when an outage begins or ends."""
        known = None
        while True:
            failure = self._failure()
            if (failure is None) != (known is None):
                known = failure
                at.wake()
            await asyncio.sleep(_WATCH_EVERY_S)

    # ── one reader ───────────────────────────────────────────────────────────

    async def run(self, at: _Loop, reader: _StreamReader, send: Send) -> None:
        """Send to one reader until it disconnects or the server stops."""

        async def say(words: bytes) -> None:
            await send({"type": "http.response.body", "body": words, "more_body": True})

        await say(frames.opening() + frames.heartbeat(self._sure(reader)))
        said_s = at.loop.time()
        while not (reader.gone or reader.over or at.ended):
            reader.wake.clear()  # before the event log is read: an event that arrives later wakes the reader again
            words, more = await self._next(at, reader)
            if not words and at.loop.time() - said_s >= self._limits.heartbeat_s:
                words = frames.heartbeat(self._sure(reader))
            if words:
                await say(words)
                said_s = at.loop.time()
                self._metrics.stream_bytes.inc(len(words))
            if reader.over:
                continue
            if more:
                await asyncio.sleep(0)  # let the other readers run
            else:
                await _wait(reader, said_s + self._limits.heartbeat_s - at.loop.time())
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _next(self, at: _Loop, reader: _StreamReader) -> tuple[bytes, bool]:
        """Return the bytes to send now, and whether more may follow at once."""
        words = []
        failure = self._failure()
        if (failure is None) != (reader.told is None):
            reader.told = failure
            words.append(frames.stale(*(failure or (None, None))))
        if reader.place is None:
            # the last commit number was unknown when this stream opened; everything since the log's start is new
            reader.place = self._event_log.began
            return b"".join(words), reader.place is not None
        part = self._event_log.after(reader.place, max_events=_MOST_AT_ONCE)
        if part.turn != reader.turn:
            words.append(self._set_back(reader, part.newest))
            return b"".join(words), False
        more = False
        match part.reached:
            case Reached.WITHIN:
                words += filter(None, map(reader.frame_of, part.events))
                more = part.place != part.newest
                reader.place = part.place
            case Reached.BEHIND | Reached.AHEAD if words or failure is not None:
                # send what is ready before asking the database, and do not ask it during an outage
                more = failure is None
            case Reached.BEHIND:
                assert part.newest is not None  # noqa: S101 - a place can only be behind a known one
                words += await self._catch_up(at, reader, part.newest)
                more = True
            case Reached.AHEAD:
                # usually the id came from another daemon of this database; the event log soon reaches it and wakes us
                if await self._was_taken_back(at, reader.place):
                    words.append(self._set_back(reader, part.newest))
        return b"".join(words), more

    def _sure(self, reader: _StreamReader) -> Position | None:
        """Return the reader's place, or None while it is unknown whether the database still has it."""
        newest = self._event_log.newest
        return (
            None if newest is None or (reader.place is not None and reader.place > newest) else reader.place
        )

    def _set_back(self, reader: _StreamReader, newest: Position | None) -> bytes:
        """End the stream of a reader that has events the database lost. Ids on one connection never decrease."""
        assert newest is not None  # noqa: S101 - a place can only be ahead of a known one
        reader.over = True
        return frames.reset(newest)

    async def _was_taken_back(self, at: _Loop, place: Position) -> bool:
        """Return whether the database is certainly behind ``place``; False if it cannot be asked."""
        try:
            number = await to_thread.run_sync(self._certain_number, limiter=at.catching_up)
        except StorageError:
            await asyncio.sleep(_RETRY_READ_S)
            return False
        return number < place.number

    async def _catch_up(self, at: _Loop, reader: _StreamReader, newest: Position) -> list[bytes]:
        """Read a page of what to send of events that are older than the event log."""
        assert reader.place is not None  # noqa: S101 - asked by _next
        after = reader.place

        def read() -> tuple[list[LoggedEvent], Position] | None:
            if self._failure() is not None:
                return None  # the database failed while this reader waited for its turn
            changes = self._signals.committed(after=after, upto=newest.number, limit=_PAGE_SIZE)
            reached = Position(*changes.reached) if changes.reached else newest
            return [frames.event_of(row) for row in changes.rows], reached

        try:
            page = await to_thread.run_sync(read, limiter=at.catching_up)
        except StorageError:
            # the watch reports the failure; try again later from the same place
            await _wait(reader, _RETRY_READ_S)
            return []
        if page is None:
            return []
        events, reader.place = page
        return list(filter(None, map(reader.frame_of, events)))


class StreamResponse(Response):
    """An answer that lasts until its reader disconnects."""

    def __init__(self, streams: Streams, at: _Loop, reader: _StreamReader) -> None:
        super().__init__(media_type="text/event-stream")
        self._streams = streams
        self._loop = at
        self._reader = reader

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Send to the reader. A second task watches for a disconnect, so a waiting stream ends too."""
        leaving = asyncio.ensure_future(self._until_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await self._streams.run(self._loop, self._reader, send)
        finally:
            leaving.cancel()
            self._streams.leave(self._loop, self._reader)

    async def _until_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._reader.gone = True
        self._reader.wake.set()


async def _wait(reader: _StreamReader, seconds: float) -> None:
    """Wait until the reader is woken, at most ``seconds``."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await reader.wake.wait()
