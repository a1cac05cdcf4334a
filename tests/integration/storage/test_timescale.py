"""The hypertable on a server with TimescaleDB: made by migrating, written by the engine's role, arranged to and fro."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from engine.timers import TimerThread
from ops.local.ports import free_port
from ops.local.postgres import LocalPostgres
from ops.local.roles import ENGINE_ROLE, OWNER_ROLE
from storage.errors import DatabaseMisconfiguredError
from storage.postgres import layout as layout_module
from storage.postgres.database import Database
from storage.postgres.ledger import Ledger
from storage.postgres.page_query import SignalQuery
from storage.postgres.schema import Strategy, is_current, migrate
from storage.postgres.signals import Signals
from tests.support.databases import SCHEMA, Server, as_engine, as_role, name_of, through
from tests.support.messages import CHANNEL, put, signal_message
from tests.support.outcomes import a_message, signal_outcome
from tests.support.servers import pgbouncer
from tests.support.stack import GatewayProcess, engine_environment, eventually, running_daemon
from tests.support.timescale import ON_TIMESCALE

pytestmark = ON_TIMESCALE

DAY = timedelta(days=1)
Ask = Callable[..., list[dict[str, Any]]]
STEPS = (
    *("ledger", "signals", "signal_events", "layout", "history_order", "channels", "legacy"),
    *("retention_style", "undated_texts", "second_looks", "cache_secret", "event_values"),
    *(
        "settling",
        "signal_type",
        "signal_counts",
        "message_counts",
        "signal_standings",
        "signal_orders",
        "daemon_roles",
        "leases",
        "feed_positions",
        "signal_validity",
        "history_requests",
        "bars",
        "enrichment",
        "alerts",
        "deletions",
        "score",
        "outcome_filter",
        "edits",
        "hypertable",
        "search_index",
    ),
)

FORBIDDEN = (
    "select public.drop_chunks('signals.tp_capital_signals', interval '1 day')",
    "select public.remove_retention_policy('signals.tp_capital_signals')",
    "select public.alter_job(job_id, scheduled => false) from timescaledb_information.jobs where job_id >= 1000",
    "select public.set_chunk_time_interval('signals.tp_capital_signals', interval '1 day')",
    "update signals.tp_capital_signals set stop = 1",
    "drop table signals.tp_capital_signals",
)


def store(ledger: Ledger, *days_ago: float, first: int = 1) -> None:
    """Store one signal for each age, by a message of that number."""
    for number, days in enumerate(days_ago, first):
        at = datetime.now(UTC) - DAY * days
        ledger.record([signal_outcome(a_message(number, received_at=at, telegram_date=at, updated_at=at))])


def hypertables(url: str) -> list[tuple[str, int]]:
    """Return each hypertable's schema and its number of retention policies."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select hypertable_schema, count(job_id) from timescaledb_information.hypertables"
            " left join timescaledb_information.jobs using (hypertable_schema, hypertable_name)"
            " where hypertable_name = 'tp_capital_signals' group by 1 order by 1"
        ).fetchall()


@pytest.fixture
def owned_url(site: Server, direct_url: str) -> str:
    """Make the test's empty database one that the owner's role owns, who is no superuser; give that one's URL."""
    site.make_role(OWNER_ROLE, "owner's own")
    with psycopg.connect(direct_url, autocommit=True) as connection:
        owner = sql.Identifier(OWNER_ROLE)
        name = sql.Identifier(name_of(direct_url))
        connection.execute(sql.SQL("alter database {} owner to {}").format(name, owner))
    return as_role(direct_url, OWNER_ROLE, "owner's own")


@pytest.fixture
def pooled_url(site: Server, direct_url: str) -> Iterator[str]:
    """Give the test's database through a PgBouncer of two connections, each for one transaction only."""
    folder, port = Path(tempfile.mkdtemp(prefix="tp-capital-tests-", dir="/tmp")), free_port()
    settings = {"default_pool_size": "2", "max_db_connections": "2", "server_lifetime": "0"}
    users = [str(conninfo_to_dict(direct_url)["user"]), ENGINE_ROLE]
    with pgbouncer(folder, site, users, listen_port=str(port), **settings):
        yield through(direct_url, port)
    shutil.rmtree(folder, ignore_errors=True)


