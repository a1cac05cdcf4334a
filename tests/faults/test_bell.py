"""Commits told over Redis: at once while it is there, within a second without it, and nothing believed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from engine.clock import SystemClock
from ops.local.process import OwnedProcess
from storage.errors import RedisUnavailableError
from storage.redis_bell import RedisBell
from tests.support.ringing import deaf_to_time, seconds_to_stream, two_roles, wait_heard
from tests.support.servers import HOST, free_port, redis_server
from tests.support.stack import eventually


class Told:
    """What a line passes on, in a thread of its own."""

    def __init__(self, line: RedisBell) -> None:
        self.line = line
        self.texts: list[object] = []
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        try:
            self.line.listen(self.texts.append)
        except RedisUnavailableError as error:
            self.error = error

    def end(self) -> None:
        self.line.close()
        self.thread.join(30)
        assert not self.thread.is_alive()


class Master:
    """A Redis that can be taken away."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.server: OwnedProcess = redis_server(folder, self.port)

    def line(self) -> RedisBell:
        return RedisBell({"host": HOST, "port": self.port}, name="commits", clock=SystemClock())

    def subscribers(self) -> int:
        client = redis.Redis(host=HOST, port=self.port)
        return sum(int(count) for _, count in client.pubsub_numsub("commits"))


@pytest.fixture
def master(tmp_path: Path) -> Iterator[Master]:
    master = Master(tmp_path)
    yield master
    master.server.kill()


def test_each_listener_hears_each_ring_and_a_closed_one_ends(master: Master) -> None:
    one, other = Told(master.line()), Told(master.line())
    eventually(lambda: master.subscribers() == 2)
    for number in range(50):
        master.line().ring(b"%d" % number)
    eventually(lambda: len(one.texts) == len(other.texts) == 51)
    assert one.texts == [None, *(b"%d" % number for number in range(50))]
    one.end()
    other.end()
    assert (one.error, other.error) == (None, None)


def test_a_line_breaks_with_its_server_and_says_so(master: Master) -> None:
    told = Told(master.line())
    eventually(lambda: master.subscribers() == 1)
    master.server.kill()
    told.thread.join(30)
    assert isinstance(told.error, RedisUnavailableError)
    with pytest.raises(RedisUnavailableError):
        master.line().ring(b"1")


def test_a_commit_of_another_process_is_streamed_at_once_and_after_an_outage_again(
    database_url: str, master: Master, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf_to_time(monkeypatch)
    settings = {"REDIS_ENABLED": "1", "REDIS_MASTER_HOST": HOST, "REDIS_MASTER_PORT": str(master.port)}
    with two_roles(database_url, **settings) as (writing, answering):
        assert min(seconds_to_stream(writing, answering, times=10)) < 0.5
        # what anybody may say there: no number, and commits that do not exist
        client = redis.Redis(host=HOST, port=master.port)
        (channel,) = client.pubsub_channels("tpcapital:commits:*")
        for lie in (b"", b"x", b"-1", b"9" * 19, b"9" * 100, b"\xff" * 5000):
            client.publish(channel, lie)
        assert len(seconds_to_stream(writing, answering, times=1)) == 1
        assert answering.commit_number() == writing.commit_number()
        assert answering.engine.metric("tpcapital_bell_connected ") == 1
        master.server.kill()
        answering.engine.wait_metric("tpcapital_bell_connected ", 0)
        writing.commit(7)
        master.server = redis_server(master.folder, master.port)
        wait_heard(writing, answering)


def test_without_a_line_a_commit_of_another_process_is_seen_by_the_look_at_the_database(
    database_url: str,
) -> None:
    with two_roles(database_url) as (writing, answering):
        assert len(seconds_to_stream(writing, answering, times=2)) == 2
