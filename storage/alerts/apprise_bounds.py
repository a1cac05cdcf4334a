"""What a plugin of Apprise may do while it sends: where it connects, how long it takes, and how much it reads.

Apprise makes its connections itself. An audit hook of the interpreter sees each of them with the address that it goes to,
and refuses those that the rules do not allow. It looks only at threads that are sending an alert. Plugins make their
requests by a session of ours, which follows no redirect and no proxy and reads only the beginning of an answer.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import requests

from engine.timers import Timers
from storage.alerts.address import AddressRules, ForbiddenAddressError
from storage.deadline import cut_after, shut_down_fd
from storage.http_connection import read_retry_after

__all__ = ["CONNECT_S", "READ_S", "Sending", "bound_plugins", "sending"]

#: the limits of connecting and of each read; an address may not raise them
CONNECT_S, READ_S = 4.0, 6.0
#: a plugin may rest so long between two requests; a service that asks for more gets no further request for so long
MOST_REST_S = 2.0
_MOST_BYTES, _CHUNK_BYTES = 256 * 1024, 16 * 1024


class _RefusedConnectionError(OSError):
    """A connection was refused, or the time of the attempt is over."""


class _AskedToWaitError(Exception):
    """The service asks for a pause that is longer than a thread may rest."""


class Sending:
    """One attempt. ``trouble`` is what went wrong first, ``status`` that of the last answer.

    ``wait_s``: the service wants no request for so long.
    """

    def __init__(self, rules: AddressRules) -> None:
        self._rules = rules
        self._lock = threading.Lock()
        self._sockets: list[int] = []
        self.is_cut = False
        self.trouble: str | None = None
        self.status: int | None = None
        self.wait_s: float | None = None

    def check(self, address: Any) -> None:
        """Refuse an address that nothing may be sent to."""
        try:
            if not isinstance(address, tuple):
                raise ForbiddenAddressError("leads to a socket of this machine")  # noqa: TRY301 - as the others
            self._rules.check(str(address[0]), int(address[1]))
        except ForbiddenAddressError as error:
            self.trouble = str(error)
            raise _RefusedConnectionError(str(error)) from error

    def connecting(self, fd: int) -> None:
        """Know a socket, so that the attempt can be cut. Its owner may wrap and close it, so a copy is kept."""
        with self._lock:
            if self.is_cut:
                raise _RefusedConnectionError("no answer in time")
            self._sockets.append(os.dup(fd))

    def cut(self) -> None:
        """End what the attempt is waiting for, from another thread."""
        with self._lock:
            self.is_cut = True
            for fd in self._sockets:
                shut_down_fd(fd)

    def close(self) -> None:
        """Close the copies of its sockets."""
        with self._lock:
            for fd in self._sockets:
                os.close(fd)
            self._sockets.clear()

    def rest(self, throttle: Callable[..., None], last_io: Any = None, wait: float | None = None) -> None:
        """Rest as a plugin wants to, unless it is for long or the attempt is over."""
        if self.is_cut:
            raise _RefusedConnectionError("no answer in time")
        if wait is not None and wait > MOST_REST_S:
            self.wait_s = wait
            raise _AskedToWaitError
        throttle(last_io, wait)


class _Present(threading.local):
    """The attempt of the present thread."""

    sending: Sending | None = None


_present = _Present()


@contextmanager
def sending(rules: AddressRules, timers: Timers, longest_s: float) -> Iterator[Sending]:
    """Watch the present thread while it sends. After ``longest_s`` its connections are cut."""
    _present.sending = attempt = Sending(rules)
    try:
        with cut_after(timers, longest_s, attempt.cut):
            yield attempt
    finally:
        _present.sending = None
        attempt.close()


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        return
    attempt = _present.sending
    # a message without an address goes where its socket is connected to
    if attempt is None or arguments[1] is None:
        return
    attempt.check(arguments[1])
    if event == "socket.connect":
        attempt.connecting(arguments[0].fileno())


class _BoundedSession(requests.Session):
    """Makes the requests of plugins."""

    def __init__(self) -> None:
        super().__init__()
        # proxies of the environment must not decide where an alert is sent, and would resolve its host themselves
        self.trust_env = False

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request, follow no redirect, and read the beginning of the answer."""
        answer = super().send(request, **options | {"stream": True, "allow_redirects": False})
        attempt = _present.sending
        if attempt is not None:
            attempt.status = answer.status_code
            if attempt.status in (429, 503):
                now = datetime.now(UTC)
                attempt.wait_s = read_retry_after(answer.headers.get("Retry-After", ""), now=now)
        # its status says whether the service took the alert, also if the rest does not come
        chunks: list[bytes] = []
        with answer, contextlib.suppress(requests.RequestException):
            for chunk in answer.iter_content(_CHUNK_BYTES):
                chunks.append(chunk)
                if sum(map(len, chunks)) >= _MOST_BYTES:
                    break
        # what an answer holds that was read already
        answer._content, answer._content_consumed = b"".join(chunks), True  # type: ignore[attr-defined]  # noqa: SLF001
        return answer


def _request(method: str, url: str, **options: Any) -> requests.Response:
    with _BoundedSession() as session:
        return session.request(method, url, **options)


class _AppriseLog(logging.Handler):
    """Keeps what Apprise says first of a failure, and lets it into no log: Apprise may quote an answer."""

    def emit(self, record: logging.LogRecord) -> None:
        attempt = _present.sending
        if record.levelno >= logging.WARNING and attempt is not None:
            attempt.trouble = attempt.trouble or record.getMessage()


def bound_plugins() -> None:
    """Bound all plugins, which are loaded. Call it once: the audit hook stays until the process ends."""
    from apprise import manager_attachment  # noqa: PLC0415 - an extra

    # an address may name a template or key; it must be no file of this machine
    attachments: Any = manager_attachment.AttachmentManager
    attachments().remove("file")
    bounded = ModuleType("requests")
    vars(bounded).update(vars(requests), Session=_BoundedSession, request=_request)
    vars(bounded).update(
        {name: functools.partial(_request, name) for name in ("get", "post", "put", "delete")}
    )
    for name, module in list(sys.modules.items()):
        if name.startswith("apprise.") and getattr(module, "requests", None) is requests:
            module.requests = bounded  # type: ignore[attr-defined]
    sys.addaudithook(_audit)
    log = logging.getLogger("apprise")
    log.addHandler(_AppriseLog())
    log.setLevel(logging.WARNING)  # whatever the level of our own log is
    log.propagate = False
