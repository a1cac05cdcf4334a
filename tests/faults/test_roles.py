"""Processes of different roles on one database: each does its part, and says what is not its part."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from tests.support.httpstub import HttpStub
from tests.support.messages import CHANNEL, put, signal_message, stored_signals
from tests.support.serving import EventStream
from tests.support.stack import (
    EngineProcess,
    GatewayProcess,
    InnerEngine,
    engine_environment,
    eventually,
    running_daemon,
)

KEY = "a-key-of-the-test"
WORKERS = {"writer", "parser", "backfill", "auditor", "dead_letters", "maintenance", "history_requests"}


def names(running: InnerEngine) -> set[str]:
    """Return the first parts of the names of the actors of a daemon."""
    return {child["name"].partition(":")[0] for child in running.detail("actors", "children") or []}


@contextlib.contextmanager
def daemon(database: str, gateway: str, role: str, **more: str) -> Iterator[InnerEngine]:
    """Run a daemon of a role until its database is ready."""
    with running_daemon(engine_environment(database, gateway, TP_CAPITAL_ROLE=role, **more)) as running:
        eventually(lambda: running.check("timescaledb") == "healthy")
        yield running


@pytest.fixture
def ingesting(gateway: GatewayProcess, database_url: str) -> Iterator[InnerEngine]:
    """Run a daemon that only ingests."""
    with daemon(database_url, gateway.url, "ingest") as running:
        yield running


def test_what_one_process_reads_another_one_serves_and_streams(
    gateway: GatewayProcess, database_url: str
) -> None:
    with (
        daemon(database_url, gateway.url, "ingest") as reader,
        daemon(database_url, gateway.url, "serve") as server,
        contextlib.closing(EventStream(server.port, "/signals/stream", {}, timeout_s=45)) as stream,
    ):
        put(gateway.database_url, [signal_message(n) for n in range(1, 4)])
        assert [event.data["message_id"] for event in stream.take(3)] == ["1", "2", "3"]
        assert len(server.get("/signals").json()["data"]) == 3
        assert {check for daemon in (reader, server) if (check := daemon.check("singleDaemon"))} == set()


def test_a_process_that_serves_starts_no_work_and_asks_no_gateway(database_url: str) -> None:
    with HttpStub() as gateway, daemon(database_url, gateway.url, "serve") as server:
        body = server.health()
        assert body["checks"].keys() == {"timescaledb", "reads", "clock", "actors", "ingesting"}
        assert body["checks"]["ingesting"] == "degraded", "nobody reads, and nobody says so"
        assert body["details"]["role"] == "serve"
        assert names(server) == {"stream", "cache", "channels", "health", "responder"}
        (channel,) = server.get("/channels").json()["data"]
        assert channel["state"] == "elsewhere"
        assert server.get("/backfill").status_code == 503, "nobody has imported yet"
        assert server.get("/metrics").ok
        assert gateway.requests == ()


def test_a_process_that_ingests_serves_health_and_metrics_and_else_names_its_role(
    ingesting: InnerEngine,
) -> None:
    for path in ("/signals", "/signals/stream", "/channels", "/docs", "/assets/main.js"):
        answer = ingesting.get(path)
        assert answer.status_code == 404
        assert answer.json()["detail"] == (
            f"Nothing is served at {path} by this daemon, whose role is ingest; / lists the paths."
        )
    paths = ingesting.get("/").json()["paths"]
    assert {"/health", "/livez", "/readyz", "/metrics"} < set(paths)
    assert not any("signals" in path for path in paths)
    assert "tpcapital_polls_total" in ingesting.get("/metrics").text
    assert ingesting.detail("role") == "ingest"
    eventually(lambda: names(ingesting) >= WORKERS | {"poller"}, what="not all jobs are done")


def test_a_request_at_a_process_that_serves_is_carried_out_by_the_one_that_imports(
    gateway: GatewayProcess, database_url: str
) -> None:
    put(gateway.database_url, [signal_message(n) for n in range(1, 4)])
    with daemon(database_url, gateway.url, "serve", TP_CAPITAL_API_KEY=KEY) as server:
        ask = functools.partial(
            requests.post, f"{server.url}/backfill", headers={"X-API-Key": KEY}, timeout=20
        )
        with daemon(database_url, gateway.url, "ingest"):
            eventually(lambda: server.get("/backfill").ok)
            assert server.get("/backfill").json()["completed"] is False
            assert ask(json={"channels": [CHANNEL], "again": True}).status_code == 202
            eventually(lambda: server.get("/backfill").json()["completed"])
            (read,) = server.get("/backfill").json()["channels"]
            assert (read["id"], read["rowsRead"]) == (CHANNEL, 3)
        # Somebody asks while nobody imports.
        assert ask(json={"since": "2026-01-01"}).status_code == 202
        with daemon(database_url, gateway.url, "ingest"):
            eventually(lambda: waiting(database_url) == 0)


def waiting(database: str) -> int:
    with psycopg.connect(database, autocommit=True) as connection:
        (row,) = connection.execute("select count(*) from signals.history_requests")
    return int(row[0])


def test_status_names_the_role(gateway: GatewayProcess, database_url: str, folder: Path) -> None:
    environment = engine_environment(database_url, gateway.url, TP_CAPITAL_ROLE="serve")
    with EngineProcess(environment, folder) as server:
        eventually(lambda: server.check("timescaledb") == "healthy")
        assert "role serve: degraded" in " ".join(server.command("status").stdout.split())


def test_a_second_process_that_does_everything_is_a_warning_beside_one_that_ingests(
    gateway: GatewayProcess, database_url: str
) -> None:
    with daemon(database_url, gateway.url, "ingest") as reader, daemon(database_url, gateway.url, "serve"):
        with running_daemon(engine_environment(database_url, gateway.url)) as everything:
            eventually(lambda: everything.check("singleDaemon") == reader.check("singleDaemon") == "degraded")
        put(gateway.database_url, [signal_message(1)])
        eventually(lambda: len(stored_signals(database_url)) == 1)
