"""Each finding about the database, with a server really in that state."""

import os
import platform
import re
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from engine.clock import SystemClock
from ops.doctor.database import examine_database
from ops.doctor.findings import CheckResult, CheckStatus
from ops.doctor.migration import examine_migration
from ops.local.ports import free_port
from ops.local.postgres import LocalPostgres
from ops.local.roles import ENGINE_LIMITS, ENGINE_ROLE
from tests.integration.doctor.conftest import Around, Look
from tests.support.databases import ENGINE_PASSWORD, name_of
from tests.support.proxy import TcpProxy
from tests.support.servers import pgbouncer


class ShiftedClock(SystemClock):
    """A clock of this machine that is wrong."""

    def __init__(self, ahead_s: float) -> None:
        self._ahead = timedelta(seconds=ahead_s)

    def now(self) -> datetime:
        return super().now() + self._ahead


def neon(url: str, **more: object) -> dict[str, object]:
    return {"TP_CAPITAL_DB_STRATEGY": "neon", "TP_CAPITAL_DATABASE_URL": url, **more}


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def not_ok(found: dict[str, CheckResult]) -> dict[str, CheckResult]:
    return {name: finding for name, finding in found.items() if finding.status is not CheckStatus.OK}


@pytest.fixture
def role(postgres: LocalPostgres) -> Iterator[str]:
    """Make a role for just this test."""
    name = f"role_{uuid.uuid4().hex[:8]}"
    postgres.create_role(name, ENGINE_PASSWORD)
    yield name
    run(postgres.dsn(), f"drop role {name}")


# ── getting in ───────────────────────────────────────────────────────────────


def test_a_deployment_as_it_should_be_is_ok_in_all(look: Look, engine_url: str, owned_url: str) -> None:
    settings = neon(engine_url, TP_CAPITAL_MIGRATION_DATABASE_URL=owned_url)
    assert not_ok(look(examine_database, **settings)) == {}
    assert not_ok(look(examine_migration, **settings)) == {}


@pytest.mark.parametrize("pooled", [False, True], ids=["directly", "through PgBouncer"])
def test_a_wrong_password_is_named(look: Look, engine_url: str, pooler: int, *, pooled: bool) -> None:
    url = make_conninfo(engine_url, password="not-the-one")
    found = look(examine_database, **neon(make_conninfo(url, port=pooler) if pooled else url))
    finding = found.pop("database.connection")
    assert finding.status is CheckStatus.FAIL
    assert "the password is wrong" in finding.found
    assert "28P01" in finding.found
    assert "TP_CAPITAL_DB_PASSWORD" in str(finding.remedy)
    assert "not-the-one" not in f"{finding.found} {finding.remedy}"
    assert {finding.status for finding in found.values()} == {CheckStatus.SKIPPED}


@pytest.mark.parametrize(
    ("change", "cause", "remedy"),
    [
        ({"dbname": "nowhere"}, "no such database", "TP_CAPITAL_DB_NAME"),
        ({"port": 1}, "nothing listens there", "TP_CAPITAL_DB_PORT"),
        ({"host": "db.invalid"}, "no such host", "TP_CAPITAL_DB_HOST"),
        ({"sslmode": "require"}, "TLS is asked for", "ssl = on"),
        ({"sslmode": "verify-full"}, "TLS is asked for", "ssl = on"),
    ],
)
def test_why_there_is_no_connection_is_named(
    look: Look, engine_url: str, change: dict[str, str], cause: str, remedy: str
) -> None:
    finding = look(examine_database, **neon(make_conninfo(engine_url, **change)))["database.connection"]
    assert finding.status is CheckStatus.FAIL
    assert cause in finding.found
    assert remedy in str(finding.remedy)


