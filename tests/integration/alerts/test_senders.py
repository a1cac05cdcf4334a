"""One attempt to send, against receivers that are well, slow, gone, annoyed or no web servers at all."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from engine.timers import Timers, TimerThread
from storage.alerts.address import AddressRules
from storage.alerts.outcome import Attempt, Verdict
from storage.alerts.webhook import WebhookSender
from tests.support.alerting import SECRET, cut_when
from tests.support.clock import FakeClock, FakeTimers
from tests.support.httpstub import Answer, HttpStub

RULES = AddressRules(own_port=4008, networks=(ip_network("127.0.0.0/8"),))
STRICT = AddressRules(own_port=4008)


@pytest.fixture
def stub() -> Iterator[HttpStub]:
    with HttpStub(Answer(status=204)) as stub:
        yield stub


@pytest.fixture
def sender() -> Iterator[WebhookSender]:
    timers = TimerThread()
    yield make(timers)
    timers.close()


def make(timers: Timers, rules: AddressRules = RULES, **more: Any) -> WebhookSender:
    return WebhookSender(rules, timers=timers, agent="tp-capital/test", now=lambda: datetime.now(UTC), **more)


def send(sender: WebhookSender, url: str) -> Attempt:
    return sender.send(url, b'{"price":0.2550}', identity="alert_1", signing=(SECRET,))


def test_a_webhook_is_signed_and_its_bytes_are_those_that_were_written(
    stub: HttpStub, sender: WebhookSender
) -> None:
    assert send(sender, f"{stub.url}/hook?of=me") == Attempt(verdict=Verdict.SENT)
    (request,) = stub.requests
    assert (request.method, request.path, request.body) == ("POST", "/hook?of=me", b'{"price":0.2550}')
    assert request.headers["host"] == f"127.0.0.1:{stub.port}"
    assert Webhook(SECRET).verify(request.body, dict(request.headers)) == {"price": 0.255}


@pytest.mark.parametrize(
    ("answer", "attempt"),
    [
        (Answer(status=410), Attempt(verdict=Verdict.GONE, reason="the target answered 410: it is gone")),
        (Answer(status=400), Attempt(verdict=Verdict.REFUSED, reason="the target answered 400")),
        (Answer(status=500), Attempt(verdict=Verdict.FAILED, reason="the target answered 500")),
        (
            Answer(status=429, headers={"Retry-After": "37"}),
            Attempt(verdict=Verdict.FAILED, reason="the target answered 429", wait_s=37.0),
        ),
        (
            Answer(status=503, headers={"Retry-After": "99999999"}),
            Attempt(verdict=Verdict.FAILED, reason="the target answered 503", wait_s=6 * 3600.0),
        ),
        (
            Answer(status=302, headers={"Location": "http://169.254.169.254/"}),
            Attempt(verdict=Verdict.REFUSED, reason="the target answered 302; redirects are not followed"),
        ),
        (Answer(hang_up=True), Attempt(verdict=Verdict.FAILED, reason="connection cut before an answer")),
        (Answer(body=b"x" * 10_000_000), Attempt(verdict=Verdict.SENT)),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Answer) else "",
)
def test_an_answer_is_judged(stub: HttpStub, sender: WebhookSender, answer: Answer, attempt: Attempt) -> None:
    stub.answer(answer)
    assert send(sender, stub.url) == attempt
    assert stub.count == 1


def test_a_slow_target_is_given_up(stub: HttpStub) -> None:
    timers = FakeTimers(FakeClock())
    slow = make(timers)
    stub.answer(Answer(hold=threading.Event()))
    attempt = cut_when(lambda: stub.wait_for_requests(1, timeout_s=60), timers, lambda: send(slow, stub.url))
    assert attempt == Attempt(verdict=Verdict.FAILED, reason="no answer in time")
    # its status says that it took the alert; the rest is not waited for
    sent = threading.Event()
    stub.answer(Answer(headers={"Content-Length": "10000"}, body=b"y", sent=sent))
    assert cut_when(lambda: sent.wait(60), timers, lambda: send(slow, stub.url)) == Attempt(
        verdict=Verdict.SENT
    )


def test_what_is_no_web_server_is_a_failure(sender: WebhookSender) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def babble() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"\x1b[31mgarbage\r\n\r\n")

        thread = threading.Thread(target=babble)
        thread.start()
        attempt = send(sender, f"http://127.0.0.1:{server.getsockname()[1]}/")
        thread.join(20)
    assert attempt.verdict is Verdict.FAILED
    assert attempt.reason is not None
    assert attempt.reason.startswith("BadStatusLine")
    assert attempt.reason.isprintable()
    assert send(sender, f"http://127.0.0.1:{server_port_of_nobody()}/").reason == "connection refused"


def server_port_of_nobody() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_nothing_is_sent_where_nothing_may_be(stub: HttpStub) -> None:
    timers = TimerThread()
    attempt = send(make(timers, STRICT), stub.url)
    assert (attempt.verdict, stub.count) == (Verdict.FAILED, 0)
    assert "leads to 127.0.0.1" in (attempt.reason or "")
    timers.close()
