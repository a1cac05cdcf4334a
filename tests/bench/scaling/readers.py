"""Readers who compare each answer with the right one, while something behind them is broken."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import count, cycle

from ops.local.ports import HOST

__all__ = ["Readers", "read_right"]

_TIMEOUT_S = 60.0


def read_right(port: int, paths: Sequence[str]) -> dict[str, bytes]:
    """Return the right answer to each path, from a process that nothing disturbs."""
    with closing(_client(port)) as client:
        return {path: _ask(client, path)[1] for path in paths}


class Readers:
    """Readers of one address, and what they got.

    ``failed`` are requests without a whole answer, ``wrong`` are answers with another content than ``expected``.
    """

    def __init__(self, port: int, expected: Mapping[str, bytes], *, requests: int) -> None:
        self.right = 0
        self.failed: list[str] = []
        self.wrong: list[str] = []
        self._port = port
        self._expected = expected
        self._requests = requests
        self._numbers = count(1)
        self._lock = threading.Lock()
        self._over = threading.Event()

    @contextmanager
    def reading(self, readers: int) -> Iterator[None]:
        """Have so many of them ask during the body, and on until there were enough requests."""
        threads = [threading.Thread(target=self._read) for _ in range(readers)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _read(self) -> None:
        with closing(_client(self._port)) as client:
            for path in cycle(self._expected):
                with self._lock:
                    if next(self._numbers) > self._requests and self._over.is_set():
                        return
                try:
                    status, body = _ask(client, path)
                except (http.client.HTTPException, OSError) as error:
                    client.close()
                    status, body = 0, f"{type(error).__name__} {error}".encode()
                with self._lock:
                    self._count(path, status, body)

    def _count(self, path: str, status: int, body: bytes) -> None:
        if status == http.client.OK and body == self._expected[path]:
            self.right += 1
            return
        failed = status == 0 or status >= http.client.INTERNAL_SERVER_ERROR
        (self.failed if failed else self.wrong).append(f"{path}: {status} {body[:200]!r}")


def _client(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(HOST, port, timeout=_TIMEOUT_S)


def _ask(client: http.client.HTTPConnection, path: str) -> tuple[int, bytes]:
    client.request("GET", path)
    answer = client.getresponse()
    return answer.status, answer.read()
