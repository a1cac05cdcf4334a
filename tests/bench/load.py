"""A load of HTTP requests from a process of its own, whose work takes nothing from who measures.

Each connection asks again as soon as it has its answer, or at a given rate. The process reads its :class:`Plan` from
standard input and writes a :class:`Load` to standard output, both as JSON.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import cast

import httptools
import psutil
import uvloop

from tests.bench.figures import quantile

__all__ = ["Load", "Plan", "put_load"]

#: instants to come, in milliseconds: a ``to=`` of each is another question with the same answer
_NUMBERS = itertools.count(4_000_000_000_000, 10_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to ask on a port of this machine. ``{n}`` in a path is another number each time."""

    port: int
    paths: tuple[str, ...]
    connections: int = 16
    #: what is counted; ``warm_s`` more are asked before
    seconds: float = 5.0
    warm_s: float = 0.5
    #: ends earlier, after so many answers
    answers: int | None = None
    #: of all connections together; None: as fast as the answers come
    per_second: float | None = None
    first_number: int = field(default_factory=lambda: next(_NUMBERS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What came of it. ``asked`` also counts the answers of the warm-up, ``server_cpu_s`` is of all of them."""

    answers: int
    asked: int
    seconds: float
    p50_ms: float
    p99_ms: float
    server_cpu_s: float = 0.0

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds

    @property
    def cpu_us(self) -> float:
        """The server's processor time for one answer: other programs change it less than the rate."""
        return self.server_cpu_s / self.asked * 1_000_000


def put_load(plan: Plan, *, server_pid: int) -> Load:
    """Ask as planned.

    Raises:
        RuntimeError: an answer was not 200, or a connection ended.
    """
    server = psutil.Process(server_pid)
    before = server.cpu_times()
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"],
        input=json.dumps(asdict(plan)),
        capture_output=True,
        text=True,
        check=False,
    )
    after = server.cpu_times()
    if done.returncode:
        raise RuntimeError(f"the load of {plan.paths[0]} failed: {done.stderr.strip().splitlines()[-1]}")
    cpu_s = after.user + after.system - before.user - before.system
    return Load(**json.loads(done.stdout), server_cpu_s=cpu_s)


async def _load(plan: Plan) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    numbers = itertools.count(plan.first_number)
    requests = (
        f"GET {path.format(n=next(numbers))} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        for path in itertools.cycle(plan.paths)
    )
    left = iter(range(plan.answers)) if plan.answers else itertools.count()
    began_s = loop.time()
    counted_s = began_s + plan.warm_s
    clients = [_Client(plan, number, requests, left, began_s) for number in range(plan.connections)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", plan.port)  # type: ignore[misc]  # a default binds it
    answers = [answer for client in clients for answer in await client.done]
    latencies = [ms for at_s, ms in answers if at_s >= counted_s]
    return {
        "answers": len(latencies),
        "asked": len(answers),
        "seconds": time.monotonic() - counted_s,
        "p50_ms": quantile(latencies, 0.5),
        "p99_ms": quantile(latencies, 0.99),
    }


class _Client(asyncio.Protocol):
    """One connection; httptools calls ``on_message_complete`` at the end of each answer."""

    def __init__(
        self, plan: Plan, number: int, requests: Iterator[bytes], left: Iterator[int], began_s: float
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._requests, self._left = requests, left
        self._until_s = began_s + plan.warm_s + plan.seconds
        self._every_s = plan.connections / plan.per_second if plan.per_second else 0.0
        self._next_s = began_s + self._every_s * number / plan.connections
        self._asked_s = 0.0
        self._answers: list[tuple[float, float]] = []
        self.done: asyncio.Future[list[tuple[float, float]]] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # of a TCP connection
        self._go_on()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        now_s = time.monotonic()
        self._answers.append((now_s, (now_s - self._asked_s) * 1000))
        if (status := self._parser.get_status_code()) != 200:
            self._end(RuntimeError(f"answered with {status}"))
        else:
            self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self._end(exc or RuntimeError("the server closed a connection"))

    def _go_on(self) -> None:
        """Ask, now or when it is time, or end."""
        begin_s = max(time.monotonic(), self._next_s)
        if begin_s >= self._until_s or next(self._left, None) is None:
            self._end(None)
        elif self._every_s:
            self._next_s += self._every_s
            self._loop.call_at(begin_s, self._ask)
        else:
            self._ask()

    def _ask(self) -> None:
        self._asked_s = time.monotonic()
        self._transport.write(next(self._requests))

    def _end(self, error: Exception | None) -> None:
        if error is None:
            self.done.set_result(self._answers)
        else:
            self.done.set_exception(error)
        self._transport.close()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(uvloop.run(_load(Plan(**json.load(sys.stdin))))))
