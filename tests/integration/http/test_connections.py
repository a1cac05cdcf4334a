"""The bounds of a connection, on a real socket: what is too large, too slow, or no HTTP at all."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from actors.responder import Responder, server_config
from ops.http.kit.bodies import MAX_BODY_BYTES
from ops.http.server.protocol import bounded_protocol
from ops.http.server.seats import ConnectionLimits
from tests.support.recording import World
from tests.support.stack import eventually

LIMITS = ConnectionLimits(connections=50, head_s=0.3, body_s=0.3, write_s=0.3, reserve_head_s=0.3)
GET = b"GET /%b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer by path: how many bytes are wanted, or what of the body was read."""
    request = Request(scope, receive, send)
    what = scope["path"].strip("/")
    response: Response
    if what == "unread":
        response = PlainTextResponse("not wanted", 413)
    elif what == "read":
        response = PlainTextResponse(str(len(await request.body())))
    elif what == "later":
        await asyncio.sleep(0.1)
        response = PlainTextResponse("later")
    else:
        response = PlainTextResponse("x" * int(what if what.isdigit() else 1))
    await response(scope, receive, send)


class Server:
    """A responder with our connections, and its counters."""

    def __init__(
        self,
        limits: ConnectionLimits,
        *,
        send_buffer_bytes: int | None,
        shortcut: Callable[[bytes], tuple[bytes, bytes] | None] = lambda _: None,
    ) -> None:
        self.world = World()
        self._listener = socket.create_server(("127.0.0.1", 0))
        if send_buffer_bytes:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
        self.port = self._listener.getsockname()[1]
        self.responder = Responder(
            self.world.context("responder"),
            app=application,
            bind=lambda: [self._listener.dup()],
            end_streams=lambda: None,
            make_protocol=lambda: bounded_protocol(
                limits,
                self.world.metrics,
                # without staticmethod the function would become a method of each connection
                shortcut=cast("Any", staticmethod(lambda _scope, _method, target: shortcut(target))),
            ),
        )
        self.responder.on_start()

    def close(self) -> None:
        self.responder.on_stop()
        self._listener.close()

    def dropped(self, part: str) -> float:
        return self.world.count("tpcapital_http_dropped_total", part=part)

    def connect(self, *, receive_buffer_bytes: int | None = None) -> socket.socket:
        client = socket.socket()
        if receive_buffer_bytes:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        client.settimeout(5)
        client.connect(("127.0.0.1", self.port))
        return client


Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with contextlib.ExitStack() as stack:

        def start(
            *,
            send_buffer_bytes: int | None = None,
            shortcut: Callable[[bytes], tuple[bytes, bytes] | None] = lambda _: None,
            **limits: float,
        ) -> Server:
            changed = replace(LIMITS, **limits)  # type: ignore[arg-type]  # fields by name
            server = Server(changed, send_buffer_bytes=send_buffer_bytes, shortcut=shortcut)
            stack.callback(server.close)
            return server

        yield start


def rest(client: socket.socket) -> bytes:
    """Read until the other side closes, or cuts."""
    got = b""
    with contextlib.suppress(ConnectionError):
        while chunk := client.recv(65536):
            got += chunk
    return got


def one_answer(client: socket.socket) -> bytes:
    """Read one answer whole. What is received at once may end anywhere, for example behind the head."""
    got = b""
    while (end := got.find(b"\r\n\r\n")) < 0 or len(got) < end + 4 + _body_length(got[:end]):
        chunk = client.recv(65536)
        if not chunk:
            break
        got += chunk
    return got


def _body_length(head: bytes) -> int:
    said = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return int(said[1]) if said else 0


