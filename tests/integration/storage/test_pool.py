"""What the pool promises beyond the library that keeps its connections."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from psycopg.conninfo import conninfo_to_dict

from ops.local.process import wait_until
from storage.postgres.pool import Pool, PoolBusyError
from storage.postgres.stock import PooledConnection, Stock
from tests.support.databases import through
from tests.support.proxy import TcpProxy

MOST = 3
#: longer than any of these tests lasts: who waits for so long was forgotten
LONG_S = 60.0


@pytest.fixture
def proxy(direct_url: str) -> Iterator[TcpProxy]:
    with TcpProxy("127.0.0.1", int(str(conninfo_to_dict(direct_url)["port"]))) as one:
        yield one


@pytest.fixture
def pool(direct_url: str, proxy: TcpProxy) -> Iterator[Pool]:
    one = Pool("kept", through(direct_url, proxy.port), most=MOST)
    yield one
    one.close()


@pytest.fixture
def crowd() -> Iterator[Callable[[Pool, int], list[Future[str]]]]:
    """Let that many callers come at once; each tells what it got."""
    with ThreadPoolExecutor(20) as threads:
        yield lambda pool, size: [threads.submit(outcome, pool) for _ in range(size)]


def outcome(pool: Pool) -> str:
    try:
        connection = pool.take(LONG_S)
    except PoolBusyError as error:
        return str(error)
    try:
        connection.execute("select pg_sleep(0.01)")
    finally:
        pool.give_back(connection)
    return "served"


def test_a_crowd_is_served_by_no_more_connections_than_may_be(
    pool: Pool, proxy: TcpProxy, crowd: Callable[[Pool, int], list[Future[str]]]
) -> None:
    assert [caller.result(LONG_S) for caller in crowd(pool, 20)] == ["served"] * 20
    assert proxy.accepted <= MOST
    stats = pool.stats()
    assert (stats.requests, stats.refused, stats.waiting, stats.size) == (20, 0, 0, stats.available)
    assert stats.queued <= stats.requests


def test_the_connection_used_last_is_lent_first(pool: Pool) -> None:
    first, second = pool.take(LONG_S), pool.take(LONG_S)
    pool.give_back(first)
    pool.give_back(second)
    assert [pool.take(LONG_S), pool.take(LONG_S)] == [second, first]


def test_all_who_wait_are_told_why_the_one_connection_that_was_tried_failed(
    pool: Pool,
    proxy: TcpProxy,
    crowd: Callable[[Pool, int], list[Future[str]]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    proxy.freeze()
    callers = crowd(pool, 4 * MOST)
    assert wait_until(lambda: pool.stats().waiting == 4 * MOST and proxy.accepted == 1, deadline_s=30)
    proxy.refuse()
    proxy.cut()
    (cause,) = {caller.result(30) for caller in callers}
    assert "refused" not in cause, "nobody tries again for those who wait"
    assert "connection" in cause
    assert pool.stats().waiting == 0
    proxy.accept()
    proxy.thaw()
    assert outcome(pool) == "served"
    assert not caplog.records, "the library's own words at each attempt"


def test_a_caller_that_comes_while_the_connections_are_replaced_gets_one(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outcome(pool) == "served"
    look = Stock._check_open_getconn
    renewed: list[bool] = []

    def look_and_renew(stock: Stock) -> None:
        look(stock)
        if not renewed:
            renewed.append(pool.renew())

    monkeypatch.setattr(Stock, "_check_open_getconn", look_and_renew)
    assert outcome(pool) == "served"
    assert renewed == [True]


def test_only_the_first_renewal_is_news_until_a_caller_was_served_again(pool: Pool) -> None:
    def renewed_after_a_lost_connection() -> bool:
        connection = pool.take(LONG_S)
        connection.close()
        try:
            return pool.renew()
        finally:
            pool.give_back(connection)

    assert renewed_after_a_lost_connection()
    assert not renewed_after_a_lost_connection()
    assert pool.stats().renewals == 2, "counted all the same"
    assert outcome(pool) == "served"
    assert renewed_after_a_lost_connection()


def test_a_full_pool_is_not_called_one_that_cannot_connect_while_a_connection_changes_hands(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = [pool.take(LONG_S) for _ in range(MOST)]
    pool.give_back(held.pop())
    getconn, lent, go_on = Stock.getconn, threading.Event(), threading.Event()

    def lend_slowly(stock: Stock, timeout: float | None = None) -> PooledConnection:
        connection = getconn(stock, timeout)
        lent.set()
        assert go_on.wait(LONG_S)
        return connection

    monkeypatch.setattr(Stock, "getconn", lend_slowly)
    with ThreadPoolExecutor(1) as thread:
        last = thread.submit(outcome, pool)
        assert lent.wait(LONG_S)
        with pytest.raises(PoolBusyError, match="all connections are in use"):
            pool.take(0)
        go_on.set()
        assert last.result(LONG_S) == "served"


def test_a_pool_that_grows_is_full_until_it_has_grown(pool: Pool, proxy: TcpProxy) -> None:
    held = pool.take(LONG_S)
    proxy.freeze()
    with pytest.raises(PoolBusyError, match="all connections are in use"):
        pool.take(0.5)
    proxy.thaw()
    pool.give_back(held)
    assert outcome(pool) == "served"


def test_closing_refuses_who_waits_cuts_who_works_and_leaves_no_thread(
    pool: Pool, crowd: Callable[[Pool, int], list[Future[str]]]
) -> None:
    held = [pool.take(LONG_S) for _ in range(MOST)]
    waiting = crowd(pool, 2)
    assert wait_until(lambda: pool.stats().waiting == 2, deadline_s=30)
    pool.close()
    assert [caller.result(30) for caller in waiting] == ["the client is closed"] * 2
    for connection in held:
        with pytest.raises(Exception, match="connection"):
            connection.execute("select 1")
        pool.give_back(connection)
    assert outcome(pool) == "the client is closed"
    assert pool.stats().size == 0
    assert wait_until(
        lambda: not [one for one in threading.enumerate() if one.name.startswith("kept-")], deadline_s=30
    )