@pytest.mark.parametrize(
    ("change", "cause"),
    [("connection limit 0", "53300"), ("nologin", "may not log in"), ("password null", "28P01")],
)
def test_a_role_that_is_not_let_in_is_named(
    look: Look, shared_url: str, role: str, change: str, cause: str
) -> None:
    run(shared_url, f"alter role {role} {change}")
    url = make_conninfo(shared_url, user=role, password=ENGINE_PASSWORD)
    assert cause in look(examine_database, **neon(url))["database.connection"].found


def test_a_pooler_whose_password_for_the_server_is_old_is_named(
    around: Around, postgres: LocalPostgres, shared_url: str, role: str
) -> None:
    port = free_port()
    url = make_conninfo(shared_url, user=role, password=ENGINE_PASSWORD, port=port)
    folder = Path(tempfile.mkdtemp(prefix="tp-capital-tests-", dir="/tmp"))
    # its first login decides: nothing is kept waiting then
    with pgbouncer(folder, postgres, [role], listen_port=str(port), query_wait_timeout="1"):
        run(shared_url, f"alter role {role} password 'another'")
        finding = next(iter(examine_database(around(**neon(url)))))
    shutil.rmtree(folder)
    assert finding.status is CheckStatus.FAIL
    assert "28P01" in finding.found
    assert "auth_file" in str(finding.remedy)


def test_a_server_that_freezes_is_named_and_hides_nothing(
    around: Around, engine_url: str, postgres: LocalPostgres
) -> None:
    with TcpProxy("127.0.0.1", postgres.port) as proxy:
        findings = examine_database(around(**neon(make_conninfo(engine_url, port=proxy.port), answer_s=0.3)))
        assert next(findings).status is CheckStatus.OK
        proxy.freeze()
        cut, *rest = findings
    assert (cut.name, cut.status, cut.found) == (
        "database.latency",
        CheckStatus.FAIL,
        "no answer within 0.3 s",
    )
    assert rest
    assert {finding.status for finding in rest} == {CheckStatus.SKIPPED}


# ── the server ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("ahead_s", "status", "words"),
    [
        (0.0, CheckStatus.OK, "agree"),
        (30.0, CheckStatus.WARN, r"the database's clock is (29|30|31) s behind"),
        (-3600.0, CheckStatus.FAIL, r"the database's clock is (3599|360\d) s ahead of"),
    ],
)
def test_clock_skew_of_the_database_is_named(
    around: Around, engine_url: str, ahead_s: float, status: CheckStatus, words: str
) -> None:
    surroundings = around(**neon(engine_url, clock=ShiftedClock(ahead_s)))
    assert list(examine_database(surroundings))
    clock = next(finding for finding in surroundings.clocks.judged() if finding.name == "clock.database")
    assert clock.status is status
    assert re.search(words, clock.found)


def test_an_encoding_that_is_not_utf8_is_named(look: Look, shared_url: str) -> None:
    name = f"{name_of(shared_url)}_ascii"
    run(shared_url, f"create database {name} encoding 'SQL_ASCII' locale 'C' template template0")
    finding = look(examine_database, **neon(make_conninfo(shared_url, dbname=name)))["database.encoding"]
    run(shared_url, f"drop database {name}")
    assert (finding.status, "SQL_ASCII" in finding.found) == (CheckStatus.FAIL, True)
    assert "encoding 'UTF8'" in str(finding.remedy)


def test_a_locale_that_knows_no_case_of_other_letters_is_a_warning(look: Look, shared_url: str) -> None:
    name = f"{name_of(shared_url)}_c"
    run(shared_url, f"create database {name} encoding 'UTF8' locale 'C' template template0")
    finding = look(examine_database, **neon(make_conninfo(shared_url, dbname=name)))["database.encoding"]
    run(shared_url, f"drop database {name}")
    assert (finding.status, "AÇÃO" in finding.found) == (CheckStatus.WARN, True)
    assert "init-database.sql" in str(finding.remedy)


def test_a_database_that_takes_no_writes_is_named(look: Look, admin_url: str, engine_url: str) -> None:
    run(admin_url, f"alter database {name_of(admin_url)} set default_transaction_read_only = on")
    finding = look(examine_database, **neon(engine_url))["database.writable"]
    assert (finding.status, "read-only" in finding.found) == (CheckStatus.FAIL, True)


