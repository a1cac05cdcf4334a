"""Poolers in every mode, told apart by behaviour alone."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from ops.doctor.findings import CheckStatus
from ops.doctor.pooler import examine_pooler
from ops.local.ports import free_port
from ops.local.postgres import LocalPostgres
from ops.local.roles import ENGINE_ROLE
from tests.integration.doctor.conftest import Look
from tests.support.proxy import TcpProxy
from tests.support.servers import pgbouncer


@contextlib.contextmanager
def pooler_of(postgres: LocalPostgres, **settings: str) -> Iterator[int]:
    folder, port = Path(tempfile.mkdtemp(prefix="tp-capital-tests-", dir="/tmp")), free_port()
    with pgbouncer(folder, postgres, [ENGINE_ROLE], listen_port=str(port), **settings):
        yield port
    shutil.rmtree(folder)


def by(port: int, url: str, **more: object) -> dict[str, object]:
    return {"TP_CAPITAL_DATABASE_URL": make_conninfo(url, port=port), **more}


def test_pgbouncer_in_session_mode_is_a_failure(look: Look, postgres: LocalPostgres, engine_url: str) -> None:
    with pooler_of(postgres, pool_mode="session") as port:
        finding = look(examine_pooler, **by(port, engine_url))["pooler.mode"]
    assert finding.status is CheckStatus.FAIL
    assert "session mode" in finding.found
    assert "pool_mode = transaction" in str(finding.remedy)


def test_pgbouncer_in_session_mode_with_one_connection_is_a_failure_and_does_not_hang(
    look: Look, postgres: LocalPostgres, engine_url: str
) -> None:
    with pooler_of(postgres, pool_mode="session", default_pool_size="1") as port:
        finding = look(examine_pooler, **by(port, engine_url, answer_s=0.5))["pooler.mode"]
    assert finding.status is CheckStatus.FAIL
    assert "pool_mode is session" in finding.found


def test_pgbouncer_in_statement_mode_is_a_failure(
    look: Look, postgres: LocalPostgres, engine_url: str
) -> None:
    with pooler_of(postgres, pool_mode="statement") as port:
        finding = look(examine_pooler, **by(port, engine_url))["pooler.mode"]
    assert finding.status is CheckStatus.FAIL
    assert "refuses transactions" in finding.found


@pytest.mark.parametrize(
    "settings",
    [{}, {"server_round_robin": "1"}, {"server_lifetime": "0"}, {"default_pool_size": "1"}],
    ids=["usual", "round robin", "short lives", "one connection"],
)
def test_pgbouncer_in_transaction_mode_is_ok(
    look: Look, postgres: LocalPostgres, engine_url: str, settings: dict[str, str]
) -> None:
    with pooler_of(postgres, **settings) as port:
        # the first look leaves idle server connections behind for the others
        for _ in range(3):
            finding = look(examine_pooler, **by(port, engine_url))["pooler.mode"]
            assert (finding.status, finding.found) == (CheckStatus.OK, "a pooler in transaction mode")


def test_no_pooler_is_said(look: Look, engine_url: str) -> None:
    finding = look(examine_pooler, TP_CAPITAL_DATABASE_URL=engine_url)["pooler.mode"]
    assert (finding.status, "no pooler" in finding.found) == (CheckStatus.OK, True)


def test_a_proxy_is_not_taken_for_a_pooler_of_sessions(
    look: Look, postgres: LocalPostgres, engine_url: str
) -> None:
    with TcpProxy("127.0.0.1", postgres.port) as proxy:
        finding = look(examine_pooler, **by(proxy.port, engine_url))["pooler.mode"]
    assert (finding.status, "a proxy" in finding.found) == (CheckStatus.OK, True)


def test_a_pool_larger_than_the_server_allows_is_a_warning(look: Look, engine_url: str) -> None:
    finding = look(examine_pooler, TP_CAPITAL_DATABASE_URL=engine_url, TP_CAPITAL_POOL_MAX="1000")[
        "pooler.connections"
    ]
    assert finding.status is CheckStatus.WARN
    # 200, less 3 for superusers
    assert "TP_CAPITAL_POOL_MAX is 1000, the server allows this role 197" in finding.found
    assert "TP_CAPITAL_POOL_MAX" in str(finding.remedy)


def test_a_pool_larger_than_the_pooler_allows_is_a_warning_where_it_tells(
    look: Look, postgres: LocalPostgres, engine_url: str
) -> None:
    with pooler_of(postgres, max_client_conn="20", stats_users=ENGINE_ROLE) as port:
        finding = look(examine_pooler, **by(port, engine_url))["pooler.connections"]
    assert finding.status is CheckStatus.WARN
    assert "the pooler allows 20" in finding.found


def test_a_pooler_that_does_not_tell_its_limit_is_no_finding(
    look: Look, engine_url: str, pooler: int
) -> None:
    finding = look(examine_pooler, **by(pooler, engine_url))["pooler.connections"]
    assert (finding.status, "this role may not read" in finding.found) == (CheckStatus.OK, True)
