"""Two roles: the owner migrates, the engine's role does its work and cannot change the shape of anything."""

import psycopg
import pytest

from engine.timers import TimerThread
from ops.local.ports import free_port
from ops.local.postgres import LocalPostgres
from ops.local.roles import ENGINE_ROLE, OWNER_ROLE, RolePasswords, make_database
from storage.postgres import layout as layout_module
from storage.postgres.schema import Strategy, migrate
from tests.support.databases import ENGINE_PASSWORD, as_engine, name_of
from tests.support.stack import engine_environment, eventually, running_daemon

FORBIDDEN = (
    "drop table signals.tp_capital_signals",
    "alter table signals.ledger add column x text",
    "create table signals.mine (a int)",
    "truncate signals.ledger",
    "update signals.tp_capital_signals set stop = 1",
    "truncate signals.tp_capital_signals",
    "update signals.schema_migrations set version = 99",
    "insert into signals.commits (number) values (1)",
    "drop function signals.keep_retention()",
    "create schema mine",
)


@pytest.fixture
def owned_url(postgres: LocalPostgres, direct_url: str) -> str:
    """Make the test's database one that the owner's role owns; give the owner's URL."""
    passwords = RolePasswords(owner="owner's own", engine=ENGINE_PASSWORD)
    make_database(postgres, name_of(direct_url), passwords)
    return postgres.dsn(name_of(direct_url), OWNER_ROLE, passwords.owner)


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_engine_may_not(owned_url: str, timers: TimerThread, statement: str) -> None:
    migrate(owned_url, schema="signals", strategy=Strategy.NEON, timers=timers, engine_role=ENGINE_ROLE)
    with (
        psycopg.connect(as_engine(owned_url), autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


def test_the_engines_role_has_limits_that_free_what_a_frozen_daemon_holds(owned_url: str) -> None:
    with psycopg.connect(as_engine(owned_url)) as connection:
        row = connection.execute(
            "select current_setting('statement_timeout'), current_setting('lock_timeout'),"
            " current_setting('idle_in_transaction_session_timeout')"
        ).fetchone()
    assert row == ("20s", "10s", "10s")


def test_the_rights_of_other_roles_outlive_a_new_layout(
    postgres: LocalPostgres, owned_url: str, timers: TimerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(owned_url, schema="signals", strategy=Strategy.NEON, timers=timers)
    postgres.create_role("grafana", ENGINE_PASSWORD)
    with psycopg.connect(owned_url, autocommit=True) as connection:
        connection.execute("grant usage on schema signals to grafana")
        connection.execute("grant select on signals.tp_capital_signals to grafana")
    monkeypatch.setattr(layout_module, "_VERSION", 2)
    migrate(owned_url, schema="signals", strategy=Strategy.NEON, timers=timers)
    with psycopg.connect(postgres.dsn(name_of(owned_url), "grafana", ENGINE_PASSWORD)) as connection:
        assert connection.execute("select count(*) from signals.tp_capital_signals").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("delete from signals.tp_capital_signals")


def test_a_daemon_without_the_right_waits_for_the_owner_and_says_so(
    owned_url: str, timers: TimerThread
) -> None:
    environment = engine_environment(as_engine(owned_url), f"http://127.0.0.1:{free_port()}")
    with running_daemon(environment) as engine:

        def cause() -> str:
            return str(engine.health().get("details", {}).get("timescaledb", {}).get("error"))

        eventually(lambda: "tp-capital migrate" in cause(), what="the remedy is not told")
        assert engine.get("/readyz").status_code == 503
        migrate(owned_url, schema="signals", strategy=Strategy.NEON, timers=timers, engine_role=ENGINE_ROLE)
        eventually(lambda: engine.check("timescaledb") == "healthy", what="not seen")
        eventually(lambda: engine.check("retention") == "healthy")


def test_a_daemon_that_knows_the_owners_connection_migrates_by_itself(owned_url: str) -> None:
    environment = engine_environment(
        as_engine(owned_url),
        f"http://127.0.0.1:{free_port()}",
        TP_CAPITAL_MIGRATION_DATABASE_URL=owned_url,
    )
    with running_daemon(environment) as engine:
        eventually(lambda: engine.check("timescaledb") == "healthy")
        assert engine.get("/signals").json() == {"data": [], "nextCursor": None}
    with psycopg.connect(owned_url) as connection:
        owner = connection.execute(
            "select tableowner from pg_tables where tablename = 'tp_capital_signals'"
        ).fetchone()
    assert owner == (OWNER_ROLE,)