def refusal(answer: bytes) -> int:
    """Return the status of an answer, which has to be a problem document that ends the connection."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head.lower()
    assert b"x-content-type-options: nosniff" in head
    document = json.loads(body)
    assert str(document["status"]) == head.split()[1].decode()
    return int(document["status"])


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /1 HTTP/1.1\r\nX-Long: " + b"x" * 40_000 + b"\r\n\r\n", 431),
        (b"GET /1 HTTP/1.1\r\nX-Endless: " + b"x" * 70_000, 431),
        (b"GET /1 HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(120)) + b"\r\n", 431),
        (b"GET /" + b"1" * 9_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET /" + b"1" * 9_000, 414),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET /1 HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET /1 HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET /1 HTTP/1.1\r\nBad Name: 1\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\n\r\n", 400),
        (b"GET /1 HTTP/1.1\r\nAccept: */*\r\n\r\n", 400),
        (b"GET /2 HTTP/1.1\r\nHost: 127.0.0.1\r\nhost: 127.0.0.1\r\n\r\n", 400),
        (b"GET /3 HTTP/1.0\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n", 400),
        (b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else str(value),
)
def test_what_is_too_large_or_no_request_is_a_problem_and_the_end(
    serve: Serve, sent: bytes, status: int
) -> None:
    server = serve()
    with server.connect() as client:
        client.sendall(sent)
        assert refusal(rest(client)) == status
    assert server.world.count(
        "tpcapital_http_requests_total", route="none", method="none", status=str(status)
    )


def test_before_http_1_1_no_host_is_needed(serve: Serve) -> None:
    with serve().connect() as client:
        client.sendall(b"GET /3 HTTP/1.0\r\n\r\n")
        assert rest(client).endswith(b"\r\n\r\nxxx")


def test_a_body_is_no_part_of_the_next_requests_head(serve: Serve) -> None:
    server = serve()
    with server.connect() as client:
        body = b"x" * 40_000
        first = b"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
        client.sendall(first + body + b"GET /2 HTTP/1.1\r\nHo")
        client.sendall(b"st: a\r\nConnection: close\r\n\r\n")
        assert rest(client).count(b"HTTP/1.1 200") == 2


def test_a_head_that_trickles_in_is_refused_at_its_deadline(serve: Serve) -> None:
    server = serve()
    began_s = time.monotonic()
    with server.connect() as client:
        client.settimeout(0.02)
        answer = b""
        for byte in GET % b"1" + b"X" * 1000:
            with contextlib.suppress(TimeoutError, ConnectionError):
                client.sendall(bytes([byte]))
                answer = client.recv(65536)
            if answer:
                client.settimeout(5)
                answer += rest(client)
                break
    assert refusal(answer) == 408
    assert 0.25 < time.monotonic() - began_s < 3
    assert server.dropped("head") == 1


@pytest.mark.parametrize("sent", [b"", b"\r\n"])
def test_a_connection_without_a_request_is_closed_without_a_word(serve: Serve, sent: bytes) -> None:
    server = serve()
    with server.connect() as client:
        client.sendall(sent)
        assert rest(client) == b""


def test_between_requests_a_connection_may_be_idle_for_longer(serve: Serve) -> None:
    server = serve()
    with server.connect() as client:
        for _ in range(2):
            client.sendall(GET % b"3")
            assert one_answer(client).endswith(b"xxx")
            time.sleep(2 * LIMITS.head_s)  # the point of the test: this long, and still open
        client.sendall(b"\r\n")
        assert rest(client) == b""


def test_an_answer_at_once_leaves_no_deadline_for_the_pipelined_request_behind_it(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short_idleness(*given: Any) -> uvicorn.Config:
        config = server_config(*given)
        config.timeout_keep_alive = 0.01  # type: ignore[assignment]  # a float does
        return config

    monkeypatch.setattr("actors.responder.server_config", short_idleness)
    at_once = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", b""
    server = serve(shortcut=lambda target: at_once if target == b"/at-once" else None)
    with server.connect() as client:
        client.sendall(GET % b"at-once" + GET % b"later")
        assert rest(client).endswith(b"later")


def test_a_request_in_pieces_is_taken_as_one(serve: Serve) -> None:
    server = serve()
    with server.connect() as client:
        for piece in (b"POST /re", b"ad HTTP/1.1\r\nHost: a\r\nContent-", b"Length: 4\r\n\r\nab", b"cd"):
            client.sendall(piece)
        assert one_answer(client).endswith(b"\r\n\r\n4")


def test_requests_of_a_pipeline_are_answered_in_order(serve: Serve) -> None:
    server = serve()
    with server.connect() as client:
        client.sendall(
            GET % b"later" + GET % b"2" + (GET % b"3").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        )
        answer = rest(client)
    assert [part.split(b"HTTP/1.1")[0] for part in answer.split(b"\r\n\r\n")[1:]] == [b"later", b"xx", b"xxx"]


def test_rubbish_after_a_request_under_way_ends_both(serve: Serve) -> None:
    server = serve()
    with server.connect() as client:
        client.sendall(GET % b"later" + b"\x00\x01\r\n\r\n")
        assert rest(client) == b""


def test_a_wish_for_another_protocol_is_answered_in_this_one(serve: Serve) -> None:
    server = serve()
    with server.connect() as client:
        client.sendall(b"GET /2 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        answer = rest(client)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in answer
    assert answer.endswith(b"\r\n\r\nxx")


def test_a_body_that_trickles_in_ends_at_its_deadline(serve: Serve) -> None:
    server = serve()
    with server.connect() as client:
        client.sendall(b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\na")
        assert rest(client) == b""
    assert server.dropped("body") == 1


def test_a_refused_body_is_thrown_away_so_that_the_answer_is_seen(serve: Serve) -> None:
    server = serve(body_s=5)
    body = b"x" * (4 * MAX_BODY_BYTES)
    with server.connect() as client:
        head = b"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
        client.sendall(head + body)
        assert one_answer(client).startswith(b"HTTP/1.1 413 ")
        client.sendall(GET % b"2")
        assert one_answer(client).endswith(b"xx")


def test_of_an_endless_refused_body_only_so_much_is_read(serve: Serve) -> None:
    server = serve(body_s=5)
    with server.connect() as client:
        client.sendall(b"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n")
        with pytest.raises(ConnectionError):
            client.sendall(b"x" * 100_000_000)
    assert server.dropped("body") == 1


def test_a_client_that_does_not_read_a_large_answer_is_dropped(serve: Serve) -> None:
    server = serve()
    with server.connect(receive_buffer_bytes=4096) as client:
        client.sendall(GET % b"9000000")
        eventually(lambda: server.dropped("write") == 1)
        assert len(rest(client)) < 9_000_000


def test_a_client_that_does_not_read_the_rest_of_a_small_answer_is_dropped(serve: Serve) -> None:
    server = serve(send_buffer_bytes=2048)
    with server.connect(receive_buffer_bytes=2048) as client:
        client.sendall(GET % b"50000")
        eventually(lambda: server.dropped("write") == 1)
        assert len(rest(client)) < 50_000


def test_a_client_that_reads_slowly_but_reads_gets_all_of_it(serve: Serve) -> None:
    server = serve(write_s=5)
    with server.connect(receive_buffer_bytes=4096) as client:
        client.sendall((GET % b"3000000").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert len(rest(client)) > 3_000_000
    assert server.dropped("write") == 0


@pytest.mark.parametrize("begun", [b"", b"GET /1 HTTP/1.1\r\nHost: 127"])
def test_fault_55_idle_sockets_and_slow_heads_keep_no_probe_out(serve: Serve, begun: bytes) -> None:
    server = serve(connections=100, per_shared_address=40, reserve=5, head_s=30, reserve_head_s=30)
    with contextlib.ExitStack() as stack:
        for _ in range(220):
            stack.enter_context(server.connect()).sendall(begun)
        for path in (b"livez", b"readyz", b"healthz"):
            with server.connect() as probe:
                began_s = time.monotonic()
                probe.sendall(GET % path)
                assert rest(probe).startswith(b"HTTP/1.1 200")
                assert time.monotonic() - began_s < 10  # a slow head holds its place for 30 s
        with server.connect() as reader:
            reader.sendall(GET % b"1")
            assert refusal(rest(reader)) == 503
        # another address has room
        with socket.create_connection(("127.0.0.1", server.port), source_address=("127.0.0.2", 0)) as other:
            other.settimeout(5)
            other.sendall(GET % b"1")
            assert one_answer(other).endswith(b"x")


@pytest.mark.parametrize(
    ("target", "host", "wanted"),
    [
        (b"http://a/1", b"a", 200),
        (b"http://A:80/1", b"a:80", 200),
        (b"http://evil.example/1", b"a", 400),
        (b"http://a@evil.example/1", b"a", 400),
        (b"http://evil.example?/1", b"a", 400),
        (b"http://a:81/1", b"a:80", 400),
    ],
)
def test_fault_52_an_absolute_target_names_the_host_of_its_header(
    serve: Serve, target: bytes, host: bytes, wanted: int
) -> None:
    with serve().connect() as client:
        client.sendall(b"GET %b HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n" % (target, host))
        assert rest(client).startswith(b"HTTP/1.1 %d" % wanted)


def test_a_connection_too_many_is_told_so(serve: Serve) -> None:
    server = serve(connections=2, head_s=5)
    with server.connect() as one, server.connect() as two:
        for client in (one, two):
            client.sendall(GET % b"1")
            assert one_answer(client).endswith(b"x")
        with server.connect() as third:
            assert refusal(rest(third)) == 503

    def served() -> bool:
        with server.connect() as fourth:
            fourth.sendall(GET % b"1")
            return one_answer(fourth).endswith(b"\r\n\r\nx")

    eventually(served)


def test_there_is_room_for_files_beside_connections() -> None:
    assert 16 <= ConnectionLimits.of_this_process().connections <= 2000
