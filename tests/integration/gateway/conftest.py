"""A gateway for the folder, and an empty store for each test."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
import requests

from ops.gateway.importer import ImportReport, import_messages
from ops.gateway.server import ReferenceGatewaySettings, build_server
from ops.local.postgres import LocalPostgres

CHANNEL = "-1001649127710"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningGateway:
    """A gateway on a free port, with the calls that the tests make."""

    url: str
    database_url: str
    headers: dict[str, str]

    def get(self, path: str, **params: Any) -> requests.Response:
        return requests.get(self.url + path, params=params, headers=self.headers, timeout=40)

    def post(self, path: str, body: Any = None) -> requests.Response:
        return requests.post(self.url + path, json=body, headers=self.headers, timeout=40)

    def unprocessed(self, consumer: str | None = "tp-capital", **params: Any) -> list[dict[str, Any]]:
        asked = {"channel": CHANNEL, "status": "received,queued", "excludeProcessedBy": consumer} | params
        answer = self.get("/api/messages/unprocessed", **asked)
        assert answer.status_code == 200, answer.text
        data: list[dict[str, Any]] = answer.json()["data"]
        return data

    def mark(self, *ids: str, consumer: str = "tp-capital", **more: Any) -> dict[str, Any]:
        body = {"messageIds": list(ids), "processedBy": consumer} | more
        answer = self.post("/api/messages/mark-processed", body)
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    def put(self, *messages: dict[str, Any]) -> ImportReport:
        return import_messages(self.database_url, [{"channelId": CHANNEL} | message for message in messages])

    def execute(self, statement: str, *params: object) -> None:
        with psycopg.connect(self.database_url, autocommit=True) as conn:
            conn.execute(statement.encode(), params)


@pytest.fixture(scope="session")
def gateway_database(postgres: LocalPostgres) -> str:
    postgres.create_database("telegram")
    return postgres.dsn("telegram")


@pytest.fixture(scope="session")
def start_gateway() -> Iterator[Callable[..., RunningGateway]]:
    """Start gateways in threads of this process; all are stopped at the end."""
    running = []

    def start(database_url: str, api_key: str | None = None) -> RunningGateway:
        settings = ReferenceGatewaySettings(
            host="127.0.0.1", port=0, database_url=database_url, api_key=api_key
        )
        server, listening, _ = build_server(settings)
        thread = threading.Thread(target=server.run, kwargs={"sockets": listening.duplicates()})
        thread.start()
        running.append((server, thread, listening))
        deadline = time.monotonic() + 20
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        headers = {"X-API-Key": api_key} if api_key else {}
        return RunningGateway(
            url=f"http://127.0.0.1:{listening.port}", database_url=database_url, headers=headers
        )

    yield start
    for server, thread, listening in running:
        server.should_exit = True
        thread.join(timeout=15)
        listening.close()
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def shared_gateway(gateway_database: str, start_gateway: Callable[..., RunningGateway]) -> RunningGateway:
    return start_gateway(gateway_database)


@pytest.fixture
def gateway(shared_gateway: RunningGateway) -> RunningGateway:
    shared_gateway.execute("TRUNCATE telegram_gateway.messages CASCADE")
    return shared_gateway