def test_the_size_is_said_because_the_disk_cannot_be_seen(look: Look, engine_url: str) -> None:
    finding = look(examine_database, **neon(engine_url))["database.size"]
    assert finding.status is CheckStatus.OK
    assert "kB" in finding.found or "MB" in finding.found


# ── extension and schema ─────────────────────────────────────────────────────


def test_a_missing_extension_is_a_warning_that_names_the_fallback(look: Look, engine_url: str) -> None:
    found = look(examine_database, TP_CAPITAL_DATABASE_URL=engine_url)
    assert found["database.extension"].status is CheckStatus.WARN
    assert "native partitions" in found["database.extension"].found
    assert "TP_CAPITAL_DB_STRATEGY=neon" in str(found["database.extension"].remedy)
    assert found["database.schema"].status is CheckStatus.OK


@pytest.fixture
def offer_timescale(admin_url: str, engine_url: str) -> Iterator[Callable[..., None]]:
    """Have the server offer a timescaledb of some version, as far as its control file and settings go."""
    folder = Path(tempfile.mkdtemp(prefix="tp-capital-tests-", dir="/tmp"))
    folder.chmod(0o755)
    (folder / "extension").mkdir()

    def offer(version: str, *, loaded: bool = True) -> None:
        (folder / "extension" / "timescaledb.control").write_text(f"default_version = '{version}'\n")
        # a setting of PostgreSQL 18, which the tests' server is
        run(
            admin_url,
            f"alter database {name_of(admin_url)} set extension_control_path = '{folder}:$system'",
        )
        if loaded:
            run(
                admin_url,
                f"alter database {name_of(admin_url)} set timescaledb.max_background_workers = '16'",
            )

    yield offer
    shutil.rmtree(folder)


def test_an_extension_too_old_is_a_failure(
    look: Look, engine_url: str, offer_timescale: Callable[..., None]
) -> None:
    offer_timescale("2.10.3")
    found = look(examine_database, TP_CAPITAL_DATABASE_URL=engine_url)
    assert found["database.extension"].status is CheckStatus.FAIL
    assert "2.10.3" in found["database.extension"].found
    assert "2.18.1" in found["database.extension"].found
    assert "TP_CAPITAL_DB_STRATEGY=neon" in str(found["database.extension"].remedy)
    assert found["database.schema"].status is CheckStatus.SKIPPED


def test_an_extension_that_came_after_the_schema_asks_for_migrate(
    look: Look, engine_url: str, offer_timescale: Callable[..., None]
) -> None:
    offer_timescale("2.29.2")
    found = look(examine_database, TP_CAPITAL_DATABASE_URL=engine_url)
    assert found["database.extension"].status is CheckStatus.OK
    assert found["database.schema"].status is CheckStatus.FAIL
    assert "hypertable" in found["database.schema"].found
    assert "tp-capital migrate" in str(found["database.schema"].remedy)


def test_an_extension_that_the_server_has_not_loaded_is_a_failure(
    look: Look, engine_url: str, offer_timescale: Callable[..., None]
) -> None:
    offer_timescale("2.29.2", loaded=False)
    finding = look(examine_database, TP_CAPITAL_DATABASE_URL=engine_url)["database.extension"]
    assert finding.status is CheckStatus.FAIL
    assert "has not loaded it" in finding.found
    assert "shared_preload_libraries" in str(finding.remedy)


def test_an_extension_without_retention_policies_is_a_failure(
    look: Look, admin_url: str, engine_url: str, offer_timescale: Callable[..., None]
) -> None:
    offer_timescale("2.29.2")
    run(admin_url, f"alter database {name_of(admin_url)} set timescaledb.license = 'apache'")
    finding = look(examine_database, TP_CAPITAL_DATABASE_URL=engine_url)["database.extension"]
    assert (finding.status, "apache" in finding.found) == (CheckStatus.FAIL, True)


