"""Processes that share the work of reading: one of them does each job, and another one takes it when that one is gone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any

import psycopg
import pytest

from actors.names import JOBS
from tests.support.messages import put, signal_message, stored_signals
from tests.support.stack import EngineProcess, GatewayProcess, engine_environment, eventually, running_daemon

#: a lease lasts 9 s and is looked at each 2 s; the rest is for a busy machine
REPLACED_S = 20.0


class Sharing:
    """Two processes that ingest, and how the database shows them."""

    def __init__(self, url: str, gateway: GatewayProcess, folder: Path) -> None:
        self.url = url
        self.gateway = gateway
        self.one, self.other = (
            EngineProcess(engine_environment(url, gateway.url, TP_CAPITAL_ROLE="ingest"), folder)
            for _ in range(2)
        )
        self._put = 0

    def jobs(self, engine: EngineProcess) -> set[str]:
        """Return the first parts of the names of the actors for single jobs that a process runs."""
        children = engine.detail("actors", "children") or []
        return {child["name"].partition(":")[0] for child in children} & JOBS

    def read_more(self) -> None:
        """Have five more messages come, and wait until they are stored, once each."""
        self._put += 5
        put(self.gateway.database_url, [signal_message(n) for n in range(self._put - 4, self._put + 1)])
        eventually(lambda: len(self.stored()) >= self._put, what="not stored")
        assert self.stored() == list(range(1, self._put + 1))

    def stored(self) -> list[int]:
        return sorted(int(message_id) for _, message_id, _ in stored_signals(self.url))

    def holders(self) -> set[str]:
        """Return who holds leases."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return {str(row[0]) for row in connection.execute("select daemon_id from signals.leases")}

    def wait_taken(self, engine: EngineProcess) -> None:
        """Wait until a process does all jobs."""
        eventually(lambda: self.jobs(engine) == JOBS, deadline_s=REPLACED_S, what=f"{self.jobs(engine)}")


@pytest.fixture
def sharing(database_url: str, gateway: GatewayProcess, folder: Path) -> Iterator[Sharing]:
    """Run two processes; the first one has all jobs."""
    sharing = Sharing(database_url, gateway, folder)
    with sharing.one:
        sharing.one.wait_healthy()
        sharing.wait_taken(sharing.one)
        with sharing.other:
            sharing.other.wait_healthy()
            yield sharing


def fetched(engine: EngineProcess) -> int:
    return engine.log_text().count('"batch.fetched"')


@pytest.mark.timeout(240)
def test_a_frozen_holder_is_replaced_and_harmless_when_it_wakes_and_so_is_a_killed_one(
    sharing: Sharing,
) -> None:
    one, other = sharing.one, sharing.other
    sharing.read_more()
    assert sharing.jobs(other) == set(), "the second one does the same work"
    assert one.process is not None
    one.process.send_signal(SIGSTOP)
    sharing.wait_taken(other)
    sharing.read_more()
    before = fetched(one)
    put(sharing.gateway.database_url, [signal_message(n) for n in range(11, 16)])
    one.process.send_signal(SIGCONT)
    eventually(lambda: sharing.jobs(one) == set(), what=f"the woken one goes on with {sharing.jobs(one)}")
    sharing.read_more()
    assert fetched(one) == before, "the woken one polled before it noticed"
    one.wait_healthy()
    other.kill()
    sharing.wait_taken(one)
    sharing.read_more()


def test_a_stopped_holder_gives_its_jobs_back_at_once(sharing: Sharing) -> None:
    sharing.read_more()
    (holder,) = sharing.holders()
    assert sharing.one.terminate() == 0
    assert holder not in sharing.holders(), "its leases had to end by themselves"
    sharing.wait_taken(sharing.other)
    sharing.read_more()


def test_who_does_what_is_told(sharing: Sharing, gateway: GatewayProcess, database_url: str) -> None:
    environment = engine_environment(database_url, gateway.url, TP_CAPITAL_ROLE="serve")
    with running_daemon(environment) as server:
        server.wait_healthy()
        shown: list[dict[str, Any]] = server.get("/daemons").json()["data"]
        assert [(one["role"], one["jobs"]) for one in shown] == [
            *sorted([("ingest", sorted(JOBS)), ("ingest", [])], key=lambda one: shown[0]["jobs"] != one[1]),
            ("serve", []),
        ]
        assert sharing.one.check("singleDaemon") is None
        assert sharing.one.metric("tpcapital_work_held{") == len(JOBS)
        assert sharing.other.metric("tpcapital_work_held{") == 0
        assert set(sharing.other.health()["checks"]).isdisjoint(
            {"gatewayApi", "pollingWorker", "historicalSync", "retention"}
        )
        assert "ingest" in sharing.one.command("status", "--url", server.url).stdout
        with contextlib.ExitStack() as gone:
            for engine in (sharing.one, sharing.other):
                gone.callback(engine.start)
                engine.terminate()
            eventually(lambda: server.check("ingesting") == "degraded")
            assert "poller" in server.detail("ingesting", "error")
        eventually(lambda: server.check("ingesting") == "healthy")
