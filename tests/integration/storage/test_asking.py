"""One query in one round trip: its rows in order, and a transaction wherever something is wrong."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row, scalar_row

from engine.clock import SystemClock
from storage.errors import DatabaseMisconfiguredError
from storage.postgres.database import BEGIN_DEADLINE_S, IDLE_LIMIT_S, Database

NUMBERS = sql.SQL("select n, -n as less from generate_series(1, %(most)s) as n order by n desc").format()
LIMIT = sql.SQL("select current_setting('idle_in_transaction_session_timeout')").format()


@pytest.mark.every_way
def test_rows_come_in_the_order_of_the_query(database: Database) -> None:
    assert database.ask(NUMBERS, {"most": 3}, dict_row) == [
        {"n": 3, "less": -3},
        {"n": 2, "less": -2},
        {"n": 1, "less": -1},
    ]
    assert database.ask(NUMBERS, {"most": 2000}, scalar_row) == list(range(2000, 0, -1))


@pytest.mark.every_way
def test_no_row_is_no_row_and_the_time_is_known_all_the_same(database: Database) -> None:
    assert database.ask(NUMBERS, {"most": 0}, dict_row) == []
    now = database.clock.now()
    assert now is not None
    assert abs(now - SystemClock().now()) < timedelta(seconds=30)


@pytest.mark.every_way
def test_a_query_that_the_server_refuses_is_our_error(database: Database) -> None:
    with pytest.raises(DatabaseMisconfiguredError, match="no_such_table"):
        database.ask(sql.SQL("select 1 from no_such_table").format(), {}, scalar_row)
    assert database.ask(NUMBERS, {"most": 1}, scalar_row) == [1], "the connection is still of use"


def test_a_slow_query_is_answered_by_a_transaction_and_the_next_ones_begin_with_it(
    database: Database,
) -> None:
    # the role may have a limit of its own
    assert database.ask(LIMIT, {}, scalar_row) != [f"{IDLE_LIMIT_S}s"], "no transaction set it"
    slow = sql.SQL("select 1 from (select pg_sleep(%(s)s)) as slept").format()
    assert database.ask(slow, {"s": BEGIN_DEADLINE_S + 0.5}, scalar_row) == [1]
    assert database.ask(LIMIT, {}, scalar_row) == [f"{IDLE_LIMIT_S}s"]
    assert database.stats()["write"].renewals == 0, "the server was only slow"


@pytest.mark.every_way
def test_a_connection_that_broke_since_costs_the_caller_nothing(database: Database, direct_url: str) -> None:
    (process,) = database.ask(sql.SQL("select pg_backend_pid() as id").format(), {}, scalar_row)
    with psycopg.connect(direct_url, autocommit=True) as other:
        other.execute("select pg_terminate_backend(%s, 10000)", [process])
    assert database.ask(NUMBERS, {"most": 1}, scalar_row) == [1]
