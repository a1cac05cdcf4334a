"""The gateway or the database goes away and comes back: named, waited for, nothing missed."""

import contextlib
import threading
import time
from pathlib import Path

import pytest
import requests

from ops.local.postgres import LocalPostgres
from storage.errors import DatabaseUnavailableError
from tests.support.httpstub import HttpStub, json_answer
from tests.support.messages import CHANNEL, expected_price, put, signal_message, stored_signals
from tests.support.stack import EngineProcess, GatewayProcess, engine_environment, eventually, running_daemon

EMPTY_PAGE = {"success": True, "data": [], "count": 0}


def expected(count: int) -> list[tuple[str, str, object]]:
    return [(CHANNEL, str(number), expected_price(number)) for number in range(1, count + 1)]


def test_a_message_is_served_within_one_polling_interval_and_marked(
    gateway: GatewayProcess, database_url: str
) -> None:
    environment = engine_environment(database_url, gateway.url, GATEWAY_POLLING_INTERVAL_MS="1000")
    with running_daemon(environment) as engine:
        engine.wait_healthy()
        eventually(lambda: "tp" in engine.get("/metrics").text)
        delays_s = []
        for number in range(1, 4):
            put(gateway.database_url, [signal_message(number, ago_s=1)])
            inserted_s = time.monotonic()
            eventually(lambda number=number: len(engine.get("/api/v1/signals").json()["data"]) == number)
            delays_s.append(time.monotonic() - inserted_s)
        # the shortest: a busy machine may hold up any; the last term is this test's own looking
        assert min(delays_s) < 1.0 + 0.2 + 0.1
        eventually(lambda: stored_signals(database_url) == expected(3))

        def marks() -> set[tuple[str, str | None]]:
            listed = requests.get(f"{gateway.url}/api/messages", params={"channelId": CHANNEL}, timeout=30)
            return {(row["status"], row["processed_by"]) for row in listed.json()["data"]}

        eventually(lambda: marks() == {("published", "tp-capital")})


def test_fault_14_15_gateway_killed_is_named_and_recovers_with_one_trial(
    gateway: GatewayProcess, database_url: str, folder: Path
) -> None:
    environment = engine_environment(database_url, gateway.url)
    with EngineProcess(environment, folder) as engine:
        engine.wait_healthy()
        gateway.kill()
        eventually(
            lambda: engine.metric('tpcapital_breaker_state{channel="-1001649127710",state="open"}') == 1
        )
        # health is judged once a second: it may be that much behind the breaker
        eventually(lambda: engine.check("gatewayApi") == engine.check("pollingWorker") == "degraded")
        body = engine.health()
        assert body["status"] == "degraded"
        assert "connection refused" in body["details"]["gatewayApi"]["error"]
        assert body["details"]["gatewayApi"]["channels"][0]["failingSince"] is not None
        put(gateway.database_url, (signal_message(n, ago_s=5) for n in range(1, 31)))
        gateway.start()
        back_s = time.monotonic()
        eventually(lambda: stored_signals(database_url) == expected(30))
        # the reset time is 1 s here, 30 s by default: the rest is for a slow machine
        assert time.monotonic() - back_s < 1.0 + 9.0
        engine.wait_healthy()
        words = [line["message"] for line in engine.log_lines() if line["event"] == "breaker.changed"]
        assert words[0] == "Circuit breaker opened"
        assert words[-2:] == ["Circuit breaker half-open", "Circuit breaker closed"]
        assert engine.terminate() == 0


def test_an_open_breaker_makes_no_calls_but_its_trials(database_url: str) -> None:
    with HttpStub(json_answer({"success": False}, status=500)) as stub:
        environment = engine_environment(
            database_url, stub.url, CIRCUIT_BREAKER_RESET_TIMEOUT="30000", GATEWAY_POLLING_INTERVAL_MS="50"
        )
        with running_daemon(environment) as engine:
            eventually(
                lambda: (
                    engine.metric('tpcapital_polls_total{channel="-1001649127710",result="rejected"}') > 20
                )
            )
            assert stub.count == 5  # the minimum volume; then not one more
            eventually(lambda: engine.check("gatewayApi") == "degraded")


def test_fault_16_gateway_down_at_the_start_is_degraded_and_polled_when_it_comes(
    gateway: GatewayProcess, database_url: str
) -> None:
    gateway.kill()
    with running_daemon(engine_environment(database_url, gateway.url)) as engine:
        eventually(lambda: engine.check("gatewayApi") == "degraded")
        assert engine.check("pollingWorker") == "degraded"
        assert engine.check("timescaledb") == "healthy"
        gateway.start()
        put(gateway.database_url, [signal_message(1, ago_s=5)])
        eventually(lambda: stored_signals(database_url) == expected(1))
        engine.wait_healthy()


def test_fault_17_wrong_key_is_named_and_not_retried_hotly(
    postgres: LocalPostgres, database_url: str, folder: Path
) -> None:
    postgres.create_database("gateway_with_key")
    with GatewayProcess(postgres.dsn("gateway_with_key"), folder, api_key="right-key-1234") as locked:
        wrong = engine_environment(database_url, locked.url, TELEGRAM_GATEWAY_API_KEY="wrong-key-1234")
        with EngineProcess(wrong, folder) as engine:
            eventually(lambda: "key refused" in str(engine.health().get("details", {}).get("gatewayApi")))
            assert engine.health()["status"] == "degraded"
            eventually(
                lambda: engine.metric('tpcapital_polls_total{channel="-1001649127710",result="rejected"}') > 3
            )
            assert "wrong-key-1234" not in engine.log_text()
        right = engine_environment(database_url, locked.url, TELEGRAM_GATEWAY_API_KEY="right-key-1234")
        with running_daemon(right) as inner:
            inner.wait_healthy()


