"""Kept HTTP connections: a request on a dead one is repeated, another thread can shut them, answers are bounded."""

from __future__ import annotations

import re
import socket
import ssl
import weakref
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse

from storage.deadline import shut_down_socket

__all__ = ["KeptConnections", "plain_cause", "read_at_most", "read_retry_after"]

_CHUNK_BYTES = 256 * 1024
_LONGEST_CAUSE = 160
#: the errors of a connection that the server closed while our request was on its way
_ENDED = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


class _DeadConnectionError(ConnectionResetError):
    """A kept connection, which had served a request before, ended before the first byte of this answer."""


class KeptConnections(HTTPAdapter):
    """An adapter for one caller at a time.

    Servers and proxies close idle connections. If a request was sent while the server closed the connection, the
    request was not served, and it is sent again on a new connection (RFC 9112, section 9.3.1). ``repeatable`` are
    the methods that do no harm even if the request was served. Any other method gets a new connection at once.
    """

    def __init__(self, *, repeatable: frozenset[str] = frozenset({"GET", "HEAD"})) -> None:
        self._repeatable = repeatable
        self._open: weakref.WeakSet[HTTPConnection] = weakref.WeakSet()
        self._shut = False
        super().__init__(pool_connections=2, pool_maxsize=2)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request. Send it again if its kept connection was dead."""
        if request.method in self._repeatable:
            try:
                return super().send(request, *args, **kwargs)
            except requests.ConnectionError as error:
                if self._shut or not _found_dead(error):
                    raise
        self.poolmanager.clear()  # every kept connection may be dead too
        return super().send(request, *args, **kwargs)

    def begin_call(self) -> None:
        """Allow new connections again after :meth:`shut_down`."""
        self._shut = False

    def shut_down(self) -> None:
        """Shut down every open connection, from another thread. None is opened until :meth:`begin_call`."""
        self._shut = True
        for connection in list(self._open):
            if (sock := getattr(connection, "sock", None)) is not None:
                shut_down_socket(sock)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create the pools. Their connections record whether they have served a request."""
        super().init_poolmanager(*args, **kwargs)
        adapter = self

        class Kept(HTTPConnection):
            served = False

            def connect(self) -> None:
                self.served = False
                super().connect()
                adapter._connected(self)

            def request(self, *args: Any, **kwargs: Any) -> None:
                try:
                    super().request(*args, **kwargs)
                except BrokenPipeError:
                    raise  # urllib3 then reads an answer that the server sent before it had the whole request
                except _ENDED as error:
                    self._ended(error)
                    raise

            def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 has it
                try:
                    response = super().getresponse()
                except _ENDED as error:
                    self._ended(error)
                    raise
                self.served = True
                return response

            def _ended(self, error: Exception) -> None:
                if self.served:
                    raise _DeadConnectionError("a kept connection was closed") from error

        class KeptTls(Kept, HTTPSConnection):
            pass

        class PlainPool(urllib3.HTTPConnectionPool):
            ConnectionCls = Kept

        class TlsPool(urllib3.HTTPSConnectionPool):
            ConnectionCls = KeptTls

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}

    def _connected(self, connection: HTTPConnection) -> None:
        self._open.add(connection)
        # shut_down may have run while this connection was being opened.
        if self._shut and connection.sock is not None:
            shut_down_socket(connection.sock)


def read_at_most(response: requests.Response, limit: int) -> bytes | None:
    """Return the decoded body of an answer. Return None as soon as it exceeds ``limit`` bytes."""
    chunks: list[bytes] = []
    size = 0
    for chunk in response.iter_content(_CHUNK_BYTES):
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def read_retry_after(value: str, *, now: datetime) -> float | None:
    """Return the seconds of a header Retry-After (RFC 9110: seconds or a date), or None if it says nothing usable."""
    value = value.strip()
    if re.fullmatch(r"[0-9]+", value):
        return float(value)
    with suppress(ValueError, TypeError, OverflowError):
        return (parsedate_to_datetime(value) - now).total_seconds()
    return None


def _found_dead(error: BaseException) -> bool:
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, _DeadConnectionError):
            return True
        inner = inner.__cause__ or inner.__context__
    return False


def plain_cause(error: Exception) -> str:
    """Return in a few plain words why a request got no answer: the reason inside the layers that requests and urllib3 wrap around it."""
    if isinstance(error, ValueError):
        # The ValueErrors of requests are about the address.
        return "the address must be a URL such as http://127.0.0.1:4008"
    inner: BaseException = error
    while (cause := inner.__cause__ or inner.__context__) is not None:
        inner = cause
    match inner:
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionResetError():
            return "connection cut before an answer"
        case socket.gaierror():
            return "no such host"
        case TimeoutError():
            return "no answer in time"
        case _:
            return f"{type(inner).__name__}: {inner}"[:_LONGEST_CAUSE]
