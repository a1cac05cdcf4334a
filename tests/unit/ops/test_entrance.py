"""The entrance: bugs become problems, nobody is answered who has left, every answer has the same headers."""

from __future__ import annotations

import json

import pytest
from prometheus_client import CollectorRegistry
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.testing import capture_logs

from actors.shown.metrics import Metrics
from ops.http.server.clients import Proxies, asker_of
from ops.http.server.middleware import SECURITY_HEADERS, RequestMiddleware
from tests.support.clock import FakeClock


def through(app: ASGIApp, *, path: str = "/signals") -> tuple[list[Message], CollectorRegistry]:
    registry, sent = CollectorRegistry(), list[Message]()
    entrance = RequestMiddleware(app, proxies=Proxies([]), metrics=Metrics(registry), clock=FakeClock())
    scope: Scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "headers": [],
        "query_string": b"",
        "client": ("127.0.0.1", 1),
        "server": ("h", 1),
        "scheme": "http",
        "root_path": "",
    }

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise NotImplementedError

    with pytest.raises(StopIteration):
        entrance(scope, receive, send).send(None)
    return sent, registry


def test_a_bug_is_a_problem_with_an_incident_and_all_headers_fault_21() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise KeyError("s3cret")

    with capture_logs() as lines:
        sent, registry = through(broken)
    assert sent[0]["status"] == 500
    assert dict(sent[0]["headers"]).keys() >= SECURITY_HEADERS.keys()
    detail = json.loads(sent[1]["body"])["detail"]
    assert lines[0]["incident"] in detail
    assert "s3cret" not in detail
    labels = {"route": "other", "method": "GET", "status": "500"}
    assert registry.get_sample_value("tpcapital_http_requests_total", labels) == 1


def test_a_bug_in_the_middle_of_an_answer_ends_the_connection() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise KeyError

    with capture_logs() as lines, pytest.raises(KeyError):
        through(broken)
    assert [line["event"] for line in lines] == ["request.failed"]


def test_who_has_left_in_the_middle_of_a_body_is_neither_answered_nor_logged() -> None:
    async def left(scope: Scope, receive: Receive, send: Send) -> None:
        raise ClientDisconnect

    with capture_logs() as lines:
        sent, _ = through(left)
    assert (sent, lines) == ([], [])


def test_a_header_of_the_answers_own_stands() -> None:
    async def own(scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"Referrer-Policy", b"origin")]}
        )

    sent, _ = through(own)
    policies = [value for name, value in sent[0]["headers"] if name.lower() == b"referrer-policy"]
    assert policies == [b"origin"]


@pytest.mark.parametrize(
    ("asked", "seen"), [("/signals/", "/signals"), ("/signals//", "/signals"), ("/", "/"), ("//", "/")]
)
def test_a_slash_at_the_end_means_nothing_and_the_asker_is_found(asked: str, seen: str) -> None:
    found: list[tuple[str, bool]] = []

    async def look(scope: Scope, receive: Receive, send: Send) -> None:
        found.append((scope["path"], asker_of(scope).local))

    through(look, path=asked)
    assert found == [(seen, True)]
