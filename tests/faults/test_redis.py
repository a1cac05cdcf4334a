"""A Redis that is not what it was: written to by others, or led to by connections made for another one."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import requests

from engine.clock import SystemClock
from ops.local.redis import redis_answers
from storage.errors import RedisUnavailableError
from storage.redis import RedisPages
from storage.seal import Seal
from tests.support.proxy import TcpProxy
from tests.support.servers import HOST, free_port, redis_server
from tests.support.serving import Served, serving
from tests.support.stack import eventually

RIGHT_WITHIN_S = 5.0
#: of the health actor's looks at Redis, shortened
LOOK_EVERY_S = 0.2


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    port = free_port()
    server = redis_server(tmp_path, port)
    yield port
    server.kill()


def raw(port: int) -> Any:
    """Return a client that speaks with what stands in Redis."""
    return redis.Redis(host=HOST, port=port)


def figure(served: Served, series: str) -> float:
    """Return one figure of the daemon's metrics; zero before it is there."""
    lines = served.engine.get("/metrics").text.splitlines()
    return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(series)), 0.0)


def refused(served: Served, reason: str) -> float:
    """Return how many values were refused for one reason."""
    return figure(served, f'tpcapital_redis_refused_pages_total{{reason="{reason}"}}')


def hits(served: Served) -> float:
    """Return how many pages came from the cache."""
    return figure(served, 'tpcapital_cache_requests_total{result="hit"}')


# ── 51: what others write there ──────────────────────────────────────────────


def test_fault_51_a_value_written_under_our_keys_is_never_served(database_url: str, port: int) -> None:
    with (
        serving(database_url, REDIS_ENABLED="1", REDIS_MASTER_PORT=str(port)) as served,
        raw(port) as intruder,
    ):
        served.commit(1)
        truth = served.engine.get("/signals?limit=10").json()["data"]
        eventually(lambda: intruder.keys("tpcapital:*page:*"))
        forged = json.dumps({"data": [{**truth[0], "buy_min": 0.01}], "nextCursor": None}).encode()
        other = served.engine.get("/signals?limit=20")
        assert other.ok
        eventually(lambda: len(intruder.keys("tpcapital:*page:*")) == 2)
        first, second = sorted(intruder.keys("tpcapital:*page:*"))
        moved = intruder.get(second)

        def put(value: bytes | list[str]) -> None:
            intruder.delete(first)
            if isinstance(value, list):
                intruder.rpush(first, *value)
            else:
                intruder.set(first, value)

        def is_refused(value: bytes | list[str], reason: str) -> bool:
            before = refused(served, reason)
            put(value)
            # a request with an origin is never answered from the process, so Redis is read each time
            origin = {"Origin": "http://page.example"}
            answer = requests.get(f"{served.url}/signals?limit=10", headers=origin, timeout=10)
            assert answer.status_code == 200
            assert answer.json()["data"] == truth
            return refused(served, reason) > before  # the engine may have put its own in between

        for value, reason in (
            (b"9999999999\n" + forged, "format"),
            (b"", "format"),
            (b"\x00\xff\xfe\x80", "format"),
            (moved, "digest"),
            (b"1" * (9 * 1024 * 1024), "size"),
            (["a list"], "type"),
        ):
            eventually(functools.partial(is_refused, value, reason), what=reason)
        assert served.engine.get("/health").json()["status"] == "healthy"


def test_fault_51_two_daemons_of_one_database_open_each_others_pages(database_url: str, port: int) -> None:
    settings = {"REDIS_ENABLED": "1", "REDIS_MASTER_PORT": str(port)}
    with serving(database_url, **settings) as one, serving(database_url, **settings) as other:
        one.commit(1)
        eventually(lambda: other.commit_number() == one.commit_number())
        assert one.engine.get("/signals?limit=7").ok
        with raw(port) as looking:
            eventually(lambda: looking.keys("tpcapital:*page:*limit=7*"))
        before = hits(other)
        assert other.engine.get("/signals?limit=7").ok
        assert hits(other) == before + 1


