"""Why a request got no answer, as it is told to a person."""

import socket
from contextlib import closing

import pytest
import requests

from storage.http_connection import plain_cause
from tests.support.httpstub import Answer, HttpStub


def cause_of(url: str) -> str:
    with pytest.raises(requests.RequestException) as caught:
        requests.get(url, timeout=0.2, proxies={"no_proxy": "*"})
    return plain_cause(caught.value)


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("http://127.0.0.1:1", "connection refused"),
        ("http://nowhere.invalid", "no such host"),
        ("nowhere", "the address must be a URL such as http://127.0.0.1:4008"),
    ],
)
def test_a_request_that_finds_nobody_says_why(url: str, cause: str) -> None:
    assert cause_of(url) == cause


def test_who_does_not_answer_in_time_is_told_so() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        assert cause_of(f"http://127.0.0.1:{mute.getsockname()[1]}") == "no answer in time"


def test_who_hangs_up_is_told_so() -> None:
    with HttpStub(Answer(hang_up=True)) as stub:
        assert cause_of(stub.url) == "connection cut before an answer"
