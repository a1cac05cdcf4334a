"""A load of HTTP requests from one thread: so many connections, each asking again as soon as it has its answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import httptools
import uvloop

__all__ = ["Load", "put_load"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What came of it: the milliseconds of every answer, in ascending order, within ``seconds``."""

    latencies_ms: list[float]
    seconds: float

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return len(self.latencies_ms) / self.seconds

    def quantile_ms(self, share: float) -> float:
        """Return the time within which this share of the answers came."""
        return self.latencies_ms[min(len(self.latencies_ms) - 1, int(len(self.latencies_ms) * share))]


def put_load(port: int, path: Callable[[], str], *, connections: int, seconds: float) -> Load:
    """Ask a server of this machine for ``path()`` for so many seconds.

    Raises:
        RuntimeError: an answer was not 200, or a connection ended.
    """
    return uvloop.run(_load(port, path, connections, seconds))


async def _load(port: int, path: Callable[[], str], connections: int, seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    began_s = time.perf_counter()
    clients = [_Client(path, until_s=began_s + seconds) for _ in range(connections)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]  # a default binds it
    latencies = [ms for client in clients for ms in await client.done]
    return Load(latencies_ms=sorted(latencies), seconds=time.perf_counter() - began_s)


class _Client(asyncio.Protocol):
    """One connection; httptools calls ``on_message_complete`` at the end of each answer."""

    def __init__(self, path: Callable[[], str], *, until_s: float) -> None:
        self._path = path
        self._until_s = until_s
        self._asked_s = 0.0
        self._latencies_ms: list[float] = []
        self.done: asyncio.Future[list[float]] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # of a TCP connection
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        now_s = time.perf_counter()
        self._latencies_ms.append((now_s - self._asked_s) * 1000)
        if (status := self._parser.get_status_code()) != 200:
            self._end(RuntimeError(f"answered with {status}"))
        elif now_s >= self._until_s:
            self._end(None)
        else:
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self._end(exc or RuntimeError("the server closed a connection"))

    def _ask(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._asked_s = time.perf_counter()
        self._transport.write(f"GET {self._path()} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())

    def _end(self, error: Exception | None) -> None:
        if error is None:
            self.done.set_result(self._latencies_ms)
        else:
            self.done.set_exception(error)
        self._transport.close()
