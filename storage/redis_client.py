"""The connection to a Redis server that may be a wrong or hostile one: its answers are bounded, and its errors typed."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from storage.seal import MAX_SEALED_BYTES

__all__ = ["TIMEOUT_S", "connect_redis"]

#: the longest time that a reader waits for a hung Redis
TIMEOUT_S = 0.1
#: the whole answer may take this many times as long as its first byte
_WHOLE_ANSWER = 10
#: the page, and what Redis puts around it
_MOST_BYTES = MAX_SEALED_BYTES + 64 * 1024
#: the longest error text of a server that is kept
_LONGEST_ERROR = 200
#: what the client raises for bytes that no Redis would send
_NOT_REDIS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def connect_redis(address: Mapping[str, Any], *, timeout_s: float = TIMEOUT_S) -> redis.Redis:
    """Return a client. ``address`` holds arguments of :class:`redis.Redis`. It connects at the first command.

    Whatever the server answers, a command returns or raises :class:`redis.RedisError`.
    """
    client = _Client(
        **address, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0)
    )
    client.connection_pool.connection_class = _Tls if address.get("ssl") else _Plain
    return client


class _Client(redis.Redis):
    def parse_response(self, *args: Any, **options: Any) -> Any:
        with _typed_errors():
            return super().parse_response(*args, **options)  # type: ignore[no-untyped-call]


class _BoundedRedisConnection(redis.Connection):
    def _connect(self) -> Any:
        limit_s = _WHOLE_ANSWER * (self.socket_timeout or TIMEOUT_S)
        return _BoundedSocket(super()._connect(), limit_s=limit_s)  # type: ignore[no-untyped-call]

    def read_response(self, *args: Any, **options: Any) -> Any:
        with _typed_errors():
            return super().read_response(*args, **options)


class _Plain(_BoundedRedisConnection):
    pass


class _Tls(_BoundedRedisConnection, redis.SSLConnection):
    """Trusts only the authorities in the given file. The parent class trusts the system's authorities too."""

    def _wrap_socket_with_ssl(self, sock: socket.socket) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=self.ca_certs)
        return context.wrap_socket(sock, server_hostname=self.host)


class _BoundedSocket:
    """A socket that limits the bytes and the time of each answer. A socket's own timeout starts again with each byte."""

    def __init__(self, sock: socket.socket, *, limit_s: float) -> None:
        self._sock = sock
        self._limit_s = limit_s
        self._begin()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendall(self, data: bytes) -> None:
        self._begin()
        self._sock.sendall(data)

    def recv(self, size: int) -> bytes:
        data = self._sock.recv(size)
        self._left -= len(data)
        if self._left < 0:
            raise redis.ConnectionError(f"its answer is larger than {_MOST_BYTES} bytes")
        if data and time.monotonic() > self._ends_s:
            raise redis.TimeoutError(f"no complete answer within {self._limit_s:g} s")
        return data

    def _begin(self) -> None:
        self._left, self._ends_s = _MOST_BYTES, time.monotonic() + self._limit_s


@contextlib.contextmanager
def _typed_errors() -> Iterator[None]:
    try:
        yield
    except redis.ResponseError as error:
        error.args = (str(error)[:_LONGEST_ERROR],)
        raise
    except redis.RedisError:
        raise
    except _NOT_REDIS as error:
        raise redis.InvalidResponse("this is no answer of a Redis server") from error
