"""The gateway's client on a network that fails: a typed error within the deadline, and the next call is good."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from storage.errors import GatewayTimeoutError, GatewayUnreachableError
from storage.gateway.client import GatewayClient
from tests.support.clients import MakeClient, gateway_clients
from tests.support.httpstub import Answer, HttpStub, json_answer
from tests.support.keepalive import ClosingServer
from tests.support.outcomes import CHANNEL, item
from tests.support.proxy import TcpProxy

EMPTY = json_answer({"success": True, "data": [], "count": 0})
#: far above the deadline of 0.3 s, for a busy machine, and far below what the answers of these tests would take
_SOON_S = 8


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


def duration_s(call: Callable[[], object], error: type[Exception]) -> float:
    start = time.monotonic()
    with pytest.raises(error):
        call()
    return time.monotonic() - start


# ── no connection, no answer in time ─────────────────────────────────────────


def test_a_refused_connection_is_named(make_client: MakeClient) -> None:
    with TcpProxy("127.0.0.1", 1) as proxy:
        proxy.refuse()
        with pytest.raises(GatewayUnreachableError, match="connection refused at /api/messages/unprocessed"):
            poll(make_client(f"http://127.0.0.1:{proxy.port}"))


def test_a_host_that_does_not_exist_is_named(make_client: MakeClient) -> None:
    with pytest.raises(GatewayUnreachableError, match="no such host"):
        poll(make_client("http://gateway.invalid"))


def test_an_answer_that_does_not_come_is_cut_at_the_deadline(stub: HttpStub, make_client: MakeClient) -> None:
    hold = threading.Event()
    stub.queue(Answer(hold=hold))
    client = make_client(stub.url, timeout_s=0.3)
    assert duration_s(lambda: poll(client), GatewayTimeoutError) < _SOON_S
    assert poll(client) == (), "the next call has a connection of its own"


def test_a_body_that_drips_byte_by_byte_is_cut_at_the_deadline(
    stub: HttpStub, make_client: MakeClient
) -> None:
    stub.queue(Answer(body=b" " * 1000, drip_s=0.05))
    client = make_client(stub.url, timeout_s=0.3)
    assert duration_s(lambda: poll(client), GatewayTimeoutError) < _SOON_S
    assert poll(client) == ()


def test_headers_that_drip_are_cut_at_the_deadline(stub: HttpStub, make_client: MakeClient) -> None:
    with TcpProxy("127.0.0.1", stub.port) as proxy:
        proxy.drip(20)
        client = make_client(f"http://127.0.0.1:{proxy.port}", timeout_s=0.3)
        assert duration_s(lambda: poll(client), GatewayTimeoutError) < _SOON_S


def test_a_frozen_network_is_cut_at_the_deadline(stub: HttpStub, make_client: MakeClient) -> None:
    with TcpProxy("127.0.0.1", stub.port) as proxy:
        client = make_client(f"http://127.0.0.1:{proxy.port}", timeout_s=0.3)
        poll(client)
        proxy.freeze()
        assert duration_s(lambda: poll(client), GatewayTimeoutError) < _SOON_S
        proxy.thaw()
        assert poll(client) == ()


def test_a_long_poll_is_given_its_time(stub: HttpStub, make_client: MakeClient) -> None:
    client = make_client(stub.url, timeout_s=0.2)
    stub.queue(Answer(body=EMPTY.body, drip_s=0.5 / len(EMPTY.body)))
    assert client.unprocessed(CHANNEL, limit=1, wait_s=5) == ()
    assert "wait=5" in stub.requests[0].path


def test_a_call_can_be_interrupted_from_another_thread(stub: HttpStub, client: GatewayClient) -> None:
    stub.queue(Answer(hold=threading.Event()))
    with ThreadPoolExecutor(1) as thread:
        call = thread.submit(poll, client)
        stub.wait_for_requests(1)
        client.interrupt()
        with pytest.raises(GatewayUnreachableError):
            call.result(timeout=3)
    assert poll(client) == ()


# ── broken connections ───────────────────────────────────────────────────────


def test_a_connection_reset_without_a_word_is_unreachable(stub: HttpStub, client: GatewayClient) -> None:
    stub.queue(Answer(hang_up=True))
    with pytest.raises(GatewayUnreachableError):
        poll(client)
    assert poll(client) == ()


@pytest.mark.parametrize("cut_after", [0, 1, 20])
def test_a_connection_cut_in_mid_body_is_unreachable(
    stub: HttpStub, client: GatewayClient, cut_after: int
) -> None:
    stub.queue(Answer(body=json.dumps({"success": True, "data": [item()]}).encode(), cut_after=cut_after))
    with pytest.raises(GatewayUnreachableError):
        poll(client)
    assert poll(client) == ()


def test_a_kept_connection_that_the_server_closed_is_survived(
    stub: HttpStub, make_client: MakeClient
) -> None:
    with TcpProxy("127.0.0.1", stub.port) as proxy:
        client = make_client(f"http://127.0.0.1:{proxy.port}")
        poll(client)
        proxy.cut()
        assert poll(client) == ()
        assert proxy.accepted == 2


def test_a_gateway_that_restarts_between_calls_is_survived(make_client: MakeClient) -> None:
    with HttpStub(EMPTY) as first, TcpProxy("127.0.0.1", first.port) as proxy:
        client = make_client(f"http://127.0.0.1:{proxy.port}")
        poll(client)
        proxy.cut()
        proxy.refuse()
        with pytest.raises(GatewayUnreachableError):
            poll(client)
        proxy.accept()
        assert poll(client) == ()


def test_a_connection_is_kept_over_good_calls(stub: HttpStub, make_client: MakeClient) -> None:
    with TcpProxy("127.0.0.1", stub.port) as proxy:
        client = make_client(f"http://127.0.0.1:{proxy.port}")
        for _ in range(5):
            poll(client)
        assert proxy.accepted == 1


# ── a kept connection that the server gives up just as we ask ────────────────


@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
def test_fault_33_a_request_on_a_dead_kept_connection_is_asked_once_more(
    make_client: MakeClient, *, reset: bool
) -> None:
    with ClosingServer(EMPTY.body, reset=reset) as server:
        client = make_client(server.url)
        for _ in range(10):
            assert poll(client) == ()
        assert (server.requests, server.connections) == (10, 10)


def test_fault_33_an_acknowledgement_is_asked_once_more_too(make_client: MakeClient) -> None:
    body = json.dumps({"success": True, "data": {"updated": 1}}).encode()
    with ClosingServer(body, reset=True) as server:
        client = make_client(server.url)
        assert [client.mark_processed(CHANNEL, ["1"]).updated for _ in range(3)] == [1, 1, 1]


def test_fault_33_a_fresh_connection_that_dies_is_a_failure(make_client: MakeClient) -> None:
    with ClosingServer(b"", served=0) as server:
        with pytest.raises(GatewayUnreachableError, match="connection cut before an answer"):
            poll(make_client(server.url))
        assert server.connections == 1, "asked once"


def test_fault_33_an_answer_that_has_begun_is_not_asked_again(stub: HttpStub, client: GatewayClient) -> None:
    poll(client)
    stub.queue(Answer(body=b" " * 100, cut_after=50))
    with pytest.raises(GatewayUnreachableError):
        poll(client)
    assert stub.count == 2


def test_fault_33_a_call_that_was_cut_is_not_asked_again(stub: HttpStub, make_client: MakeClient) -> None:
    client = make_client(stub.url, timeout_s=0.3)
    poll(client)
    stub.queue(Answer(hold=threading.Event()))
    assert duration_s(lambda: poll(client), GatewayTimeoutError) < _SOON_S
    assert stub.count == 2


def test_fault_33_a_call_that_was_interrupted_is_not_asked_again(
    stub: HttpStub, client: GatewayClient
) -> None:
    poll(client)
    stub.queue(Answer(hold=threading.Event()))
    with ThreadPoolExecutor(1) as thread:
        call = thread.submit(poll, client)
        stub.wait_for_requests(2)
        client.interrupt()
        with pytest.raises(GatewayUnreachableError):
            call.result(timeout=3)
    assert stub.count == 2
