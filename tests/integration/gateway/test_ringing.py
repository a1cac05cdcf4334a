"""Long polls end at a notification. Where none comes, they end at the gateway's own look."""

from __future__ import annotations

import functools
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ops.gateway.longpoll import LongPoll
from ops.local.ports import free_port
from ops.local.postgres import SUPERUSER, LocalPostgres
from tests.support.databases import through
from tests.support.servers import pgbouncer
from tests.support.stack import eventually

CHANNEL = "-1001649127710"
INSERT = "INSERT INTO telegram_gateway.messages (channel_id, message_id, text) VALUES (%s, %s, 'x')"
LISTENERS = "select pid from pg_stat_activity where datname = current_database() and query like 'LISTEN %'"
WAIT_S = 30

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def started_lookless(postgres: LocalPostgres, start_gateway: Callable[..., Any]) -> Any:
    postgres.create_database("lookless")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("ops.gateway.app.LongPoll", functools.partial(LongPoll, interval_s=3600.0))
        return start_gateway(postgres.dsn("lookless"))


@pytest.fixture
def lookless(started_lookless: Any) -> Any:
    """Give a gateway whose long polls end at notifications alone, with an empty store."""
    started_lookless.execute("TRUNCATE telegram_gateway.messages CASCADE")
    eventually(lambda: listeners(started_lookless))
    return started_lookless


def listeners(gateway: Any) -> set[int]:
    with psycopg.connect(gateway.database_url) as connection:
        return {pid for (pid,) in connection.execute(LISTENERS)}


@contextmanager
def waiting(gateway: Any) -> Iterator[Future[list[dict[str, Any]]]]:
    """Give the answer to come of a long poll that waits."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        answer = pool.submit(gateway.unprocessed, wait=WAIT_S)
        eventually(lambda: gateway.get("/health").json()["waiting"] == 1, deadline_s=WAIT_S)
        yield answer


def test_a_committed_message_ends_the_long_poll_without_a_look(lookless: Any) -> None:
    with waiting(lookless) as answer:
        lookless.execute(INSERT, "another channel", "1")
        lookless.execute(INSERT, CHANNEL, "2")
        assert [message["messageId"] for message in answer.result(timeout=60)] == ["2"]


def test_no_message_is_missed_between_a_poll_that_finds_nothing_and_its_wait(lookless: Any) -> None:
    numbers = [str(number) for number in range(60)]

    def put() -> None:
        with psycopg.connect(lookless.database_url, autocommit=True) as connection:
            for number in numbers:
                connection.execute(INSERT, (CHANNEL, number))

    putting = threading.Thread(target=put)
    putting.start()
    seen: list[str] = []
    while len(seen) < len(numbers):
        found = lookless.unprocessed(wait=WAIT_S)
        assert found, "a message is there, and the long poll ended without it"
        seen += [message["messageId"] for message in found]
        lookless.mark(*seen)
    putting.join()
    assert seen == numbers


def test_a_listener_whose_connection_is_killed_comes_back_and_missed_nothing(lookless: Any) -> None:
    with waiting(lookless) as answer:
        (killed,) = listeners(lookless)
        with psycopg.connect(lookless.database_url) as connection:
            # both are visible at once: the message is committed while nobody listens
            connection.execute(INSERT, (CHANNEL, "1"))
            connection.execute("select pg_terminate_backend(%s, 10000)", (killed,))
        assert [message["messageId"] for message in answer.result(timeout=60)] == ["1"]
    eventually(lambda: listeners(lookless) - {killed})
    lookless.mark("1")
    with waiting(lookless) as answer:
        lookless.execute(INSERT, CHANNEL, "2")
        assert [message["messageId"] for message in answer.result(timeout=60)] == ["2"]


def test_a_frozen_listener_costs_no_message(gateway: Any) -> None:
    eventually(lambda: listeners(gateway))
    # gateways of other tests may listen in the same database
    frozen = listeners(gateway)
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        with waiting(gateway) as answer:
            gateway.execute(INSERT, CHANNEL, "1")
            assert [message["messageId"] for message in answer.result(timeout=60)] == ["1"]
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)


def test_behind_a_pooler_of_transactions_the_look_finds_the_message(
    postgres: LocalPostgres, start_gateway: Callable[..., Any]
) -> None:
    postgres.create_database("pooled")
    # not pytest's own folder: as root that one is closed to the server's user
    with tempfile.TemporaryDirectory(prefix="tp-capital-tests-", dir="/tmp") as folder:
        port = free_port()
        with pgbouncer(Path(folder), postgres, [SUPERUSER], listen_port=str(port)):
            gateway = start_gateway(through(postgres.dsn("pooled"), port))
            with waiting(gateway) as answer:
                gateway.execute(INSERT, CHANNEL, "1")
                assert [message["messageId"] for message in answer.result(timeout=60)] == ["1"]


def test_rows_that_ring_nothing_are_found_by_the_look(gateway: Any) -> None:
    """Replicated rows fire no trigger."""
    with waiting(gateway) as answer, psycopg.connect(gateway.database_url) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(INSERT, (CHANNEL, "1"))
        connection.commit()
        assert [message["messageId"] for message in answer.result(timeout=60)] == ["1"]


def test_a_channel_of_any_length_can_be_inserted(gateway: Any) -> None:
    """A notification of 8,000 bytes would be refused, and the insert with it."""
    gateway.execute(INSERT, "ã" * 5000, "1")
    assert gateway.get("/api/messages").json()["pagination"]["total"] == 1
