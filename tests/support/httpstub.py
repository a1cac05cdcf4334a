"""An HTTP gateway that answers as a test tells it: a real server whose behaviour is data."""

import contextlib
import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

__all__ = ["Answer", "HttpStub", "Request", "json_answer"]

_JOIN_TIMEOUT_S = 5.0
_WAIT_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What to say to one request.

    `hold` delays the status line until the test sets it. `cut_after` sends only so many bytes of the body
    and then resets the connection, though the length announced is the whole. `drip_s` sends the body a
    byte at a time with this pause, in seconds. `hang_up` resets without a word.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    hold: threading.Event | None = None
    cut_after: int | None = None
    drip_s: float | None = None
    hang_up: bool = False
    sent: threading.Event | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it arrived; header names in lower case, `at` on the monotonic clock, in seconds."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float


def json_answer(value: object, status: int = 200) -> Answer:
    """Answer with a value as JSON."""
    return Answer(
        status=status, headers={"Content-Type": "application/json"}, body=json.dumps(value).encode()
    )


class HttpStub:
    """Serves on a free port of 127.0.0.1: queued answers first, one a request, then the standing one."""

    def __init__(self, answer: Answer | None = None) -> None:
        self._standing = answer or Answer(status=404)
        self._queued: deque[Answer] = deque()
        self._chooser: Callable[[Request], Answer] | None = None
        self._requests: list[Request] = []
        self._changed = threading.Condition()
        # Set by close(): whoever holds or drips an answer gives up.
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.stub = self
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.02},
            name=f"stub-{self.port}",
            daemon=True,
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The address to give to a client, without a final slash."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> tuple[Request, ...]:
        """All requests so far, in the order of arrival."""
        with self._changed:
            return tuple(self._requests)

    @property
    def count(self) -> int:
        """How many requests have arrived."""
        return len(self.requests)

    def answer(self, answer: Answer) -> None:
        """Answer so from now on, once the queue is empty."""
        with self._changed:
            self._standing = answer

    def answer_by(self, chooser: Callable[[Request], Answer]) -> None:
        """Let ``chooser`` answer from now on, once the queue is empty; it is called by several threads."""
        with self._changed:
            self._chooser = chooser

    def queue(self, *answers: Answer) -> None:
        """Answer the next requests so, one each."""
        with self._changed:
            self._queued.extend(answers)

    def wait_for_requests(self, count: int, *, timeout_s: float = _WAIT_TIMEOUT_S) -> tuple[Request, ...]:
        """Wait until so many requests have arrived, and return them all.

        Raises:
            TimeoutError: There were fewer.

        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._requests) >= count, timeout_s):
                raise TimeoutError(f"{len(self._requests)} requests in {timeout_s:g} s, expected {count}")
            return tuple(self._requests)

    def close(self) -> None:
        """Stop serving; answers on hold or dripping are given up. Again is harmless."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._server.shutdown()
        # Connections that clients keep alive hold a thread each until they are closed under it.
        self._server.hang_up_all()
        self._server.server_close()
        self._thread.join(_JOIN_TIMEOUT_S)

    def take(self, request: Request) -> Answer:
        """Record a request and choose its answer. For the server's threads."""
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()
            if self._queued:
                return self._queued.popleft()
            if self._chooser is None:
                return self._standing
            chooser = self._chooser
        # outside the lock: it may take its time, and others' answers do not wait for it
        return chooser(request)

    def pause(self, seconds: float) -> bool:
        """Wait; False when the stub is closing. For the server's threads."""
        return not self._closing.wait(seconds)

    def released(self, hold: threading.Event) -> bool:
        """Wait until the test lets an answer go; False when the stub is closing. For the server's threads."""
        while not hold.wait(0.02):
            if self._closing.is_set():
                return False
        return True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    stub: HttpStub

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, handler)

    def finish_request(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        with self._lock:
            self._open.add(request)
        try:
            super().finish_request(request, client_address)
        finally:
            with self._lock:
                self._open.discard(request)

    def shutdown_request(self, request: object) -> None:
        # The base class says goodbye (FIN) before it closes; a reset must come without.
        assert isinstance(request, socket.socket)
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER):
            request.close()
        else:
            super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that hangs up is what many a test is about."""

    def hang_up_all(self) -> None:
        # Under the lock, so that no thread closes one of them at the same moment.
        with self._lock:
            for each in self._open:
                # The client may have gone first.
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(
            method=self.command,
            path=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
            at=time.monotonic(),
        )
        answer = self.server.stub.take(request)
        if answer.hold and not self.server.stub.released(answer.hold):
            answer = Answer(hang_up=True)
        if answer.hang_up:
            self._reset()
            return
        names = {name.lower() for name in answer.headers}
        # the base class adds the time of its own
        (self.send_response_only if "date" in names else self.send_response)(answer.status)
        # A test that sets a wrong length, or none by chunking, is taken at its word.
        if not names & {"content-length", "transfer-encoding"}:
            self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self._send_body(answer)
        if answer.sent is not None:
            answer.sent.set()

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _handle  # noqa: N815 - the base class looks for these names

    def _send_body(self, answer: Answer) -> None:
        body = b"" if self.command == "HEAD" else answer.body[: answer.cut_after]
        if answer.drip_s is None:
            self.wfile.write(body)
        else:
            for byte in body:
                self.wfile.write(bytes([byte]))
                if not self.server.stub.pause(answer.drip_s):
                    self.close_connection = True
                    return
        if answer.cut_after is not None:
            self._reset()

    def _reset(self) -> None:
        self.close_connection = True
        # Lingering for zero seconds makes close() send RST instead of FIN: socket(7).
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing: the test looks at the recorded requests."""
