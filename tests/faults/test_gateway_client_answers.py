"""The gateway's client before answers it cannot use: each is the error it stands for, never "no messages"."""

import gzip
import json
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.model import ChannelMessage, MalformedMessage
from storage.errors import (
    GatewayAnswerError,
    GatewayError,
    GatewayRateLimitedError,
    GatewayStatusError,
    GatewayUnauthorizedError,
)
from storage.gateway.client import GatewayClient
from storage.gateway.messages import decode_raw
from storage.gateway.quota import Quota
from storage.gateway.rows import page_bytes
from tests.support.clients import KEY, MakeClient, gateway_clients
from tests.support.httpstub import Answer, HttpStub, json_answer
from tests.support.outcomes import CHANNEL, item

EMPTY = json_answer({"success": True, "data": [], "count": 0})


@pytest.fixture
def stub() -> Iterator[HttpStub]:
    with HttpStub(EMPTY) as server:
        yield server


@pytest.fixture
def make_client() -> Iterator[MakeClient]:
    with gateway_clients() as make:
        yield make


@pytest.fixture
def client(stub: HttpStub, make_client: MakeClient) -> GatewayClient:
    return make_client(stub.url)


def poll(client: GatewayClient) -> tuple[Any, ...]:
    return client.unprocessed(CHANNEL, limit=100)


# ── answers that cannot be used ──────────────────────────────────────────────


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>502</body></html>",
        b'{"success":true,"data":[{"id":"1",',
        b"\xff\xfe\x00garbage",
        b'{"success":false,"message":"not now"}',
        b'{"data":[]}',
        b'{"success":true}',
        b'{"success":true,"data":{}}',
        b'{"success":true,"data":null}',
        b'{"success":true,"data":"[]"}',
        b"[" * 100_000,
    ],
    ids=[
        "empty",
        "html",
        "truncated",
        "no text",
        "no success",
        "none said",
        "no data",
        "object",
        "null",
        "text",
        "deep",
    ],
)
def test_an_answer_of_the_wrong_shape_is_an_error_and_never_no_messages(
    stub: HttpStub, client: GatewayClient, body: bytes
) -> None:
    stub.queue(Answer(body=body))
    with pytest.raises(GatewayAnswerError):
        poll(client)


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.mark_processed(CHANNEL, ["1"]),
        lambda client: client.history(CHANNEL, offset=0, limit=10),
        lambda client: client.sync(limit=5, timeout_s=2),
    ],
    ids=["mark", "history", "sync"],
)
@pytest.mark.parametrize("data", [None, [], {"updated": "1", "totalMessagesSynced": "1"}])
def test_every_call_wants_its_own_shape(
    stub: HttpStub, client: GatewayClient, call: Callable[[GatewayClient], object], data: object
) -> None:
    stub.queue(json_answer({"success": True, "data": data}))
    with pytest.raises(GatewayAnswerError):
        call(client)


def test_fault_46_an_answer_larger_than_what_was_asked_for_is_refused(
    stub: HttpStub, client: GatewayClient
) -> None:
    most = page_bytes(100)
    stub.queue(
        Answer(body=b" " * (most + 1)), Answer(body=b" " * (most - len(EMPTY.body)) + EMPTY.body), EMPTY
    )
    with pytest.raises(GatewayAnswerError, match=f"larger than {most} bytes"):
        poll(client)
    assert poll(client) == ()
    assert poll(client) == ()


def test_fault_46_gzip_that_unpacks_to_60_mb_is_refused_unread(stub: HttpStub, client: GatewayClient) -> None:
    packed = gzip.compress(b'{"success":true,"data":[' + b" " * 60_000_000 + b"]}")
    assert len(packed) < 100_000
    stub.queue(Answer(headers={"Content-Encoding": "gzip"}, body=packed))
    tracemalloc.start()
    try:
        with pytest.raises(GatewayAnswerError, match="too large for the request"):
            poll(client)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * page_bytes(100)


