"""A server on Redis' port that is no Redis: it costs a bounded time and memory, and its errors are typed."""

import contextlib
import re
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from engine.clock import SystemClock
from storage.errors import RedisUnavailableError
from storage.redis import RedisPages
from storage.redis_client import connect_redis
from storage.seal import MAX_SEALED_BYTES, Seal
from tests.support.servers import HOST

_COMMAND = re.compile(rb"\*\d+\r\n\$\d+\r\n([A-Z]+)\r\n")
_DRIP_S = 0.02


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to each command: ``begin``, then ``more`` without end, slowly where it drips."""

    begin: bytes
    more: bytes = b""
    drip: bool = False


class FalseRedis:
    """Greets as Redis does, then says one thing to every command."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._listener = socket.create_server((HOST, 0))
        self._stopped = threading.Event()
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            while asked := client.recv(65536):
                commands = _COMMAND.findall(asked)
                greetings = [name for name in commands if name in (b"HELLO", b"CLIENT")]
                for name in greetings:
                    client.sendall(b"%1\r\n+proto\r\n:3\r\n" if name == b"HELLO" else b"+OK\r\n")
                if commands and not greetings:
                    self._say(client)

    def _say(self, client: socket.socket) -> None:
        answer = self._answer
        client.sendall(answer.begin)
        while answer.more and not self._stopped.wait(_DRIP_S if answer.drip else 0):
            client.sendall(answer.more)


ANSWERS = {
    "nested without end": Answer(b"*1\r\n" * 100_000),
    "a length that is no number": Answer(b"$abc\r\n"),
    "a number that is none": Answer(b":xyz\r\n"),
    "a list": Answer(b"*2\r\n:1\r\n:2\r\n" * 2),
    "a map": Answer(b"%1\r\n:1\r\n:2\r\n" * 2),
    "a value without end": Answer(b"$4000000000\r\n", b"x" * 1_000_000),
    "a line without end": Answer(b"+", b"x" * 1_000_000),
    "a list without end": Answer(b"*2000000000\r\n", b":1\r\n" * 10_000),
    "a value in drops": Answer(b"$8000000\r\n", b"x", drip=True),
    "a line in drops": Answer(b"+", b"x", drip=True),
    "a long error": Answer(b"-ERR " + b"x" * 100_000 + b"\r\n"),
}


@pytest.fixture(params=ANSWERS)
def false(request: pytest.FixtureRequest) -> Iterator[RedisPages]:
    """Return the pages of an engine whose Redis is a false one."""
    server = FalseRedis(ANSWERS[request.param])
    pages = RedisPages(
        master={"host": HOST, "port": server.port}, replica=None, clock=SystemClock(), seal=Seal("k" * 32)
    )
    yield pages
    pages.close()
    server.stop()


def test_whatever_a_false_redis_answers_costs_no_more_than_a_page_and_a_moment(false: RedisPages) -> None:
    began = time.monotonic()
    tracemalloc.start()
    try:
        with contextlib.suppress(RedisUnavailableError):
            assert false.get("k") is None
        with contextlib.suppress(RedisUnavailableError):
            false.put("k", b"page", ttl_s=30)
        (state,) = false.states().values()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert state.error is not None
    assert len(state.error) <= 300
    assert not state.has_its_role
    assert most < 8 * MAX_SEALED_BYTES
    assert time.monotonic() - began < 10.0


def test_a_page_of_the_largest_size_is_read_whole() -> None:
    page = b"x" * MAX_SEALED_BYTES
    server = FalseRedis(Answer(b"$%d\r\n%b\r\n" % (len(page), page)))
    with connect_redis({"host": HOST, "port": server.port}) as client:
        assert client.getrange("k", 0, MAX_SEALED_BYTES) == page
    server.stop()
