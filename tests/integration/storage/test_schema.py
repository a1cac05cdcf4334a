"""Migrations: idempotent, safe twice at once, each step whole or not at all, remedies named."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import psycopg
import pytest
from psycopg import sql

from engine.timers import TimerThread
from storage.errors import DatabaseMisconfiguredError, DatabaseUnavailableError
from storage.postgres import schema as schema_module
from storage.postgres.database import Database
from storage.postgres.schema import Migration, Strategy, is_current, migrate
from tests.support.databases import SCHEMA, Server, as_engine, as_role, name_of

pytestmark = pytest.mark.every_way

PLAIN_STEPS = ("ledger", "signals", "signal_events")


class UpToDate(Protocol):
    """Migrates a database by the strategy of the test's way."""

    def __call__(self, url: str, *, schema: str = ...) -> tuple[str, ...]: ...


@pytest.fixture
def up_to_date(timers: TimerThread, strategy: Strategy) -> UpToDate:
    def run(url: str, *, schema: str = "signals") -> tuple[str, ...]:
        return migrate(url, schema=schema, strategy=strategy, timers=timers)

    return run


def tables(url: str, schema: str = "signals") -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select tablename from pg_tables where schemaname = %s", [schema]
        ).fetchall()
    return {str(name) for (name,) in rows}


