"""Retention by TimescaleDB's own job: what it drops, and what is told when it does not do its work."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import psycopg
import pytest

from config import load_settings
from engine.timers import TimerThread
from ops.doctor.context import CheckContext
from ops.doctor.database import examine_database
from ops.doctor.findings import CheckResult, CheckStatus
from ops.local.roles import ENGINE_ROLE
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from storage.postgres.retention import Kept, Retention
from storage.postgres.schema import Strategy, migrate
from tests.support.databases import SCHEMA, as_engine
from tests.support.outcomes import a_message, signal_outcome
from tests.support.stack import eventually
from tests.support.timescale import ON_TIMESCALE

pytestmark = ON_TIMESCALE

DAY = timedelta(days=1)
Ask = Callable[..., list[dict[str, Any]]]
TABLE = "signals.tp_capital_signals"
JOB = "select job_id from timescaledb_information.jobs where hypertable_name = 'tp_capital_signals'"
CHUNKS = (
    "select chunk_schema || '.' || chunk_name as name, range_end from timescaledb_information.chunks"
    " order by range_end"
)


@pytest.fixture
def retention(database: Database) -> Retention:
    return Retention(database)


def store(ledger: Ledger, *days_ago: float) -> None:
    """Store one signal for each age, by a message of that number."""
    for number, days in enumerate(days_ago, 1):
        at = datetime.now(UTC) - DAY * days
        ledger.record([signal_outcome(a_message(number, received_at=at, telegram_date=at, updated_at=at))])


def message_ids(ask: Ask) -> list[str]:
    return [row["message_id"] for row in ask(f"select message_id from {TABLE} order by ts desc")]


def test_the_job_drops_only_weeks_that_are_wholly_past_and_keeps_the_ledger(
    ledger: Ledger, retention: Retention, ask: Ask
) -> None:
    store(ledger, 1, 89, 91, 98, 200)
    past = datetime.now(UTC) - 90 * DAY
    kept = [chunk["name"] for chunk in ask(CHUNKS) if chunk["range_end"] > past]
    rows = [ask(f"select message_id from {name}") for name in kept]
    ask(f"call public.run_job({ask(JOB)[0]['job_id']})")
    assert [chunk["name"] for chunk in ask(CHUNKS)] == kept
    assert sorted(message_ids(ask)) == sorted(row["message_id"] for of_chunk in rows for row in of_chunk)
    assert message_ids(ask)[:2] == ["1", "2"], "89 days are kept"
    assert not {"4", "5"} & set(message_ids(ask)), "98 days are past, whatever the week"
    assert len(ask("select 1 from signals.ledger")) == 5, "the ledger is for good"
    assert retention.keep().problem is None


def test_nothing_is_made_or_dropped_here_and_all_is_well(retention: Retention) -> None:
    assert retention.keep() == Kept(made=0, dropped=0, ahead_until=None, problem=None)


def test_a_policy_that_is_missing_switched_off_or_another_one_is_told(retention: Retention, ask: Ask) -> None:
    ask(f"select public.alter_job({ask(JOB)[0]['job_id']}, scheduled => false)")
    assert retention.keep().problem == "the retention policy is switched off"
    ask(f"select public.remove_retention_policy('{TABLE}')")
    assert retention.keep().problem == "the hypertable has no retention policy"
    ask(f"select public.add_retention_policy('{TABLE}', interval '30 days')")
    assert retention.keep().problem == "the retention policy drops after 30 days, not after 90 days"
    ask(f"select public.remove_retention_policy('{TABLE}')")
    ask(f"select public.add_retention_policy('{TABLE}', drop_created_before => interval '90 days')")
    assert retention.keep().problem == "the retention policy drops after another rule, not after 90 days"
    ask(f"select public.remove_retention_policy('{TABLE}')")
    ask(f"select public.add_retention_policy('{TABLE}', interval '90 days')")
    assert retention.keep().problem is None


def test_fault_43_a_policy_that_was_removed_is_found_by_doctor_and_made_again_by_migrate(
    migrated_url: str, direct_url: str, ask: Ask, timers: TimerThread
) -> None:
    with mock.patch.dict(os.environ, {"TP_CAPITAL_DATABASE_URL": as_engine(migrated_url)}, clear=True):
        around = CheckContext(settings=load_settings(env_file=None), timers=timers)

    def found() -> CheckResult:
        return next(each for each in examine_database(around) if each.name == "database.retention")

    def migrated() -> tuple[str, ...]:
        return migrate(direct_url, schema=SCHEMA, strategy=Strategy.TIMESCALE, timers=timers)

    assert found().status is CheckStatus.OK
    assert migrated() == ()
    ask(f"select public.remove_retention_policy('{TABLE}')")
    assert (found().status, found().found) == (CheckStatus.FAIL, "the hypertable has no retention policy")
    assert "tp-capital migrate" in str(found().remedy)
    assert migrated() == ("retention_policy",)
    assert found().status is CheckStatus.OK
    # as an operator would, with the words of the remedy
    ask(f"select public.alter_job({ask(JOB)[0]['job_id']}, scheduled => false)")
    assert found().found == "the retention policy is switched off"
    ask(str(found().remedy))
    assert found().status is CheckStatus.OK
    ask(f"select public.remove_retention_policy('{TABLE}')")
    ask(f"select public.add_retention_policy('{TABLE}', interval '30 days')")
    assert "after 30 days, not after 90" in found().found
    ask(str(found().remedy).partition(";")[0])
    assert migrated() == ("retention_policy",)
    assert found().status is CheckStatus.OK


def test_weeks_that_stay_because_no_scheduler_runs_are_told(
    ledger: Ledger, retention: Retention, ask: Ask
) -> None:
    ask("select _timescaledb_functions.stop_background_workers()")
    store(ledger, 1, 120)
    assert retention.keep().problem is None, "made a moment ago: its turn comes"
    ask("update _timescaledb_catalog.chunk set creation_time = now() - interval '2 days'")
    assert retention.keep().problem == (
        "1 weeks past retention are still stored: TimescaleDB's scheduler does not run"
    )
    ask(f"call public.run_job({ask(JOB)[0]['job_id']})")
    assert retention.keep().problem is None


def test_the_job_runs_by_itself_and_a_run_that_failed_is_told_with_its_cause_until_one_is_well(
    direct_url: str, timers: TimerThread
) -> None:
    migrate(direct_url, schema=SCHEMA, strategy=Strategy.TIMESCALE, timers=timers, engine_role=ENGINE_ROLE)
    database = Database(as_engine(direct_url), schema=SCHEMA, pool_max=4, timers=timers)
    database.open()
    retention = Retention(database)
    try:
        with psycopg.connect(direct_url, autocommit=True) as connection:
            store(Ledger(database, grammar_version="g1"), 1, 120)
            (job,) = connection.execute(JOB.encode()).fetchone() or (0,)
            (old,) = connection.execute(f"select name from ({CHUNKS}) as chunks".encode()).fetchone() or ("",)
            # what hangs on a chunk keeps it from being dropped
            connection.execute(f"create view a_dashboards as select * from {old}".encode())
            run_now = f"select public.alter_job({job}, next_start => now())".encode()
            connection.execute(run_now)
            eventually(lambda: retention.keep().problem, what="no failure told")
            assert (retention.keep().problem or "").startswith(
                "the last run of the retention policy failed: cannot drop table"
            )
            connection.execute("drop view a_dashboards")
            connection.execute(run_now)

            def rows() -> int:
                return connection.execute(f"select 1 from {TABLE}".encode()).rowcount

            eventually(lambda: rows() == 1, what="not dropped")
            eventually(lambda: retention.keep().problem is None, what="the failure is told for ever")
    finally:
        database.close()