def test_a_schema_that_is_not_there_yet_asks_for_migrate(look: Look, direct_url: str) -> None:
    found = look(examine_database, **neon(direct_url))
    assert found["database.schema"].status is CheckStatus.FAIL
    assert "tp-capital migrate" in str(found["database.schema"].remedy)
    assert {found[f"database.{name}"].status for name in ("rights", "daemons")} == {CheckStatus.SKIPPED}


@pytest.mark.parametrize(
    ("change", "status_and_words"),
    [
        (
            "delete from signals.schema_migrations where version = 4",
            (CheckStatus.FAIL, "lacks the migrations signal_events"),
        ),
        (
            "insert into signals.schema_migrations (version, name) values (9999, 'x')",
            (CheckStatus.WARN, "newer release"),
        ),
        ("update signals.layout set version = 0", (CheckStatus.FAIL, "not in the layout partitions")),
        ("drop table signals.schema_migrations", (CheckStatus.FAIL, "former service")),
    ],
)
def test_a_schema_of_another_release_is_named(
    look: Look, admin_url: str, engine_url: str, change: str, status_and_words: tuple[CheckStatus, str]
) -> None:
    run(admin_url, change)
    finding = look(examine_database, **neon(engine_url))["database.schema"]
    assert (finding.status, status_and_words[1] in finding.found) == (status_and_words[0], True)


# ── roles ────────────────────────────────────────────────────────────────────


def test_a_missing_right_is_named(look: Look, admin_url: str, engine_url: str) -> None:
    run(
        admin_url,
        f"revoke insert on signals.ledger from {ENGINE_ROLE}",
        f"revoke execute on function signals.keep_retention() from {ENGINE_ROLE}",
    )
    finding = look(examine_database, **neon(engine_url))["database.rights"]
    assert finding.status is CheckStatus.FAIL
    assert finding.found.endswith("lacks execute on keep_retention(), insert on ledger")
    assert "tp-capital migrate" in str(finding.remedy)


def test_a_role_without_any_right_is_named_and_no_check_breaks(look: Look, owned_url: str, role: str) -> None:
    found = look(examine_database, **neon(make_conninfo(owned_url, user=role, password=ENGINE_PASSWORD)))
    assert "usage on the schema" in found["database.rights"].found
    for name in ("schema", "rights", "daemons"):
        assert found[f"database.{name}"].status is CheckStatus.FAIL
        assert "tp-capital migrate" in str(found[f"database.{name}"].remedy)
    assert found["database.least_privilege"].status is CheckStatus.OK


def test_an_engine_that_owns_its_tables_is_a_warning(look: Look, owned_url: str) -> None:
    finding = look(examine_database, **neon(owned_url))["database.least_privilege"]
    assert finding.status is CheckStatus.WARN
    assert "owns the database" in finding.found
    assert "tables" in finding.found
    assert "TP_CAPITAL_MIGRATION_DATABASE_URL" in str(finding.remedy)


def test_an_engine_that_is_superuser_is_a_warning(look: Look, shared_url: str) -> None:
    finding = look(examine_database, **neon(shared_url))["database.least_privilege"]
    assert (finding.status, "superuser" in finding.found) == (CheckStatus.WARN, True)


def test_missing_role_limits_are_a_warning_whose_remedy_mends_them(
    look: Look, shared_url: str, role: str
) -> None:
    settings = neon(make_conninfo(shared_url, user=role, password=ENGINE_PASSWORD))
    run(shared_url, f"alter role {role} set lock_timeout = '3s'")
    finding = look(examine_database, **settings)["database.role_limits"]
    assert finding.status is CheckStatus.WARN
    assert finding.found == "not limited: statement_timeout, idle_in_transaction_session_timeout"
    run(shared_url, str(finding.remedy))
    assert look(examine_database, **settings)["database.role_limits"].status is CheckStatus.OK
    assert set(ENGINE_LIMITS) == {"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"}