@pytest.mark.parametrize("row", [b"{}", b'{"id":"1","messageId":"1","text":"x"}' + b" " * 30])
def test_fault_46_more_rows_than_asked_for_are_refused(
    stub: HttpStub, client: GatewayClient, row: bytes
) -> None:
    count = 300_000 if row == b"{}" else 40_000  # read whole, and taken apart
    stub.queue(Answer(body=b'{"success":true,"data":[' + b",".join([row] * count) + b"]}"))
    with pytest.raises(GatewayAnswerError, match="more than the 100 requested messages"):
        poll(client)


def test_fault_46_a_refusal_of_any_size_is_told_by_its_status(stub: HttpStub, client: GatewayClient) -> None:
    stub.queue(Answer(status=503, body=b"x" * 10_000_000))
    with pytest.raises(GatewayStatusError, match="503"):
        poll(client)
    assert poll(client) == ()


def test_fault_45_a_number_of_5000_digits_costs_its_own_message_only(
    stub: HttpStub, client: GatewayClient
) -> None:
    rows = [json.dumps(item(messageId=str(n), id=f"g{n}")) for n in range(1, 4)]
    rows[1] = rows[1][:-1] + ',"views":' + "9" * 5000 + "}"
    stub.queue(Answer(body=('{"success":true,"data":[' + ",".join(rows) + "]}").encode()))
    first, second, third = poll(client)
    assert isinstance(first, ChannelMessage)
    assert isinstance(third, ChannelMessage)
    assert isinstance(second, MalformedMessage)
    assert (second.ack_id, second.gateway_id) == ("2", "g2"), "it can be acknowledged"
    assert second.error == "a number has 5000 digits; at most 1000 are read"
    assert "9" * 5000 in second.raw
    assert decode_raw(second.raw, channel=CHANNEL, now=datetime.now(UTC)) == second, (
        "read again it ends the same"
    )


@pytest.mark.parametrize(
    "spoiled",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'"' + b"x" * 1_500_000 + b'"',
    ],
    ids=["lists", "objects", "a string of 1.5 MB"],
)
def test_fault_45_whatever_is_wrong_with_one_message_its_neighbours_are_read(
    stub: HttpStub, client: GatewayClient, spoiled: bytes
) -> None:
    rows = [json.dumps(item(messageId=str(n), id=f"g{n}")).encode() for n in range(1, 4)]
    rows[1] = rows[1][:-1] + b',"extra":' + spoiled + b"}"
    stub.queue(Answer(body=b'{"success":true,"data":[' + b",".join(rows) + b"]}"))
    first, second, third = poll(client)
    assert isinstance(first, ChannelMessage)
    assert isinstance(third, ChannelMessage)
    assert isinstance(second, MalformedMessage)
    assert second.ack_id == "2"
    assert isinstance(decode_raw(second.raw, channel=CHANNEL, now=datetime.now(UTC)), MalformedMessage)


def test_one_odd_message_does_not_cost_the_others_of_its_page(stub: HttpStub, client: GatewayClient) -> None:
    stub.queue(json_answer({"success": True, "data": [item(), item(messageId=None), 5, item(messageId="2")]}))
    kinds = [type(message) for message in poll(client)]
    assert kinds == [ChannelMessage, MalformedMessage, MalformedMessage, ChannelMessage]


@pytest.mark.parametrize(
    "text", ["x" * 1_000_000, "a\0b", "\ud83d alone", "🟢 ç"], ids=["1 MB", "NUL", "surrogate", "odd"]
)
def test_any_text_arrives_as_it_is(stub: HttpStub, client: GatewayClient, text: str) -> None:
    stub.queue(json_answer({"success": True, "data": [item(text=text)]}))
    (message,) = poll(client)
    assert isinstance(message, ChannelMessage)
    assert message.text == text


# ── statuses ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [401, 403])
def test_a_rejected_key_is_named_and_not_shown_fault_17(
    stub: HttpStub, client: GatewayClient, status: int
) -> None:
    stub.queue(json_answer({"success": False, "message": "bad key"}, status))
    with pytest.raises(GatewayUnauthorizedError, match="TELEGRAM_GATEWAY_API_KEY") as caught:
        poll(client)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("status", [400, 404, 500, 502, 503])