def test_the_owner_who_is_no_superuser_makes_a_hypertable_of_weeks_with_a_policy(
    owned_url: str, direct_url: str, timers: TimerThread
) -> None:
    migrate(owned_url, schema=SCHEMA, strategy=Strategy.TIMESCALE, timers=timers, engine_role=ENGINE_ROLE)
    with psycopg.connect(direct_url) as connection:
        dimension = connection.execute(
            "select hypertable_schema, column_name, time_interval from timescaledb_information.dimensions"
        ).fetchall()
        policy = connection.execute(
            "select config ->> 'drop_after', schedule_interval, owner::text from timescaledb_information.jobs"
            " where hypertable_name = 'tp_capital_signals'"
        ).fetchall()
        columnar = connection.execute(
            "select compression_enabled from timescaledb_information.hypertables"
        ).fetchall()
    assert dimension == [(SCHEMA, "ts", 7 * DAY)]
    assert policy == [("90 days", timedelta(hours=1), OWNER_ROLE)]
    assert columnar == [(False,)], "rows are deleted by id when another reading supersedes them"


def test_the_keys_are_those_of_the_other_layout(migrated_url: str, ask: Ask) -> None:
    names = ask("select indexname as name from pg_indexes where tablename = 'tp_capital_signals' order by 1")
    assert [row["name"] for row in names] == [
        f"tp_capital_signals_{key}"
        for key in (
            *("asset_counts", "channel", "channel_message_id_position_ts_key", "commit", "newest", "pkey"),
            *("search", "type"),
        )
    ]
    row = (
        "insert into tp_capital_signals (ts, channel, message_id, position, signal_type, side, asset,"
        " targets, warnings, raw_message, source, provenance, grammar_version, commit_number, ingested_at)"
        " values ('2026-11-02Z', 'c', 'm', 0, 't', 'buy', 'A', '{}', '{}', 'r', 's', '[]', 'g', 1, now())"
    )
    ask(row)
    with pytest.raises(psycopg.errors.UniqueViolation):
        ask(row)