@pytest.mark.parametrize(
    ("places", "status"),
    [
        ((), CheckStatus.OK),
        ((f"{platform.node()} pid {os.getpid()}",), CheckStatus.OK),
        ((f"{platform.node()} pid 4194305",), CheckStatus.WARN),
        (("elsewhere pid 1",), CheckStatus.WARN),
        ((f"{platform.node()} pid {os.getpid()}", "elsewhere pid 1"), CheckStatus.WARN),
    ],
    ids=["none", "here", "here but gone", "elsewhere", "both"],
)
def test_another_daemons_lease_is_a_warning(
    look: Look, admin_url: str, engine_url: str, places: tuple[str, ...], status: CheckStatus
) -> None:
    for place in places:
        run(admin_url, f"insert into signals.daemons (daemon_id, place) values ('{place}', '{place}')")
    finding = look(examine_database, **neon(engine_url))["database.daemons"]
    assert finding.status is status
    assert all(place in finding.found for place in places)


def test_daemons_that_share_the_work_are_no_warning(look: Look, admin_url: str, engine_url: str) -> None:
    for role in ("ingest", "serve"):
        run(
            admin_url,
            f"insert into signals.daemons (daemon_id, place, role) values ('{role}', 'vm', '{role}')",
        )
    assert look(examine_database, **neon(engine_url))["database.daemons"].status is CheckStatus.OK


# ── the role that migrates ───────────────────────────────────────────────────


def migrating(engine: str, owner: str) -> dict[str, object]:
    return neon(engine, TP_CAPITAL_MIGRATION_DATABASE_URL=owner)


def test_a_migration_role_that_cannot_migrate_is_a_failure_whose_remedy_mends_it(
    look: Look, admin_url: str, engine_url: str, role: str
) -> None:
    owner = make_conninfo(admin_url, user=role, password=ENGINE_PASSWORD)
    finding = look(examine_migration, **migrating(engine_url, owner))["migration.rights"]
    assert finding.status is CheckStatus.FAIL
    assert "may not make schemas" in finding.found
    assert "does not own signals" in finding.found
    assert "ledger" in finding.found
    _, _, statements = str(finding.remedy).partition("rights: ")
    run(admin_url, statements)
    assert (
        look(examine_migration, **migrating(engine_url, owner))["migration.rights"].status is CheckStatus.OK
    )
    run(admin_url, f"reassign owned by {role} to {ENGINE_ROLE}", f"drop owned by {role}")


def test_without_a_migration_role_the_engines_own_is_looked_at(look: Look, engine_url: str) -> None:
    found = look(examine_migration, **neon(engine_url))
    assert found["migration.connection"].status is CheckStatus.SKIPPED
    assert found["migration.rights"].status is CheckStatus.OK
    assert "TP_CAPITAL_MIGRATION_DATABASE_URL" in found["migration.rights"].found


def test_a_wrong_migration_password_is_named_with_its_setting(
    look: Look, engine_url: str, owned_url: str
) -> None:
    found = look(examine_migration, **migrating(engine_url, make_conninfo(owned_url, password="wrong one")))
    assert found["migration.connection"].status is CheckStatus.FAIL
    assert "28P01" in found["migration.connection"].found
    assert "TP_CAPITAL_MIGRATION_DATABASE_URL" in str(found["migration.connection"].remedy)


def test_a_migration_url_to_another_database_is_a_failure(
    look: Look, engine_url: str, owned_url: str, pooler: int
) -> None:
    elsewhere = make_conninfo(owned_url, dbname="postgres")
    assert (
        look(examine_migration, **migrating(engine_url, elsewhere))["migration.target"].status
        is CheckStatus.FAIL
    )
    pooled = make_conninfo(engine_url, port=pooler)
    assert (
        look(examine_migration, **migrating(pooled, owned_url))["migration.target"].status is CheckStatus.OK
    )