def test_a_bad_status_is_an_error_with_its_number(stub: HttpStub, client: GatewayClient, status: int) -> None:
    stub.queue(Answer(status=status, body=b"<html>"))
    with pytest.raises(GatewayStatusError) as caught:
        poll(client)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"retry-after": "7", "RateLimit-Reset": "9"}, 7),
        ({"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}, 3600),
        ({"Retry-After": "\u00b2"}, 60),
        ({"RateLimit-Reset": "9"}, 9),
        ({"RateLimit": "limit=300, remaining=0, reset=11"}, 11),
        ({}, 60),
    ],
)
def test_too_many_requests_say_when_to_come_back_fault_6(
    stub: HttpStub, client: GatewayClient, headers: dict[str, str], seconds: float
) -> None:
    stub.queue(Answer(status=429, headers=headers, body=b"Too many requests"))
    with pytest.raises(GatewayRateLimitedError) as caught:
        poll(client)
    assert caught.value.retry_after_s == seconds
    assert stub.count == 1, "not asked again on its own"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_the_key_never_sent_elsewhere(
    stub: HttpStub, client: GatewayClient, status: int
) -> None:
    with HttpStub(EMPTY) as elsewhere:
        stub.queue(Answer(status=status, headers={"Location": f"{elsewhere.url}/api/messages/unprocessed"}))
        with pytest.raises(GatewayAnswerError, match="redirects are refused"):
            poll(client)
        assert elsewhere.count == 0


# ── what is asked ────────────────────────────────────────────────────────────


def test_both_key_headers_are_sent_on_every_call_fault_17(stub: HttpStub, client: GatewayClient) -> None:
    poll(client)
    stub.queue(json_answer({"success": True, "data": {"updated": 1}}))
    client.mark_processed(CHANNEL, ["1"])
    for request in stub.requests:
        assert request.headers["x-api-key"] == request.headers["x-gateway-token"] == KEY


def test_without_a_key_no_key_header_is_sent(stub: HttpStub, make_client: MakeClient) -> None:
    poll(make_client(stub.url, api_key=None))
    assert not {"x-api-key", "x-gateway-token", "authorization"} & stub.requests[0].headers.keys()


def test_no_proxy_of_the_environment_sees_the_key(
    stub: HttpStub, client: GatewayClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HttpStub(EMPTY) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        poll(client)
        assert (proxy.count, stub.count) == (0, 1)


def test_a_batch_is_acknowledged_in_one_request_fault_6(stub: HttpStub, client: GatewayClient) -> None:
    stub.queue(json_answer({"success": True, "data": {"requested": 1000, "updated": 1003}}))
    assert client.mark_processed(CHANNEL, [str(n) for n in range(1000)]).updated == 1003
    (request,) = stub.requests
    body = json.loads(request.body)
    assert (body["processedBy"], body["channelId"], len(body["messageIds"])) == ("tp-capital", CHANNEL, 1000)


def test_no_failed_call_is_repeated_on_its_own(stub: HttpStub, client: GatewayClient) -> None:
    stub.answer(Answer(status=503))
    with pytest.raises(GatewayError):
        client.mark_processed(CHANNEL, ["1"])
    assert stub.count == 1


def test_fault_47_clients_of_one_gateway_share_what_it_allows(
    stub: HttpStub, make_client: MakeClient
) -> None:
    quota = Quota()
    first, second = (make_client(stub.url, quota=quota) for _ in range(2))
    headers = {"RateLimit-Limit": "300", "RateLimit-Remaining": "20", "RateLimit-Reset": "10"}
    stub.answer(Answer(headers=headers, body=EMPTY.body))
    assert first.wait_s() == 0
    poll(first)
    assert second.wait_s() == 0
    assert first.wait_s() == pytest.approx(0.5, abs=0.2), "20 calls in 10 seconds"
    poll(second)
    assert second.wait_s() > first.wait_s()