@pytest.fixture
def failing_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Add a last step that fails in its second statement."""
    steps = schema_module._steps
    text = "create table {schema}.half (a integer); select * from {schema}.missing"
    broken = Migration(version=9999, name="broken", text=text)

    def add() -> None:
        monkeypatch.setattr(schema_module, "_steps", lambda: [*steps(), broken])

    return add


def test_a_fresh_database_gets_every_step_in_order(database_url: str, up_to_date: UpToDate) -> None:
    applied = up_to_date(database_url)
    assert applied[: len(PLAIN_STEPS)] == PLAIN_STEPS
    assert tables(database_url) >= {
        *("commits", "ledger", "dead_letters", "checkpoints", "daemons"),
        *("tp_capital_signals", "signals_history", "signal_events", "schema_migrations"),
    }


def test_a_second_time_there_is_nothing_to_do(database_url: str, up_to_date: UpToDate) -> None:
    up_to_date(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("update signals.commits set number = 7")
    assert up_to_date(database_url) == ()
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select number from signals.commits").fetchall() == [(7,)]


def test_twice_at_once_each_step_is_applied_once(database_url: str, up_to_date: UpToDate) -> None:
    start = threading.Barrier(4)

    def one() -> tuple[str, ...]:
        start.wait(timeout=10)
        return up_to_date(database_url)

    with ThreadPoolExecutor(4) as threads:
        results = [future.result(timeout=30) for future in [threads.submit(one) for _ in range(4)]]
    applied = sorted(name for names in results for name in names)
    assert len(applied) == len(set(applied))
    assert set(applied) >= set(PLAIN_STEPS)


def test_two_schemas_of_one_database_do_not_know_each_other(database_url: str, up_to_date: UpToDate) -> None:
    first = up_to_date(database_url, schema="one")
    assert up_to_date(database_url, schema="Two_2") == first
    assert tables(database_url, "one") == tables(database_url, "Two_2")


def test_a_legacy_table_of_our_name_stops_it_with_the_remedy(database_url: str, up_to_date: UpToDate) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create schema signals")
        connection.execute("create table signals.tp_capital_signals (id integer, text text)")
    with pytest.raises(DatabaseMisconfiguredError, match="TP_CAPITAL_DB_SCHEMA") as caught:
        up_to_date(database_url)
    remedy = str(caught.value).partition("rename it: ")[2]
    assert tables(database_url) == {"tp_capital_signals"}, "nothing was touched"

    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(remedy.encode())
    assert up_to_date(database_url)
    assert tables(database_url, "signals_legacy") == {"tp_capital_signals"}


@pytest.mark.usefixtures("no_role_stays")
def test_a_missing_right_is_named_and_whose_role_has_it(
    site: Server, direct_url: str, up_to_date: UpToDate
) -> None:
    site.make_role("no_rights", "pw")
    with pytest.raises(DatabaseMisconfiguredError) as caught:
        up_to_date(as_role(direct_url, "no_rights", "pw"))
    assert f"permission denied for database {name_of(direct_url)}" in str(caught.value)
    assert "the owner's role: set its address in TP_CAPITAL_MIGRATION_DATABASE_URL" in str(caught.value)


@pytest.mark.usefixtures("no_role_stays")
def test_fault_42_a_schema_of_another_role_is_named_with_the_statements_that_mend_it(
    site: Server, direct_url: str, strategy: Strategy, timers: TimerThread
) -> None:
    site.make_role("migrates", "pw")
    site.make_role("of_before", "pw")
    with psycopg.connect(direct_url, autocommit=True) as connection:
        connection.execute("create schema signals authorization of_before")
        connection.execute("create table signals.notes (a int)")
    url = as_role(direct_url, "migrates", "pw")
    with pytest.raises(DatabaseMisconfiguredError) as caught:
        migrate(
            url, schema=SCHEMA, strategy=strategy, timers=timers, setting="TP_CAPITAL_MIGRATION_DATABASE_URL"
        )
    said = str(caught.value)
    assert "does not own signals, does not own notes" in said
    assert "set its address" not in said, "it is set"
    with psycopg.connect(direct_url, autocommit=True) as connection:
        for statement in said.rpartition("superuser: ")[2].split(";"):
            connection.execute(statement.encode())
    assert migrate(url, schema=SCHEMA, strategy=strategy, timers=timers)


def test_where_nothing_is_missing_the_engines_own_role_will_do(
    migrated_url: str, up_to_date: UpToDate
) -> None:
    assert up_to_date(as_engine(migrated_url)) == ()


@pytest.mark.usefixtures("no_role_stays")
def test_a_role_that_may_only_read_can_tell_that_the_schema_is_current(
    site: Server, migrated_url: str, direct_url: str, strategy: Strategy, timers: TimerThread
) -> None:
    site.make_role("reader", "pw")
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute("grant usage on schema signals to reader")
        connection.execute("grant select on all tables in schema signals to reader")
    database = Database(as_role(direct_url, "reader", "pw"), schema="signals", pool_max=4, timers=timers)
    database.open()
    try:
        assert is_current(database, strategy=strategy)
    finally:
        database.close()


def test_an_empty_database_is_not_current(
    database_url: str, strategy: Strategy, timers: TimerThread, up_to_date: UpToDate
) -> None:
    database = Database(database_url, schema="signals", pool_max=4, timers=timers)
    database.open()
    try:
        assert not is_current(database, strategy=strategy)
        up_to_date(database_url)
        assert is_current(database, strategy=strategy)
        assert is_current(database, strategy=Strategy.TIMESCALE), (
            "without the extension its step is not wanted"
        )
    finally:
        database.close()


def test_a_step_that_fails_leaves_nothing_and_the_steps_before_it_stay(
    database_url: str, up_to_date: UpToDate, failing_step: Callable[[], None]
) -> None:
    failing_step()
    with pytest.raises(DatabaseMisconfiguredError, match="42P01"):
        up_to_date(database_url)
    there = tables(database_url)
    assert "half" not in there
    assert "ledger" in there
    with psycopg.connect(database_url) as connection:
        names = connection.execute("select name from signals.schema_migrations order by version").fetchall()
    assert [name for (name,) in names][-1] != "broken"


def test_the_locks_of_a_step_end_with_it(database_url: str, up_to_date: UpToDate) -> None:
    up_to_date(database_url)
    with psycopg.connect(database_url) as connection:
        # another test may be migrating another database of the server
        held = connection.execute(
            "select count(*) from pg_locks join pg_database on pg_database.oid = database"
            " where locktype = 'advisory' and datname = current_database()"
            " and (classid::bigint << 32) + objid::bigint = %s",
            [schema_module._LOCK_KEY],
        ).fetchone()
    assert held == (0,)


def test_a_step_that_hangs_behind_anothers_lock_is_cut(
    database_url: str, up_to_date: UpToDate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema_module, "STEP_DEADLINE_S", 0.3)
    with psycopg.connect(database_url) as other:
        other.execute("select pg_advisory_xact_lock(%s)", [schema_module._LOCK_KEY])
        with pytest.raises(DatabaseUnavailableError):
            up_to_date(database_url)


def test_a_server_that_is_not_there_is_unavailable(up_to_date: UpToDate) -> None:
    with pytest.raises(DatabaseUnavailableError, match="refused"):
        up_to_date("postgresql://u:s3cret@127.0.0.1:1/db")


def test_prices_have_no_scale_and_keys_keep_each_signal_single(migrated_url: str) -> None:
    row = sql.SQL(
        "insert into signals.tp_capital_signals (ts, channel, message_id, position, signal_type, side, asset,"
        " buy_min, targets, warnings, raw_message, source, provenance, grammar_version, commit_number, ingested_at)"
        " values ('2026-11-02Z', 'c', 'm', 0, 't', 'buy', 'A', '0.880', '{}', '{}', 'r', 's', '[]', 'g', 1, now())"
    )
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute(row)
        assert connection.execute("select buy_min::text from signals.tp_capital_signals").fetchone() == (
            "0.880",
        )
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(row)
