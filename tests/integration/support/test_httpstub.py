"""The stub's answers, as the HTTP client of the project sees them."""

import threading
import time
from collections.abc import Iterator

import pytest
import requests

from tests.support.httpstub import Answer, HttpStub, json_answer


@pytest.fixture
def stub() -> Iterator[HttpStub]:
    with HttpStub(json_answer({"ok": True})) as stub:
        yield stub


@pytest.fixture
def client() -> Iterator[requests.Session]:
    with requests.Session() as client:
        yield client


def test_requests_are_recorded_and_the_standing_answer_given(
    stub: HttpStub, client: requests.Session
) -> None:
    answer = client.post(f"{stub.url}/a?b=1", data=b"text", headers={"X-Key": "k"}, timeout=30)
    assert answer.json() == {"ok": True}
    (request,) = stub.requests
    assert (request.method, request.path, request.body) == ("POST", "/a?b=1", b"text")
    assert request.headers["x-key"] == "k"
    assert stub.count == 1


def test_queued_answers_come_first_one_each(stub: HttpStub, client: requests.Session) -> None:
    stub.queue(Answer(status=503, headers={"Retry-After": "7"}), Answer(status=429, body=b"slow down"))
    first, second, third = (client.get(stub.url, timeout=30) for _ in range(3))
    assert (first.status_code, first.headers["Retry-After"]) == (503, "7")
    assert (second.status_code, second.content) == (429, b"slow down")
    assert third.status_code == 200
    stub.answer(Answer(status=500))
    assert client.get(stub.url, timeout=30).status_code == 500


def test_an_answer_on_hold_comes_when_the_test_lets_it(stub: HttpStub, client: requests.Session) -> None:
    hold = threading.Event()
    stub.queue(Answer(hold=hold), Answer(hold=hold, status=201))
    with pytest.raises(requests.ReadTimeout):
        client.get(stub.url, timeout=0.1)
    assert len(stub.wait_for_requests(1)) == 1
    hold.set()
    assert client.get(stub.url, timeout=30).status_code == 201


def test_a_body_cut_short_breaks_the_read(stub: HttpStub, client: requests.Session) -> None:
    stub.queue(Answer(body=b"0123456789", cut_after=4))
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        client.get(stub.url, timeout=30)
    assert client.get(stub.url, timeout=30).status_code == 200


def test_hanging_up_is_a_reset(stub: HttpStub, client: requests.Session) -> None:
    stub.queue(Answer(hang_up=True))
    with pytest.raises(requests.ConnectionError, match="Connection reset"):
        client.get(stub.url, timeout=30)


def test_a_dripped_body_outlasts_a_read_timeout_that_each_byte_meets(
    stub: HttpStub, client: requests.Session
) -> None:
    stub.queue(Answer(body=b"12345678", drip_s=0.05))
    began = time.monotonic()
    assert client.get(stub.url, timeout=0.3).content == b"12345678"
    assert time.monotonic() - began >= 0.35


def test_close_lets_go_of_held_and_dripping_answers(stub: HttpStub) -> None:
    stub.queue(Answer(hold=threading.Event()), Answer(body=b"x" * 1000, drip_s=10))
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            requests.get(stub.url, timeout=30)
        except requests.RequestException as exc:
            failures.append(exc)

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    stub.wait_for_requests(2)
    began = time.monotonic()
    stub.close()
    stub.close()
    for asker in askers:
        asker.join(5)
    assert len(failures) == 2
    assert time.monotonic() - began < 2


def test_waiting_for_requests_that_do_not_come_says_how_many_there_were(stub: HttpStub) -> None:
    with pytest.raises(TimeoutError, match="0 requests"):
        stub.wait_for_requests(1, timeout_s=0.05)