# ── 36: connections that lead to the wrong server ────────────────────────────


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Run a master and its replica."""
    ports = free_port(), free_port()
    servers = [redis_server(tmp_path, ports[0]), redis_server(tmp_path, ports[1], replica_of=ports[0])]
    eventually(lambda: redis_answers(ports[1], in_sync=True))
    yield ports
    for server in servers:
        server.kill()


def taken(pages: RedisPages) -> bool:
    """Look as the health actor does, then try to write."""
    pages.states()
    try:
        pages.put("k", b"page", ttl_s=30)
    except RedisUnavailableError:
        return False
    return True


def test_fault_36_roles_that_change_behind_their_names_are_found_without_a_cut_connection(
    two: tuple[int, int],
) -> None:
    first, second = two
    with TcpProxy(HOST, first) as master, TcpProxy(HOST, second) as replica:
        pages = RedisPages(
            master={"host": HOST, "port": master.port},
            replica={"host": HOST, "port": replica.port},
            clock=SystemClock(),
            seal=Seal("k" * 32),
        )
        eventually(lambda: taken(pages) and pages.get("k") == b"page")
        with raw(first) as one, raw(second) as other:
            other.replicaof("NO", "ONE")
            one.replicaof(HOST, second)
        eventually(lambda: redis_answers(first, in_sync=True))
        master.lead_to(HOST, second)
        replica.lead_to(HOST, first)
        # the open connections were not cut: on them the master of before is a replica now
        eventually(lambda: taken(pages), deadline_s=RIGHT_WITHIN_S)
        eventually(
            lambda: all(state.error is None for state in pages.states().values()), deadline_s=RIGHT_WITHIN_S
        )
        pages.put("new", b"page", ttl_s=30)
        with raw(second) as now_master:
            assert now_master.exists("tpcapital:sealed:new")
        pages.close()


def test_fault_36_a_write_alone_finds_the_new_master(two: tuple[int, int]) -> None:
    """No look at the state in between: the refusal itself throws the connections away."""
    first, second = two
    with TcpProxy(HOST, first) as master:
        pages = RedisPages(
            master={"host": HOST, "port": master.port}, replica=None, clock=SystemClock(), seal=Seal("k" * 32)
        )
        pages.put("k", b"page", ttl_s=30)
        with raw(first) as one, raw(second) as other:
            other.replicaof("NO", "ONE")
            one.replicaof(HOST, second)
        master.lead_to(HOST, second)
        with pytest.raises(RedisUnavailableError, match=r"(?i)read.?only"):
            pages.put("k", b"page", ttl_s=30)
        pages.put("k", b"page", ttl_s=30)
        pages.close()


def test_fault_36_a_name_that_leads_to_another_master_is_followed(tmp_path: Path, port: int) -> None:
    """Nothing is refused: the former server goes on as a master of nobody."""
    moved_to = free_port()
    server = redis_server(tmp_path, moved_to)
    try:
        with TcpProxy(HOST, port) as name:
            pages = RedisPages(
                master={"host": HOST, "port": name.port},
                replica=None,
                clock=SystemClock(),
                seal=Seal("k" * 32),
            )
            assert taken(pages)
            name.lead_to(HOST, moved_to)
            assert taken(pages)
            with raw(moved_to) as new:
                assert new.exists("tpcapital:sealed:k")
            pages.close()
    finally:
        server.kill()


@pytest.mark.parametrize(
    ("setting", "bad", "good", "says"),
    [("maxmemory", "1", "0", "maxmemory"), ("requirepass", "other", "", "(?i)auth")],
)
def test_fault_36_what_a_server_refuses_is_told_and_forgotten_when_it_is_mended(
    port: int, setting: str, bad: str, good: str, says: str
) -> None:
    pages = RedisPages(
        master={"host": HOST, "port": port}, replica=None, clock=SystemClock(), seal=Seal("k" * 32)
    )
    with raw(port) as server:
        server.config_set("maxmemory-policy", "noeviction")
        server.config_set(setting, bad)
        with pytest.raises(RedisUnavailableError, match=says):
            pages.put("k", b"page", ttl_s=30)
        server.config_set(setting, good)
    eventually(lambda: taken(pages), deadline_s=RIGHT_WITHIN_S)
    pages.close()