def test_chunks_are_made_when_needed_for_far_dates_too_and_belong_to_the_owner(
    ledger: Ledger, database: Database, ask: Ask
) -> None:
    store(ledger, 1, 8, -30, -365 * 150, 365 * 10)
    found = Signals(database, retention=90 * DAY).find(SignalQuery())
    assert [row["message_id"] for row in found.rows] == ["4", "3", "1", "2"]
    chunks = ask(
        "select range_end - range_start as width, tableowner as owner from timescaledb_information.chunks"
        " join pg_tables on schemaname = chunk_schema and tablename = chunk_name"
    )
    assert len(chunks) == 5
    assert {chunk["width"] for chunk in chunks} == {7 * DAY}
    assert ENGINE_ROLE not in {chunk["owner"] for chunk in chunks}


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_engine_may_not(migrated_url: str, ledger: Ledger, statement: str) -> None:
    store(ledger, 1)
    with (
        psycopg.connect(as_engine(migrated_url), autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


def test_switching_the_strategy_to_and_fro_keeps_rows_numbers_and_rights(
    site: Server, migrated_url: str, database: Database, ask: Ask, timers: TimerThread
) -> None:
    ledger = Ledger(database, grammar_version="g1")
    site.make_role("grafana", "pw")
    ask("grant usage on schema signals to grafana")
    ask("grant select on signals.tp_capital_signals to grafana")
    ages = (1, 30, 89)
    store(ledger, *ages)
    for turn, strategy in enumerate((Strategy.NEON, Strategy.TIMESCALE, Strategy.NEON), 1):
        before = ask("select * from signals.tp_capital_signals order by id")
        assert not is_current(database, strategy=strategy)
        applied = migrate(migrated_url, schema=SCHEMA, strategy=strategy, timers=timers)
        assert applied == (
            "hypertable" if strategy is Strategy.TIMESCALE else "partitions",
            "search_index",
        )
        assert is_current(database, strategy=strategy)
        assert hypertables(migrated_url) == ([(SCHEMA, 1)] if strategy is Strategy.TIMESCALE else [])

        assert ask("select * from signals.tp_capital_signals order by id") == before
        store(ledger, *ages, first=1 + turn * len(ages))
        ids = [row["id"] for row in ask("select id from signals.tp_capital_signals order by commit_number")]
        assert ids == sorted(ids)
        assert len(set(ids)) == (turn + 1) * len(ages)
        with psycopg.connect(as_role(migrated_url, "grafana", "pw")) as dashboard:
            assert dashboard.execute("select count(*) from signals.tp_capital_signals").fetchone() == (
                len(ids),
            )
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                dashboard.execute("delete from signals.tp_capital_signals")
    assert not ask("select relname from pg_class where relname ~ 'before'")


def test_an_extension_older_than_ours_is_refused_with_the_remedy(
    direct_url: str, timers: TimerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout_module, "OLDEST_TIMESCALE", (99, 0, 1))
    with pytest.raises(
        DatabaseMisconfiguredError, match=r"at least 99\.0\.1 .*alter extension timescaledb update"
    ):
        migrate(direct_url, schema=SCHEMA, strategy=Strategy.TIMESCALE, timers=timers)
    assert "partitions" in migrate(direct_url, schema=SCHEMA, strategy=Strategy.NEON, timers=timers)


def test_an_extension_that_the_server_has_not_loaded_is_refused_with_the_remedy(
    direct_url: str, timers: TimerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout_module, "_LOADED", "timescaledb.setting_of_no_release")
    with pytest.raises(DatabaseMisconfiguredError, match="shared_preload_libraries = 'timescaledb'"):
        migrate(direct_url, schema=SCHEMA, strategy=Strategy.TIMESCALE, timers=timers)


def test_an_extension_in_a_schema_of_its_own_is_found(direct_url: str, timers: TimerThread) -> None:
    with psycopg.connect(direct_url, autocommit=True) as connection:
        connection.execute('create schema "Of others"')
        connection.execute('create extension timescaledb schema "Of others"')
    assert migrate(direct_url, schema=SCHEMA, strategy=Strategy.TIMESCALE, timers=timers) == STEPS
    assert hypertables(direct_url) == [(SCHEMA, 1)]


def test_migrating_twice_at_once_through_a_pooler_makes_one_hypertable(
    pooled_url: str, direct_url: str, timers: TimerThread
) -> None:
    def one(_: int) -> tuple[str, ...]:
        return migrate(
            pooled_url, schema=SCHEMA, strategy=Strategy.TIMESCALE, timers=timers, engine_role=ENGINE_ROLE
        )

    with ThreadPoolExecutor(2) as threads:
        applied = [name for names in threads.map(one, range(2)) for name in names]
    assert sorted(applied) == sorted(STEPS)
    assert hypertables(direct_url) == [(SCHEMA, 1)]
    database = Database(as_engine(pooled_url), schema=SCHEMA, pool_max=4, timers=timers)
    database.open()
    try:
        store(Ledger(database, grammar_version="g1"), 1, 2, 10)
        assert len(Signals(database, retention=90 * DAY).find(SignalQuery()).rows) == 3
    finally:
        database.close()


def test_a_daemon_serves_a_signal_from_the_gateway_and_is_healthy(
    postgres: LocalPostgres, owned_url: str, pooled_url: str, tmp_path: Path
) -> None:
    gateway_database = name_of(owned_url).replace("test_", "gateway_")
    postgres.create_database(gateway_database)
    with GatewayProcess(postgres.dsn(gateway_database), tmp_path) as gateway:
        put(gateway.database_url, [signal_message(1), signal_message(2, ago_s=100 * DAY.total_seconds())])
        environment = engine_environment(
            as_engine(pooled_url),
            gateway.url,
            TP_CAPITAL_DB_STRATEGY="timescale",
            TP_CAPITAL_MIGRATION_DATABASE_URL=owned_url,
        )
        with running_daemon(environment) as engine:
            eventually(lambda: engine.get("/api/v1/signals").json().get("data"), what="not served")
            served = engine.get("/api/v1/signals").json()["data"]
            assert [(row["channel"], row["message_id"]) for row in served] == [(CHANNEL, "1")]
            engine.wait_healthy()
            assert engine.check("timescaledb") == "healthy"
            assert engine.check("retention") == "healthy"
            assert engine.health()["details"]["retention"]["weeksMadeUntil"] is None, "made when needed"
    postgres.drop_database(gateway_database)
    assert hypertables(owned_url) == [(SCHEMA, 1)]
