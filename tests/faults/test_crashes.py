"""kill -9, SIGTERM, and an exception in each actor: nothing lost, nothing doubled, nobody left behind."""

from pathlib import Path

import psycopg
import pytest

from engine.messages import Crash
from tests.support.messages import (
    CHANNEL,
    expected_price,
    processed_count,
    put,
    signal_message,
    stored_signals,
)
from tests.support.stack import (
    EngineProcess,
    GatewayProcess,
    InnerEngine,
    engine_environment,
    eventually,
    running_daemon,
)

#: some seconds of work: whoever is killed, is killed in the middle of it
MANY = 8_000


def ledger_count(dsn: str) -> int:
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            row = connection.execute("select count(*) from signals.ledger").fetchone()
    except psycopg.errors.UndefinedTable:
        return 0
    return int(row[0]) if row else 0


def expected(count: int) -> list[tuple[str, str, object]]:
    return [(CHANNEL, str(number), expected_price(number)) for number in range(1, count + 1)]


@pytest.mark.timeout(180)
def test_kill_in_the_middle_of_polling_loses_and_doubles_nothing(
    gateway: GatewayProcess, database_url: str, folder: Path
) -> None:
    put(gateway.database_url, (signal_message(n) for n in range(1, MANY + 1)))
    environment = engine_environment(database_url, gateway.url, GATEWAY_BATCH_SIZE="1000")
    with EngineProcess(environment, folder) as engine:
        eventually(lambda: ledger_count(database_url) >= 2000, deadline_s=60)
        engine.kill()
        assert ledger_count(database_url) < MANY, "killed too late to show anything"
        engine.start()
        eventually(lambda: ledger_count(database_url) == MANY, deadline_s=90)
        eventually(lambda: processed_count(gateway.database_url) == MANY, deadline_s=20)
        assert engine.terminate() == 0
    assert stored_signals(database_url) == expected(MANY)


@pytest.mark.timeout(180)
def test_kill_in_the_middle_of_the_backfill_resumes_and_doubles_nothing(
    gateway: GatewayProcess, database_url: str, folder: Path
) -> None:
    put(gateway.database_url, (signal_message(n) for n in range(1, MANY + 1)))
    with psycopg.connect(gateway.database_url, autocommit=True) as connection:
        # as the gateway's own publisher would: polling sees none of them, only the history has them
        connection.execute("update telegram_gateway.messages set status = 'published'")
    environment = engine_environment(database_url, gateway.url, TP_CAPITAL_BACKFILL_DELAY_S="0")
    with EngineProcess(environment, folder) as engine:
        eventually(lambda: ledger_count(database_url) >= 2000, deadline_s=60)
        engine.kill()
        pages_before = checkpoint_pages(database_url)
        assert 0 < pages_before < MANY / 500
        engine.start()
        eventually(
            lambda: engine.detail("historicalSync", "completed"),
            deadline_s=90,
        )
        channel = engine.health()["details"]["historicalSync"]["channels"][0]
        assert channel["rowsRead"] == channel["gatewayTotal"] == MANY
        assert engine.terminate() == 0
    assert stored_signals(database_url) == expected(MANY)
    # it resumed: the second run did not read the first run's pages again
    assert checkpoint_pages(database_url) <= MANY / 500 + 1


def checkpoint_pages(dsn: str) -> int:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute("select pages from signals.checkpoints").fetchone()
    return int(row[0]) if row else 0


@pytest.mark.timeout(240)
def test_sigterm_with_a_batch_in_flight_finishes_and_acknowledges_it(
    gateway: GatewayProcess, database_url: str, folder: Path
) -> None:
    put(gateway.database_url, (signal_message(n) for n in range(1, MANY + 1)))
    environment = engine_environment(database_url, gateway.url, GATEWAY_BATCH_SIZE="1000")
    with EngineProcess(environment, folder) as engine:
        eventually(lambda: ledger_count(database_url) >= 2000, deadline_s=60)
        assert engine.terminate(timeout_s=10) == 0
        drained = [line for line in engine.log_lines() if line.get("message") == "drained"]
        assert [line["unacknowledged"] for line in drained] == [0]
    assert 2000 <= ledger_count(database_url) < MANY
    assert processed_count(gateway.database_url) == ledger_count(database_url)


def wait_for_restart(engine: InnerEngine, name: str) -> None:
    def restarted() -> bool:
        child = engine.child(name)
        return child.get("restarts") == 1 and child.get("state") == "running"

    eventually(restarted, what=f"{name} was not restarted")
    assert "drill" in engine.child(name)["lastError"]


def wait_for_signals(dsn: str, count: int) -> None:
    eventually(lambda: len(stored_signals(dsn)) == count, what=f"no {count} signals")


@pytest.mark.timeout(180)
def test_an_exception_in_each_actor_in_turn_is_survived_and_counted(
    gateway: GatewayProcess, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # an actor that holds a long poll meets its fault when the poll ends: let it hold shorter ones
    monkeypatch.setattr("actors.doorbell.WAIT_S", 1)
    monkeypatch.setattr("actors.doorbell.KNOWS_WAIT_S", 0.5)
    environment = engine_environment(database_url, gateway.url, TP_CAPITAL_DOORBELL="1")
    with running_daemon(environment) as engine:
        engine.wait_healthy()
        names = [child["name"] for child in engine.health()["details"]["actors"]["children"]]
        assert {"writer", "cache", "parser", "backfill", "dead_letters", "health", "responder"} < set(names)
        for number, name in enumerate(names, 1):
            engine.daemon.services.directory.send(name, Crash(reason="drill"))
            # it comes while the actor is down
            put(gateway.database_url, [signal_message(number, ago_s=5)])
            wait_for_restart(engine, name)
            wait_for_signals(database_url, number)
        engine.wait_healthy()
        assert stored_signals(database_url) == expected(len(names))