@pytest.mark.timeout(240)
def test_database_stopped_and_started_under_load_loses_and_doubles_nothing(
    gateway: GatewayProcess, own_postgres: LocalPostgres
) -> None:
    own_postgres.create_database("engine")
    dsn = own_postgres.dsn("engine")
    stop = threading.Event()
    sent = 0

    def load() -> None:
        nonlocal sent
        while not stop.wait(0.05):
            # a busy machine may be too slow for the gateway's database; then the same messages are put again
            with contextlib.suppress(DatabaseUnavailableError):
                put(gateway.database_url, (signal_message(n, ago_s=5) for n in range(sent + 1, sent + 11)))
                sent += 10

    with running_daemon(engine_environment(dsn, gateway.url, GATEWAY_BATCH_SIZE="50")) as engine:
        engine.wait_healthy()
        writer = threading.Thread(target=load)
        writer.start()
        try:
            eventually(lambda: len(stored_signals(dsn)) > 50)
            for end in (own_postgres.stop, own_postgres.kill):
                end()
                eventually(lambda: engine.check("timescaledb") == "unhealthy")
                assert engine.get("/health").status_code == 503
                assert engine.get("/readyz").status_code == 503
                assert engine.get("/livez").status_code == 200
                assert all(
                    child["restarts"] == 0 for child in engine.health()["details"]["actors"]["children"]
                )
                own_postgres.start()
                engine.wait_healthy()
        finally:
            stop.set()
            writer.join()
        eventually(lambda: len(stored_signals(dsn)) >= sent)
        assert stored_signals(dsn) == expected(sent)


def test_a_frozen_database_is_cut_and_recovers(gateway: GatewayProcess, own_postgres: LocalPostgres) -> None:
    own_postgres.create_database("engine")
    dsn = own_postgres.dsn("engine")
    with running_daemon(engine_environment(dsn, gateway.url)) as engine:
        engine.wait_healthy()
        own_postgres.freeze()
        try:
            put(gateway.database_url, [signal_message(1, ago_s=5)])
            eventually(lambda: engine.check("timescaledb") == "unhealthy")
        finally:
            own_postgres.thaw()
        eventually(lambda: stored_signals(dsn) == expected(1), deadline_s=40)
        engine.wait_healthy()


def test_fault_13_database_down_serves_the_last_good_page_as_stale_or_503_and_never_invents(
    gateway: GatewayProcess, own_postgres: LocalPostgres
) -> None:
    own_postgres.create_database("engine")
    dsn = own_postgres.dsn("engine")
    put(gateway.database_url, (signal_message(n) for n in range(1, 4)))
    with running_daemon(engine_environment(dsn, gateway.url, REDIS_CACHE_TTL="1")) as engine:
        eventually(lambda: len(engine.get("/signals?limit=2").json()["data"]) == 2)
        good = engine.get("/signals?limit=2").json()
        own_postgres.stop()
        eventually(lambda: engine.check("timescaledb") == "unhealthy")
        stale = engine.get("/signals?limit=2")
        assert stale.status_code == 200
        assert stale.json()["data"] == good["data"]
        assert stale.json()["stale"] is True
        assert int(stale.headers["Age"]) >= 0
        never_asked = engine.get("/signals?asset=VALE3")
        assert never_asked.status_code == 503
        assert never_asked.headers["Content-Type"] == "application/problem+json"
        own_postgres.start()
        engine.wait_healthy()
        assert "stale" not in engine.get("/signals?limit=2").json()


def test_database_down_at_the_start_is_waited_for(
    gateway: GatewayProcess, own_postgres: LocalPostgres
) -> None:
    own_postgres.create_database("engine")
    dsn = own_postgres.dsn("engine")
    own_postgres.stop()
    put(gateway.database_url, [signal_message(1, ago_s=5)])
    with running_daemon(engine_environment(dsn, gateway.url, TP_CAPITAL_BACKFILL_DELAY_S="0")) as engine:
        eventually(lambda: engine.check("timescaledb") == "unhealthy")
        own_postgres.start()
        eventually(lambda: engine.health().get("details", {}).get("historicalSync", {}).get("completed"))
        engine.wait_healthy()
        assert stored_signals(dsn) == expected(1)
        assert all(child["restarts"] == 0 for child in engine.health()["details"]["actors"]["children"])


def test_two_daemons_keep_effects_single_and_are_named(
    gateway: GatewayProcess, database_url: str, folder: Path
) -> None:
    """Fault 8: two instances of the former service stored 542 rows for 339 signals."""
    with (
        EngineProcess(engine_environment(database_url, gateway.url), folder) as first,
        EngineProcess(engine_environment(database_url, gateway.url), folder) as second,
    ):
        eventually(lambda: first.check("singleDaemon") == second.check("singleDaemon") == "degraded")
        put(gateway.database_url, (signal_message(n, ago_s=5) for n in range(1, 340)))
        eventually(lambda: len(stored_signals(database_url)) >= 339)
        assert "another daemon" in first.health()["details"]["singleDaemon"]["error"]
        assert (first.terminate(), second.terminate()) == (0, 0)
    assert stored_signals(database_url) == expected(339)
