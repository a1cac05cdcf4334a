"""From init-env to a running engine: roles, database and pooler as compose sets them up, on real servers."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from psycopg.rows import dict_row

from ops.backup.errors import BackupError
from ops.backup.server import connected
from ops.environment_file import environment_text
from ops.local._account import server_account
from ops.local._binaries import find_binaries
from ops.local.postgres import LocalPostgres
from ops.local.process import OwnedProcess
from ops.local.roles import ENGINE_LIMITS, ENGINE_ROLE, OWNER_ROLE
from tests.support.servers import HOST, copied_cluster, free_port, need_program, server_folder
from tests.support.stack import EngineProcess, eventually

DEPLOY = Path(__file__).parents[3] / "ops" / "deploy"
DATABASE, ENGINE, OWNER = "tp_capital_db", ENGINE_ROLE, OWNER_ROLE


def run_init(
    postgres: LocalPostgres, folder: Path, values: Mapping[str, str], *, system: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run the files as the entry point of the database image does."""
    psql = find_binaries(folder, system=system).folder / "psql"
    files = ("--file", DEPLOY / "init-roles.sql", "--file", DEPLOY / "init-database.sql")
    return subprocess.run(
        [psql, "-v", "ON_ERROR_STOP=1", "--no-psqlrc", *files],
        env={
            **values,
            "PGHOST": HOST,
            "PGPORT": str(postgres.port),
            "PGUSER": "postgres",
            "PGDATABASE": "postgres",
        }
        | {"PGPASSWORD": postgres.password_path.read_text().strip(), "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Give a folder that the servers' user may pass through."""
    with server_folder() as made:
        made.chmod(0o755)
        yield made


@pytest.fixture(scope="module")
def postgres(cluster: Path, folder: Path) -> Iterator[LocalPostgres]:
    """Run a server of its own: one without roles of ours, as the database image finds it."""
    copied = copied_cluster(cluster, folder / "postgres")
    with LocalPostgres(copied, settings={"fsync": "off"}) as server:
        yield server


@pytest.fixture(scope="module")
def values(postgres: LocalPostgres, folder: Path) -> dict[str, str]:
    """Make roles and database with the secrets of a new .env, and give its values."""
    written = dict(re.findall(r"^([A-Z_]+)=(.*)$", environment_text(), re.MULTILINE))
    made = run_init(postgres, folder, written)
    assert made.returncode == 0, made.stderr
    return written


@pytest.fixture(scope="module")
def pooler_port(postgres: LocalPostgres, folder: Path, values: dict[str, str]) -> Iterator[int]:
    """Run PgBouncer with the files of the compose deployment; only places are others."""
    program = Path(need_program("pgbouncer"))
    port = free_port()
    place = folder / "pooler"
    place.mkdir()
    moved = {
        "host=timescaledb port=5432": f"host={HOST} port={postgres.port}",
        "listen_addr = *": f"listen_addr = {HOST}",
        "listen_port = 6432": f"listen_port = {port}",
        "/run/pgbouncer": str(place),
    }
    for name in ("pgbouncer.ini", "pgbouncer.sh"):
        text = (DEPLOY / name).read_text("utf-8")
        for old, new in moved.items():
            text = text.replace(old, new)
        (place / name).write_text(text)
    account = server_account()
    if account:
        os.chown(place, account.uid, account.gid)
    environment = {"PATH": f"{program.parent}:{os.defpath}"} | {
        "TP_CAPITAL_DB_PASSWORD": values["TP_CAPITAL_DB_PASSWORD"]
    }
    command = ["/bin/sh", str(place / "pgbouncer.sh"), str(place / "pgbouncer.ini")]
    with OwnedProcess(
        "pgbouncer", command, log_path=folder / "pgbouncer.log", cwd=place, env=environment, account=account
    ) as pooler:
        pooler.start()
        pooler.wait_ready(lambda: can_log_in(postgres, values, port), deadline_s=30)
        yield port


def can_log_in(postgres: LocalPostgres, values: dict[str, str], port: int) -> bool:
    try:
        psycopg.connect(through(port, ENGINE, values["TP_CAPITAL_DB_PASSWORD"])).close()
    except psycopg.OperationalError:
        return False
    return True


def through(port: int, user: str, password: str, database: str = DATABASE) -> str:
    return f"postgresql://{user}:{password}@{HOST}:{port}/{database}?connect_timeout=3"


def test_the_engines_role_may_log_in_and_no_more(postgres: LocalPostgres, values: dict[str, str]) -> None:
    with psycopg.connect(postgres.dsn(), row_factory=dict_row) as admin:
        roles = {
            row["rolname"]: row
            for row in admin.execute(
                "select role.*, secret.rolpassword as secret, setconfig from pg_roles as role"
                " join pg_authid as secret using (rolname) left join pg_db_role_setting on setrole = role.oid"
                " where rolname in (%s, %s)",
                [ENGINE, OWNER],
            )
        }
        (owner,) = admin.execute(
            "select pg_get_userbyid(datdba) as name from pg_database where datname = %s", [DATABASE]
        )
    powers = ("rolsuper", "rolcreaterole", "rolreplication", "rolbypassrls")
    assert [power for role in roles.values() for power in powers if role[power]] == []
    assert {name for name, role in roles.items() if role["rolcreatedb"]} == {OWNER}
    assert all(role["secret"].startswith("SCRAM-SHA-256$") for role in roles.values())
    # as `tp-capital stack` sets them
    assert sorted(roles[ENGINE]["setconfig"]) == sorted(
        f"{name}={value}" for name, value in ENGINE_LIMITS.items()
    )
    assert owner["name"] == OWNER


@pytest.mark.parametrize("system", [False, True], ids=["the newest server", "Debian's older one"])
def test_a_search_knows_every_letters_case_also_where_the_clusters_locale_does_not(
    folder: Path, *, system: bool
) -> None:
    if system:
        need_program("psql")
    place = folder / f"of-locale-c-{system}"
    written = dict(re.findall(r"^([A-Z_]+)=(.*)$", environment_text(), re.MULTILINE))
    with LocalPostgres(place, settings={"fsync": "off"}, system=system) as server:
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            # what pg_createcluster makes where LANG is not set
            admin.execute(
                "update pg_database set encoding = pg_char_to_encoding('SQL_ASCII'), datcollate = 'C', datctype = 'C'"
                " where datname in ('template0', 'template1')"
            )
        made = run_init(server, place, written, system=system)
        assert made.returncode == 0, made.stderr
        with psycopg.connect(server.dsn(DATABASE)) as connection:
            found = connection.execute(
                "select 'COMPRA AÇÃO' ilike '%ação%', 'Z' < 'a', current_setting('server_encoding')"
            ).fetchone()
    assert found == (True, True, "UTF8")


def test_nobody_else_comes_into_the_database(postgres: LocalPostgres, values: dict[str, str]) -> None:
    postgres.create_role("stranger", "pw")
    try:
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(postgres.dsn(DATABASE, "stranger", "pw"))
    finally:
        with psycopg.connect(postgres.dsn(), autocommit=True) as admin:
            admin.execute("drop role stranger")


def test_without_passwords_nothing_is_made(
    postgres: LocalPostgres, folder: Path, values: dict[str, str]
) -> None:
    done = run_init(postgres, folder, {"TP_CAPITAL_DB_PASSWORD": "only one"})
    assert done.returncode == 3
    assert "TP_CAPITAL_OWNER_PASSWORD: tp-capital init-env writes them" in done.stderr


def test_a_failing_statement_leaves_no_password_in_the_servers_log(
    postgres: LocalPostgres, folder: Path, values: dict[str, str]
) -> None:
    done = run_init(postgres, folder, values)
    assert done.returncode == 3
    assert 'role "tp_capital_owner" already exists' in done.stderr
    log = postgres.log_path.read_text()
    assert 'role "tp_capital_owner" already exists' in log
    assert values["TP_CAPITAL_OWNER_PASSWORD"] not in log


@pytest.mark.parametrize("logging", ["log_statement = 'all'", "log_min_duration_statement = 0"])
def test_a_server_that_logs_every_statement_logs_no_password(
    postgres: LocalPostgres, folder: Path, values: dict[str, str], logging: str
) -> None:
    with psycopg.connect(postgres.dsn(), autocommit=True) as admin:
        admin.execute(f"alter system set {logging}".encode())
        admin.execute("select pg_reload_conf()")
        try:
            with psycopg.connect(postgres.dsn(), autocommit=True) as other:
                eventually(lambda: "select 'seen" in seen_in_log(postgres, other), deadline_s=10)
            run_init(postgres, folder, values)
        finally:
            admin.execute("alter system reset all")
            admin.execute("select pg_reload_conf()")
    log = postgres.log_path.read_text()
    assert "set log_statement" in log
    assert values["TP_CAPITAL_OWNER_PASSWORD"] not in log
    assert values["TP_CAPITAL_DB_PASSWORD"] not in log


def seen_in_log(postgres: LocalPostgres, connection: psycopg.Connection) -> str:
    """Let the server log a statement, if it does; return its log."""
    connection.execute("select 'seen'")
    return postgres.log_path.read_text()


def test_the_pooler_is_the_contracts(pooler_port: int, values: dict[str, str]) -> None:
    console = through(pooler_port, ENGINE, values["TP_CAPITAL_DB_PASSWORD"], "pgbouncer")
    with psycopg.connect(console, autocommit=True, row_factory=dict_row, prepare_threshold=None) as stats:
        # the console speaks the simple protocol alone
        found = psycopg.ClientCursor(stats, row_factory=dict_row).execute("show config").fetchall()
        settings = {row["key"]: row["value"] for row in found}
        with pytest.raises(errors.DatabaseError, match="admin access needed"):
            psycopg.ClientCursor(stats).execute("pause")
    assert settings["pool_mode"] == "transaction"
    assert settings["max_client_conn"] == "200"
    assert settings["default_pool_size"] == settings["max_db_connections"] == "25"
    assert settings["auth_type"] == "scram-sha-256"


@pytest.mark.parametrize("user", [ENGINE, OWNER, "postgres"])
def test_the_pooler_lets_only_the_engine_in(pooler_port: int, values: dict[str, str], user: str) -> None:
    password = "wrong" if user == ENGINE else values["TP_CAPITAL_OWNER_PASSWORD"]
    with pytest.raises(psycopg.OperationalError, match="FATAL"):
        psycopg.connect(through(pooler_port, user, password))


def test_a_backup_does_not_go_through_the_pooler(pooler_port: int, values: dict[str, str]) -> None:
    """Settings of pg_dump's session would stay on a connection that the engine is lent next."""
    url = through(pooler_port, ENGINE, values["TP_CAPITAL_DB_PASSWORD"])
    with pytest.raises(BackupError, match=f"{HOST}:{pooler_port} is a pooler"), connected(url):
        pytest.fail("connected")


def test_the_list_of_users_is_for_the_pooler_alone(pooler_port: int, folder: Path) -> None:
    assert (folder / "pooler" / "userlist.txt").stat().st_mode & 0o777 == 0o600


def test_the_engine_runs_with_its_own_rights_after_the_owner_has_migrated(
    postgres: LocalPostgres, pooler_port: int, folder: Path, values: dict[str, str], tmp_path: Path
) -> None:
    """What compose does, in its order: database, pooler, migrate, engine - the gateway is away."""
    places = {"TP_CAPITAL_DB_PORT": str(pooler_port), "TELEGRAM_GATEWAY_URL": f"http://{HOST}:{free_port()}"}
    owner = values["TP_CAPITAL_MIGRATION_DATABASE_URL"].replace(":5440/", f":{postgres.port}/")
    settings = {name: value for name, value in values.items() if name != "TP_CAPITAL_MIGRATION_DATABASE_URL"}
    settings |= places | {"PORT": str(free_port()), "PATH": os.environ["PATH"]}
    with EngineProcess(settings, tmp_path) as engine:
        # it may not migrate: it says what it waits for
        eventually(lambda: "tp-capital migrate" in engine.get("/readyz").text if engine.health() else False)
        migrated = subprocess.run(
            [sys.executable, "-m", "ops.cli", "migrate"],
            env={**settings, "TP_CAPITAL_MIGRATION_DATABASE_URL": owner},
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert migrated.returncode == 0, migrated.stderr
        eventually(lambda: engine.get("/readyz").status_code == 200)
        assert engine.check("timescaledb") == "healthy"
        with psycopg.connect(through(pooler_port, ENGINE, values["TP_CAPITAL_DB_PASSWORD"])) as connection:
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute("create table signals.mine (a int)")
            connection.rollback()
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute("drop table signals.ledger")
