"""The long poll, and what happens when the database goes away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from ops.gateway.server import ReferenceGatewaySettings, build_server
from ops.local.postgres import LocalPostgres
from tests.support.servers import copied_cluster, server_folder

CHANNEL = "-1001649127710"
INSERT = "INSERT INTO telegram_gateway.messages (channel_id, message_id, text) VALUES (%s, %s, 'x')"

pytestmark = pytest.mark.integration


def later(seconds: float, call: Callable[[], object]) -> threading.Timer:
    timer = threading.Timer(seconds, call)
    timer.start()
    return timer


def test_wait_is_answered_soon_after_a_row_is_inserted_by_sql(gateway: Any) -> None:
    timer = later(0.6, lambda: gateway.execute(INSERT, CHANNEL, "1"))
    began = time.monotonic()
    found = gateway.unprocessed(wait=20)
    timer.join()
    assert [m["messageId"] for m in found] == ["1"]
    assert 0.5 < time.monotonic() - began < 10  # of the 20 s asked for


def test_wait_ends_empty_when_nothing_comes(gateway: Any) -> None:
    began = time.monotonic()
    assert gateway.unprocessed(wait=0.7) == []
    assert 0.6 < time.monotonic() - began < 10


def test_wait_sees_a_row_that_is_committed_after_a_later_one(gateway: Any) -> None:
    gateway.put({"messageId": "0", "text": "makes the id known"})
    gateway.mark("0")
    with psycopg.connect(gateway.database_url) as slow:
        slow.execute(INSERT, (CHANNEL, "1"))
        gateway.put({"messageId": "2", "text": "later id, earlier commit"})
        gateway.mark("2")
        timer = later(0.4, slow.commit)
        assert [m["messageId"] for m in gateway.unprocessed(wait=10)] == ["1"]
        timer.join()


def test_wait_sees_what_another_consumer_has_marked_at_once(gateway: Any) -> None:
    def arrive_and_be_marked() -> None:
        with psycopg.connect(gateway.database_url) as conn:
            conn.execute(INSERT, (CHANNEL, "1"))
        gateway.mark("1", consumer="quick")

    timer = later(0.3, arrive_and_be_marked)
    assert [m["messageId"] for m in gateway.unprocessed("slow", wait=10)] == ["1"]
    timer.join()


def test_reprocess_rings(gateway: Any) -> None:
    gateway.put({"messageId": "1", "text": "x"})
    row = gateway.unprocessed()[0]["id"]
    gateway.mark("1")
    timer = later(0.3, lambda: gateway.post(f"/api/messages/{row}/reprocess"))
    found = gateway.unprocessed(None, status="reprocess_pending", wait=10)
    timer.join()
    assert [m["messageId"] for m in found] == ["1"]


def test_sixty_waiters_hold_up_nobody_and_all_are_woken(gateway: Any) -> None:
    with ThreadPoolExecutor(max_workers=60) as pool:
        waiting = [pool.submit(gateway.unprocessed, f"c{n % 6}", wait=20) for n in range(60)]
        deadline = time.monotonic() + 30
        while gateway.get("/health").json()["waiting"] < 60:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        began = time.monotonic()
        assert gateway.get("/api/messages").status_code == 200
        assert time.monotonic() - began < 5  # of the 20 s that the others wait
        gateway.execute(INSERT, CHANNEL, "1")
        assert all(len(future.result(timeout=10)) == 1 for future in waiting)
    assert gateway.get("/health").json()["waiting"] == 0


def test_a_waiter_that_hangs_up_is_forgotten(gateway: Any) -> None:
    with pytest.raises(requests.Timeout):
        requests.get(
            gateway.url + "/api/messages/unprocessed", params={"channel": CHANNEL, "wait": "30"}, timeout=0.5
        )
    deadline = time.monotonic() + 20
    while gateway.get("/health").json()["waiting"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert gateway.get("/health").json()["waiting"] == 0


def test_stopping_lets_the_waiters_go(gateway: Any, start_gateway: Callable[..., Any]) -> None:
    settings = ReferenceGatewaySettings(host="127.0.0.1", port=0, database_url=gateway.database_url)
    server, listening, _ = build_server(settings)
    url = f"http://127.0.0.1:{listening.port}/api/messages/unprocessed"
    thread = threading.Thread(target=server.run, kwargs={"sockets": listening.duplicates()})
    thread.start()
    with ThreadPoolExecutor(max_workers=1) as pool:
        held = pool.submit(requests.get, url, params={"channel": CHANNEL, "wait": "30"}, timeout=40)
        time.sleep(1.0)
        began = time.monotonic()
        server.should_exit = True
        assert held.result(timeout=5).json()["data"] == []
    thread.join(timeout=10)
    assert not thread.is_alive()
    listening.close()
    assert time.monotonic() - began < 4


@pytest.fixture(scope="module")
def breakable(cluster: Path) -> Any:
    with (
        server_folder() as folder,
        LocalPostgres(copied_cluster(cluster, folder), settings={"fsync": "off"}) as server,
    ):
        yield server


def until_healthy(gateway: Any, limit_s: float) -> float:
    began = time.monotonic()
    while time.monotonic() - began < limit_s:
        if gateway.get("/health").status_code == 200:
            return time.monotonic() - began
        time.sleep(0.1)
    raise AssertionError("the gateway did not recover")


def test_fault_14_database_outage_is_503_and_recovery_comes_by_itself(
    breakable: LocalPostgres, start_gateway: Callable[..., Any]
) -> None:
    breakable.create_database("telegram")
    gateway = start_gateway(breakable.dsn("telegram"))
    gateway.put({"messageId": "1", "text": "x"})
    with ThreadPoolExecutor(max_workers=4) as pool:
        # several pooled connections, each of which the restart breaks
        assert all(len(rows) == 1 for rows in pool.map(lambda _: gateway.unprocessed(), range(20)))
    with ThreadPoolExecutor(max_workers=1) as pool:
        held = pool.submit(gateway.get, "/api/messages/unprocessed", channel="-1005", wait=20)
        time.sleep(0.5)
        breakable.kill()
        assert held.result(timeout=15).status_code == 503, "an outage is not an empty list"
    for answer in (
        gateway.get("/health"),
        gateway.get("/api/messages/unprocessed", channel=CHANNEL),
        gateway.post("/api/messages/mark-processed", {"messageIds": ["1"], "processedBy": "a"}),
    ):
        assert answer.status_code == 503
        assert answer.json()["success"] is False
        assert answer.json()["message"]
    breakable.start()
    assert until_healthy(gateway, 15) < 10
    assert len(gateway.unprocessed()) == 1
    assert gateway.mark("1")["updated"] == 1


def test_restart_between_two_requests_is_not_seen(
    breakable: LocalPostgres, start_gateway: Callable[..., Any]
) -> None:
    breakable.create_database("restarted")
    gateway = start_gateway(breakable.dsn("restarted"))
    gateway.put({"messageId": "1", "text": "x"})
    assert len(gateway.unprocessed()) == 1
    breakable.stop()
    breakable.start()
    assert len(gateway.unprocessed()) == 1


def test_frozen_database_is_503_within_the_deadline(
    breakable: LocalPostgres, start_gateway: Callable[..., Any]
) -> None:
    breakable.create_database("frozen")
    gateway = start_gateway(breakable.dsn("frozen"))
    gateway.put({"messageId": "1", "text": "x"})
    breakable.freeze()
    try:
        began = time.monotonic()
        assert gateway.get("/health").status_code == 503
        assert gateway.get("/api/messages").status_code == 503
        assert time.monotonic() - began < 15
    finally:
        breakable.thaw()
    until_healthy(gateway, 15)
    assert len(gateway.unprocessed()) == 1


def test_a_crowd_in_an_outage_does_not_hold_up_who_asks_for_health(
    breakable: LocalPostgres, start_gateway: Callable[..., Any]
) -> None:
    breakable.create_database("crowded")
    gateway = start_gateway(breakable.dsn("crowded"))
    assert gateway.unprocessed() == []
    breakable.freeze()
    try:
        # more than there are threads for calls to the database
        with ThreadPoolExecutor(max_workers=120) as pool:
            crowd = [pool.submit(gateway.get, "/api/messages") for _ in range(120)]
            began = time.monotonic()
            assert gateway.get("/health").status_code == 503
            assert time.monotonic() - began < 5
            assert {future.result().status_code for future in crowd} == {503}
    finally:
        breakable.thaw()
    until_healthy(gateway, 15)


def test_gateway_starts_without_its_database_and_serves_when_it_comes(
    breakable: LocalPostgres, start_gateway: Callable[..., Any]
) -> None:
    breakable.create_database("late")
    dsn = breakable.dsn("late")
    breakable.stop()
    gateway = start_gateway(dsn)
    assert gateway.get("/health").status_code == 503
    assert gateway.get("/api/messages").status_code == 503
    breakable.start()
    until_healthy(gateway, 20)
    assert gateway.get("/api/messages").json()["pagination"]["total"] == 0
