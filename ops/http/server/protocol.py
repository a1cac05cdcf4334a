"""uvicorn's HTTP/1.1 connection with limits on header size, time and the number of connections.

uvicorn itself limits neither the size of the headers nor the time for headers, for a body or for a client that does
not read its answer.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import ClassVar, cast

import httptools
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from actors.shown.metrics import Metrics
from ops.http.kit.problems import problem
from ops.http.server.clients import IPV6_SITE_BITS, Proxies, group_of, is_loopback
from ops.http.server.guard import Refuse
from ops.http.server.middleware import SECURITY_HEADERS
from ops.http.server.seats import PROBES, ConnectionLimits, Seat, Seats
from ops.http.server.shortcut import LARGEST_HEADERS, Shortcut

__all__ = ["ConnectionLimits", "bounded_protocol"]


_NO_ROOM = "Too many connections are open."


class _RefusedError(Exception):
    """Raised in a callback to stop the parser. The connection holds the answer in ``_refusal``."""


def bounded_protocol(
    limits: ConnectionLimits,
    metrics: Metrics,
    *,
    proxies: Proxies | None = None,
    refuse: Refuse = problem,
    shortcut: Shortcut | None = None,
) -> type[asyncio.Protocol]:
    """Return the connection class of a server. ``refuse`` answers what never becomes a request."""
    own = {
        "limits": limits,
        "seats": Seats(limits),
        "metrics": metrics,
        "proxies": proxies or Proxies([]),
        # without staticmethod the function would become a method of each connection
        "refuse": staticmethod(refuse),
        "shortcut": shortcut,
    }
    return type("BoundedProtocol", (_Bounded,), own)


class _Bounded(HttpToolsProtocol):
    limits: ClassVar[ConnectionLimits]
    seats: ClassVar[Seats]
    metrics: ClassVar[Metrics]
    proxies: ClassVar[Proxies]
    refuse: ClassVar[Refuse]
    shortcut: ClassVar[Shortcut | None]
    seat: Seat

    # ── the connection ───────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Accept a connection.

        A connection beyond the limits is not closed at once: it goes to the reserve, where only probes are answered,
        so that a full server still reports its health.
        """
        super().connection_made(transport)
        self._requests = 0
        self._reading_head = self._reading_body = False
        self._heads_begun = 0
        self._head_bytes = self._header_bytes = self._discarded_bytes = 0
        self._refusal: tuple[int, str] | None = None
        self._read_timer: asyncio.TimerHandle | None = None
        self._read_timer_of: tuple[str, int] | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        address = self.client[0] if self.client else ""
        self.seat = Seat(
            group=group_of(address),
            site=group_of(address, bits=IPV6_SITE_BITS),
            shared=is_loopback(address) or self.proxies.trusts(address),
        )
        self.seats.take(self.seat, make_way=lambda: self.drop("reserve"))
        self._watch_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the seat, and cancel the timers of a closed connection."""
        self.seats.leave(self.seat)
        for timer in (self._read_timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse received bytes. Unlike uvicorn, write no log line for bytes that are not HTTP."""
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        in_the_middle = self._reading_head or self._reading_body
        self._heads_begun = 0
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # answer the request without the upgrade, and ignore what follows in the other protocol
            self.cycle.keep_alive = False
        except httptools.HttpParserError:
            self._refuse(*(self._refusal or (400, "This is not a valid HTTP/1.1 request.")))
            return
        # This chunk may also hold the end of the previous request. Its bytes then cannot be counted for this header.
        if self._reading_head and self._heads_begun + in_the_middle <= 1:
            self._head_bytes += len(data)
            if self._head_bytes > self.limits.head_bytes:
                self._refuse(
                    431, f"The headers of a request may have at most {self.limits.head_bytes} bytes."
                )
                return
        self._watch_reading()

    # ── parser callbacks ─────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._requests += 1
        self._reading_head, self._reading_body = True, False
        self._heads_begun += 1
        self._head_bytes = self._header_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Take a part of the request target, and limit its length."""
        super().on_url(url)
        if len(self.url) > self.limits.url_bytes:
            self._refusal = (414, f"The request target may have at most {self.limits.url_bytes} bytes.")
            raise _RefusedError

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, and limit the size and number of all headers."""
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > self.limits.head_bytes or len(self.headers) > self.limits.headers:
            self._refusal = (
                431,
                f"A request may have at most {self.limits.headers} headers with {self.limits.head_bytes} bytes in all.",
            )
            raise _RefusedError

    def on_headers_complete(self) -> None:
        """Check the host and the connection's seat, then start the answer."""
        # RFC 9112 3.2 requires exactly one Host. With two, a proxy may use one and this server the other.
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):
            self._refusal = (400, f"A request must have one Host header; this one has {hosts}.")
            raise _RefusedError
        if self._names_another_host():
            self._refusal = (400, "The target of this request names another host than its Host header.")
            raise _RefusedError
        if self.seat.in_reserve and not self._is_probe():
            self._refusal = (503, _NO_ROOM)
            raise _RefusedError
        if self._answered_at_once():
            return
        # an answer at once to the request before, in the same bytes, has begun the time without requests
        self._unset_keepalive_if_required()
        super().on_headers_complete()
        self._reading_head, self._reading_body = False, True
        if self.seat.in_reserve:
            self.cycle.keep_alive = False

    def _answered_at_once(self) -> bool:
        """Answer a request whose answer is ready, if it needs nothing else of uvicorn than to be sent."""
        if (
            self.shortcut is None
            or self._is_answering()
            or self.flow.write_paused
            or self.seat.in_reserve
            or self._header_bytes > LARGEST_HEADERS
            or self.parser.get_http_version() != "1.1"
            or not self.parser.should_keep_alive()
        ):
            return False
        scope = cast("Scope", self.scope)  # uvicorn has a type of its own for the same dictionary
        ready = self.shortcut(scope, self.parser.get_method(), self.url)
        if ready is None:
            return False
        head, body = ready
        common = (b"%b: %b\r\n" % pair for pair in self.server_state.default_headers)
        self.transport.writelines([head, *common, b"\r\n", body])
        self._reading_head = False
        self.on_response_complete()
        return True

    def _names_another_host(self) -> bool:
        """Return whether an absolute target (RFC 9112 3.2.2) has another host than the Host header."""
        if self.url.startswith(b"/") or b"://" not in self.url:
            return False
        target = self.url.partition(b"://")[2].partition(b"/")[0].partition(b"?")[0]
        host = next((value for name, value in self.headers if name == b"host"), b"")
        return target.lower() != host.lower()

    def _is_probe(self) -> bool:
        path: bytes = httptools.parse_url(self.url).path or b""
        return path.decode("ascii", "replace") in PROBES

    def on_body(self, body: bytes) -> None:
        """Take a part of the body. After the answer, discard up to ``discard_bytes``, then drop the connection."""
        super().on_body(body)
        if self.cycle.response_complete:
            self._discarded_bytes += len(body)
            if self._discarded_bytes > self.limits.discard_bytes:
                self.drop("body")

    def on_message_complete(self) -> None:
        """End the request."""
        if self.cycle is not None:  # there is none before the first request that took the long way
            super().on_message_complete()
        self._reading_body = False

    def on_response_complete(self) -> None:
        """Set the deadlines for the next request and for reading this answer."""
        super().on_response_complete()
        self._watch_reading()
        if self._write_timer is None and self.transport.get_write_buffer_size() > 0:
            self._watch_writing(self._requests)

    # ── deadlines ────────────────────────────────────────────────────────────

    def _watch_reading(self) -> None:
        """Set one deadline for the part that is being read. More bytes of the same part do not extend it."""
        if self._reading_body:
            part = "body"
        elif self._is_answering():
            part = ""  # a pipelined request gets its deadline only when its turn comes
        elif self._reading_head or self.timeout_keep_alive_task is None:
            part = "head"
        else:
            part = ""
        wanted = (part, self._requests)
        if wanted == self._read_timer_of:
            return
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None
        self._read_timer_of = wanted
        if part:
            seconds = self.limits.head_s if part == "head" else self.limits.body_s
            if self.seat.in_reserve:
                seconds = min(seconds, self.limits.reserve_head_s)
            self._read_timer = self.loop.call_later(seconds, self._too_slow, part)

    def _too_slow(self, part: str) -> None:
        if part == "head" and self.seat.in_reserve:
            self._refuse(503, _NO_ROOM)
        elif part == "head" and self._reading_head:
            self.metrics.http_dropped.labels("head").inc()
            self._refuse(408, f"The headers did not come within {self.limits.head_s:g} s.")
        else:
            self.drop(part)

    def pause_writing(self) -> None:
        """Set a deadline for the client to read what is buffered."""
        super().pause_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
        self._write_timer = self.loop.call_later(self.limits.write_s, self.drop, "write")

    def resume_writing(self) -> None:
        """Cancel the deadline: the client has read enough."""
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _watch_writing(self, requests: int) -> None:
        self._write_timer = self.loop.call_later(self.limits.write_s, self._not_read, requests)

    def _not_read(self, requests: int) -> None:
        """Drop the connection if the client has not read the answer.

        A short answer never fills the buffer far enough to pause writing, so this timer watches it instead.
        """
        self._write_timer = None
        if self.transport.get_write_buffer_size() == 0:
            return
        if requests == self._requests:
            self.drop("write")
        else:
            self._watch_writing(self._requests)

    # ── refusing ─────────────────────────────────────────────────────────────

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def drop(self, reason: str) -> None:
        """Close the connection without an answer: the client does not read, or would misread a refusal."""
        self.metrics.http_dropped.labels(reason).inc()
        self.transport.abort()

    def _refuse(self, status: int, detail: str) -> None:
        """Answer bytes that never become a request, then close the connection."""
        if self._is_answering():
            self.transport.abort()  # a refusal would appear in the middle of the answer being sent
            return
        self.metrics.http_requests.labels("none", "none", str(status)).inc()
        refusal = self.refuse(status, detail, headers={"Connection": "close"})
        headers = [*self.server_state.default_headers, *SECURITY_HEADERS.items(), *refusal.raw_headers]
        phrase = HTTPStatus(status).phrase
        head = [f"HTTP/1.1 {status} {phrase}\r\n".encode(), *(b"%b: %b\r\n" % pair for pair in headers)]
        self.transport.write(b"".join([*head, b"\r\n", refusal.body]))
        self.transport.close()
