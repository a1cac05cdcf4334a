"""Redis, master and replica, whole and broken: a page or a typed error, and soon."""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.clock import SystemClock
from ops.local.process import OwnedProcess, wait_until
from storage.errors import RedisUnavailableError
from storage.redis import RedisPages
from storage.redis_client import TIMEOUT_S
from storage.seal import Seal
from tests.support.clock import FakeClock
from tests.support.servers import HOST, free_port, redis_server, speaks

_SOON_S = 0.5
KEY = "k" * 32


def at(port: int, host: str = HOST) -> dict[str, object]:
    """Return where a server is."""
    return {"host": host, "port": port}


class Pair:
    """A master and its replica, each of which can be taken away."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.master_port, self.replica_port = free_port(), free_port()
        self.master = self.start_master()
        try:
            self.replica = self.start_replica()
        except BaseException:
            self.master.stop()
            raise

    def start_master(self) -> OwnedProcess:
        return redis_server(self.folder, self.master_port)

    def start_replica(self) -> OwnedProcess:
        return redis_server(self.folder, self.replica_port, replica_of=self.master_port)

    def stop(self) -> None:
        for server in (self.replica, self.master):
            server.kill()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    servers = Pair(tmp_path)
    yield servers
    servers.stop()


@pytest.fixture
def pages(pair: Pair) -> Iterator[RedisPages]:
    client = RedisPages(
        master=at(pair.master_port), replica=at(pair.replica_port), clock=SystemClock(), seal=Seal(KEY)
    )
    assert wait_until(lambda: healthy(client), deadline_s=30)
    yield client
    client.close()


def healthy(client: RedisPages) -> bool:
    return all(state.error is None for state in client.states().values())


def duration_s(call: Callable[[], object]) -> float:
    """Return how long a call takes that may fail in the one way it may."""
    start = time.monotonic()
    with contextlib.suppress(RedisUnavailableError):
        call()
    return time.monotonic() - start


@contextlib.contextmanager
def frozen(server: OwnedProcess) -> Iterator[None]:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


def test_a_page_is_written_to_the_master_and_read_from_the_replica(pair: Pair, pages: RedisPages) -> None:
    pages.put("k", b"\x00\xffpage", ttl_s=30)
    replica_only = RedisPages(master=at(pair.replica_port), replica=None, clock=SystemClock(), seal=Seal(KEY))
    try:
        assert wait_until(lambda: replica_only.get("k") == b"\x00\xffpage", deadline_s=30)
    finally:
        replica_only.close()
    assert pages.get("k") == b"\x00\xffpage"
    assert pages.get("unknown") is None


def test_a_page_the_replica_does_not_have_yet_is_read_from_the_master(pair: Pair) -> None:
    lonely = RedisPages(
        master=at(pair.master_port), replica=at(pair.replica_port), clock=SystemClock(), seal=Seal(KEY)
    )
    try:
        with frozen(pair.replica):
            lonely.put("k", b"page", ttl_s=30)
            assert lonely.get("k") == b"page"
    finally:
        lonely.close()


def test_the_master_is_asked_for_missing_pages_only_while_the_replica_is_not_in_sync(
    pair: Pair, pages: RedisPages
) -> None:
    # written to the master of another pair, which stands for a page that the replica has not received
    with redis_server(pair.folder, other_port := free_port()):
        parted = RedisPages(
            master=at(other_port), replica=at(pair.replica_port), clock=SystemClock(), seal=Seal(KEY)
        )
        parted.put("k", b"page", ttl_s=30)
        assert parted.get("k") == b"page", "nothing is known of the replica yet"
        parted.states()
        assert parted.get("k") is None
        pair.master.kill()
        assert wait_until(lambda: parted.states()["redisReplica"].error is not None, deadline_s=30)
        assert parted.get("k") == b"page"
        parted.close()


def test_a_page_ends_after_its_time(pages: RedisPages) -> None:
    pages.put("k", b"page", ttl_s=0.05)
    assert wait_until(lambda: pages.get("k") is None, deadline_s=30)


def test_our_pages_have_a_prefix_of_their_own(pair: Pair, pages: RedisPages) -> None:
    pages.put("k", b"page", ttl_s=30)
    assert speaks(pair.master_port, b"EXISTS tpcapital:sealed:k\r\n", b":1")


def test_without_the_replica_the_master_answers(pair: Pair, pages: RedisPages) -> None:
    pages.put("k", b"page", ttl_s=30)
    pair.replica.kill()
    assert pages.get("k") == b"page"
    states = pages.states()
    assert states["redisMaster"].error is None
    assert states["redisReplica"].error is not None


def test_without_the_master_the_replica_answers_and_a_write_is_a_typed_error(
    pair: Pair, pages: RedisPages
) -> None:
    pages.put("k", b"page", ttl_s=30)
    assert wait_until(
        lambda: speaks(pair.replica_port, b"EXISTS tpcapital:sealed:k\r\n", b":1"), deadline_s=30
    )
    pair.master.kill()
    assert pages.get("k") == b"page"
    with pytest.raises(RedisUnavailableError, match="master"):
        pages.put("k", b"other", ttl_s=30)
    assert wait_until(
        lambda: "link to its master is down" in (pages.states()["redisReplica"].error or ""), deadline_s=30
    )


def test_without_both_a_read_is_a_typed_error_and_states_say_so(pair: Pair, pages: RedisPages) -> None:
    pair.stop()
    with pytest.raises(RedisUnavailableError):
        pages.get("k")
    assert all(state.error and state.role is None for state in pages.states().values())


def test_a_master_that_comes_back_empty_is_used_at_once(pair: Pair, pages: RedisPages) -> None:
    pages.put("k", b"page", ttl_s=30)
    pair.stop()
    with pytest.raises(RedisUnavailableError):
        pages.get("k")
    pair.master, pair.replica = pair.start_master(), pair.start_replica()
    assert pages.get("k") is None
    pages.put("k", b"new", ttl_s=30)
    assert wait_until(lambda: healthy(pages) and pages.get("k") == b"new", deadline_s=30)


def test_a_master_turned_read_only_is_a_typed_error_and_named(pair: Pair) -> None:
    swapped = RedisPages(master=at(pair.replica_port), replica=None, clock=SystemClock(), seal=Seal(KEY))
    try:
        with pytest.raises(RedisUnavailableError, match=r"(?i)read.?only"):
            swapped.put("k", b"page", ttl_s=30)
        assert swapped.states()["redisMaster"].error == "is a slave, not a master"
    finally:
        swapped.close()


@pytest.mark.parametrize("warm", [True, False], ids=["connected before", "new connection"])
def test_a_frozen_redis_costs_a_reader_under_half_a_second(
    pair: Pair, pages: RedisPages, *, warm: bool
) -> None:
    clock = FakeClock()
    client = RedisPages(
        master=at(pair.master_port), replica=at(pair.replica_port), clock=clock, seal=Seal(KEY)
    )
    try:
        if warm:
            client.get("k")
        with frozen(pair.master), frozen(pair.replica):
            # a machine that stops this process for a moment makes one try long, a broken promise all of them
            tries_s = []
            for _ in range(3):
                tries_s.append(duration_s(lambda: client.get("k")))
                assert duration_s(lambda: client.put("k", b"page", ttl_s=30)) < _SOON_S
                many_s = sum(duration_s(lambda: client.get("k")) for _ in range(1000))
                assert many_s < _SOON_S, "only the first of a second waits"
                clock.advance(1.0)
            assert min(tries_s) < _SOON_S
            assert min(tries_s) > TIMEOUT_S, "the next second one tries again"
            assert min(duration_s(client.states) for _ in range(3)) < _SOON_S
        clock.advance(1.0)
        client.put("k", b"page", ttl_s=30)
        assert client.get("k") == b"page"
    finally:
        client.close()


def test_a_server_that_is_no_redis_is_a_typed_error() -> None:
    with socket.create_server((HOST, 0)) as listener:
        client = RedisPages(
            master=at(listener.getsockname()[1]), replica=None, clock=SystemClock(), seal=Seal(KEY)
        )
        try:
            with pytest.raises(RedisUnavailableError):
                client.get("k")
        finally:
            client.close()


def test_a_host_that_does_not_exist_is_a_typed_error() -> None:
    client = RedisPages(
        master=at(6379, host="redis.invalid"), replica=None, clock=SystemClock(), seal=Seal(KEY)
    )
    try:
        with pytest.raises(RedisUnavailableError):
            client.get("k")
    finally:
        client.close()


def test_two_databases_that_share_a_redis_do_not_share_pages(pair: Pair) -> None:
    place = at(pair.master_port)
    ours, theirs = (
        RedisPages(master=place, replica=None, clock=SystemClock(), seal=Seal(KEY), namespace=name)
        for name in ("a", "b")
    )
    ours.put("page:7:limit=1", b"ours", ttl_s=60)
    assert theirs.get("page:7:limit=1") is None
    assert ours.get("page:7:limit=1") == b"ours"
    ours.close()
    theirs.close()
