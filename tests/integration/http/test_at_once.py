"""Answers that are ready, over real connections: in order, bounded, and new as soon as something is committed."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from actors.cache import Cache
from engine.messages import SignalsCommitted
from tests.support.outcomes import CHANNEL
from tests.support.serving import Served, serving
from tests.support.stack import eventually

PATH = "/signals?limit=1000"


@pytest.fixture(scope="module")
def served(module_database_url: str) -> Iterator[Served]:
    with serving(module_database_url) as served:
        served.commit(*range(1, 201), text="x" * 1000)
        yield served


def head(path: str = PATH, *more: str, version: str = "1.1") -> bytes:
    lines = [f"GET {path} HTTP/{version}", "Host: 127.0.0.1", *more]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


def level(served: Served, path: str = PATH, **headers: str) -> str:
    return requests.get(served.url + path, headers=headers, timeout=30).headers["X-Cache"]


def is_ready(served: Served, path: str = PATH) -> None:
    eventually(lambda: level(served, path, Accept_Encoding="identity") == "memory")


class Reading:
    """A connection of a client that reads answers one by one."""

    def __init__(self, served: Served) -> None:
        self.socket = socket.create_connection(("127.0.0.1", served.port), timeout=60)
        self._file = self.socket.makefile("rb")

    def answer(self) -> tuple[str, dict[str, str], bytes]:
        first = self._file.readline().decode().strip()
        told: dict[str, str] = {}
        while line := self._file.readline().decode().strip():
            name, _, value = line.partition(": ")
            told[name.lower()] = value
        return first, told, self._file.read(int(told.get("content-length", 0)))

    def is_over(self) -> bool:
        return self._file.read(1) == b""

    def close(self) -> None:
        self._file.close()
        self.socket.close()


@pytest.fixture
def reading(served: Served) -> Iterator[Reading]:
    is_ready(served)
    connection = Reading(served)
    yield connection
    connection.close()


def test_pipelined_requests_are_answered_in_their_order_whichever_way_they_take(reading: Reading) -> None:
    paths = [PATH, "/livez", "/signals/999999999", PATH, "/nowhere", PATH, PATH]
    reading.socket.sendall(b"".join(head(path) for path in paths))
    answers = [reading.answer() for _ in paths]
    assert [first.split()[1] for first, _, _ in answers] == ["200", "200", "404", "200", "404", "200", "200"]
    pages = [body for path, (_, _, body) in zip(paths, answers, strict=True) if path == PATH]
    assert len(set(pages)) == 1
    assert len(pages[0]) > 200_000
    assert answers[0][1]["x-cache"] == "memory"
    assert all("date" in told for _, told, _ in answers)


@pytest.mark.parametrize(
    "asked", [head(PATH, "Connection: close"), head(version="1.0"), head(PATH, "Content-Length: 2") + b"{}"]
)
def test_requests_that_need_more_of_the_server_are_served_as_ever(reading: Reading, asked: bytes) -> None:
    reading.socket.sendall(head() + asked)
    (_, ready, body), (first, told, same) = reading.answer(), reading.answer()
    assert ready["x-cache"] == "memory"
    assert (first.split()[1], same) == ("200", body)
    if b"Content-Length" not in asked:
        assert told["connection"] == "close"
        assert reading.is_over()


def test_who_asks_on_and_on_and_reads_nothing_fills_no_memory(served: Served, reading: Reading) -> None:
    before = resident_mb()
    many = 3000
    reading.socket.sendall(head() * many)
    assert reading.answer()[0].endswith("200 OK")
    assert level(served) == "memory", "others are answered meanwhile"
    assert resident_mb() < before + 100, "3000 answers have 900 MB"
    for _ in range(20):
        assert reading.answer()[0].endswith("200 OK")


def resident_mb() -> float:
    found = re.search(r"VmRSS:\s+([0-9]+)", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found
    return int(found[1]) / 1024


def test_a_commit_is_seen_at_once_by_who_was_answered_from_memory(served: Served) -> None:
    path = "/signals?limit=7"
    is_ready(served, path)
    served.commit(900)
    newest = requests.get(served.url + path, timeout=30)
    assert newest.json()["data"][0]["message_id"] == "900"


def test_who_has_changed_a_label_never_reads_the_former_one_however_busy_the_cache_is(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # on a loaded machine the answer to the change may take its time, too
    monkeypatch.setattr("ops.http.routes.channels._SHOWN_WITHIN_S", 30.0)
    take_news = Cache._on_signals_committed

    def busy(cache: Cache, news: SignalsCommitted) -> None:
        threading.Event().wait(0.5)
        take_news(cache, news)

    monkeypatch.setattr(Cache, "_on_signals_committed", busy)
    with serving(database_url, TP_CAPITAL_API_KEY="key-of-the-test-1") as served:
        served.commit(1)
        for label in ("Mesa 1", "Mesa 2", "Mesa 3"):
            is_ready(served)
            change = {"id": CHANNEL, "label": label}
            key = {"X-API-Key": "key-of-the-test-1"}
            assert requests.post(f"{served.url}/channels", json=change, headers=key, timeout=60).ok
            (read,) = requests.get(served.url + PATH, timeout=30).json()["data"]
            assert read["channel_label"] == label
