"""The whole engine before a database that is silent, may not be read, or has another clock."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from engine.clock import SystemClock
from engine.model import Market
from ops.local.postgres import LocalPostgres
from ops.local.roles import ENGINE_ROLE
from tests.support.databases import as_engine, through
from tests.support.httpstub import json_answer
from tests.support.messages import processed_count, put, signal_message, stored_signals
from tests.support.outcomes import a_message, item, signal_outcome
from tests.support.proxy import TcpProxy
from tests.support.serving import serving
from tests.support.stack import EngineProcess, GatewayProcess, engine_environment, eventually


@pytest.fixture
def engine_url(direct_url: str) -> str:
    """Give the database for the engine's own role, straight to the server."""
    return as_engine(direct_url)


@pytest.fixture
def proxy(direct_url: str) -> Iterator[TcpProxy]:
    with TcpProxy("127.0.0.1", int(str(conninfo_to_dict(direct_url)["port"]))) as one:
        yield one


@pytest.mark.timeout(240)
@pytest.mark.parametrize("how", ["black hole", "frozen server"])
def test_fault_90_a_process_ends_in_time_before_a_silent_database(
    gateway: GatewayProcess, own_postgres: LocalPostgres, folder: Path, how: str
) -> None:
    with TcpProxy("127.0.0.1", own_postgres.port) as proxy:
        url = through(own_postgres.dsn(), proxy.port)
        with EngineProcess(engine_environment(url, gateway.url), folder) as engine:
            engine.wait_healthy()
            (proxy if how == "black hole" else own_postgres).freeze()
            put(gateway.database_url, [signal_message(1)])
            eventually(lambda: engine.check("timescaledb") == "unhealthy")
            eventually(lambda: engine.detail("pollingWorker", "channels", 0, "inFlight"))
            assert engine.get("/health").status_code == 503
            start = time.monotonic()
            assert engine.terminate() == 0
            assert time.monotonic() - start < 10
            left = [line for line in engine.log_lines() if line["event"] == "daemon.database_given_up"]
            assert [line["batches_waiting"] for line in left] == [1]
        assert processed_count(gateway.database_url) == 0, "what was left is not acknowledged"
        own_postgres.thaw()


@pytest.mark.parametrize(
    ("harm", "word"),
    [
        (f"revoke select on signals.tp_capital_signals from {ENGINE_ROLE}", "tp_capital_signals"),
        ("alter table signals.tp_capital_signals rename to gone", "tp_capital_signals"),
        ("alter table signals.signal_events rename to gone", "signal_events"),
        ("alter table signals.channels rename column label to gone", "label"),
    ],
    ids=["right", "signals", "events", "column"],
)
def test_fault_93_what_readers_cannot_read_is_told_without_any_reader(
    direct_url: str, engine_url: str, harm: str, word: str
) -> None:
    with serving(engine_url) as served:
        engine = served.engine
        engine.wait_healthy()
        with psycopg.connect(direct_url, autocommit=True) as owner:
            owner.execute(harm.encode())
        start = time.monotonic()
        eventually(lambda: engine.check("timescaledb") == "unhealthy")
        assert time.monotonic() - start < 5
        assert word in engine.detail("timescaledb", "error")
        assert "`tp-capital migrate`" in engine.detail("timescaledb", "error")
        assert engine.get("/readyz").status_code == 503
        assert engine.get("/livez").status_code == 200
        with psycopg.connect(direct_url, autocommit=True) as owner:
            for mend in (
                f"grant select on signals.tp_capital_signals to {ENGINE_ROLE}",
                "alter table if exists signals.gone rename to " + word,
                "alter table signals.channels rename column gone to label",
            ):
                mend_with(owner, mend)
        engine.wait_healthy()


def mend_with(owner: psycopg.Connection, statement: str) -> None:
    """Run one of the statements that mend; those for another harm are refused."""
    with contextlib.suppress(psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        owner.execute(statement.encode())


def test_fault_93_a_table_that_the_probe_does_not_ask_for_is_told_by_its_reader(
    direct_url: str, engine_url: str
) -> None:
    with serving(engine_url) as served:
        with psycopg.connect(direct_url, autocommit=True) as owner:
            owner.execute("alter table signals.dead_letters rename to gone")
        eventually(lambda: served.engine.check("reads") == "degraded")
        assert "dead_letters" in served.engine.detail("reads", "error")


@pytest.mark.usefixtures("engine_url")
def test_fault_94_a_silent_peer_is_told_or_mended_and_commits_go_on_within_ten_seconds(
    direct_url: str, proxy: TcpProxy
) -> None:
    with serving(as_engine(through(direct_url, proxy.port))) as served:
        served.engine.wait_healthy()
        proxy.forget()
        start = time.monotonic()
        served.commit(1)
        assert time.monotonic() - start < 10
        assert served.engine.metric('tpcapital_pool_renewals_total{lane="write"}') >= 1
        served.engine.wait_healthy()


@pytest.mark.parametrize("days", [100, -100], ids=["ahead", "behind"])
def test_fault_95_a_wrong_clock_of_the_engine_expires_nothing_and_is_told(
    engine_url: str, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    monkeypatch.setattr(SystemClock, "now", lambda _: datetime.now(UTC) + timedelta(days=days))
    with serving(engine_url) as served:
        eventually(lambda: served.engine.check("clock") == "degraded")
        side = "ahead of" if days > 0 else "behind"
        assert f"{side} the database's" in served.engine.detail("clock", "error")
        at = datetime.now(UTC).isoformat()
        posted = item(text=signal_message(1)["text"], receivedAt=at, telegramDate=at, updatedAt=at)
        served.gateway.answer(json_answer({"success": True, "data": [posted], "count": 1}))
        eventually(lambda: len(stored_signals(engine_url)) == 1)
        # in another market than the channel's now: its text is read again in the ledger's transaction
        misread = signal_outcome(a_message(2, text=posted["text"]))
        served.tell_writer([replace(misread, market=Market.FOREX)])
        eventually(lambda: len(stored_signals(engine_url)) == 2)
