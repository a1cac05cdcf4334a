"""kill -9 at each step of an alert: what was due arrives, and what arrives twice has one id."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import psycopg
import pytest

from actors.names import NOTIFIER
from engine.timers import TimerThread
from storage.postgres.alert_rules import AlertRules
from storage.postgres.database import Database
from storage.postgres.feed_positions import FeedPositions
from tests.support.alerting import LOOPBACK, Receiver, a_rule, a_webhook
from tests.support.databases import SCHEMA
from tests.support.httpstub import Answer
from tests.support.messages import put, signal_message, stored_signals
from tests.support.stack import EngineProcess, GatewayProcess, engine_environment, eventually

WAITING = (
    "select count(*) from pg_locks where not granted and relation = 'signals.alert_deliveries'::regclass"
)


def add_rule(database_url: str, url: str) -> None:
    timers = TimerThread()
    database = Database(database_url, schema=SCHEMA, pool_max=4, timers=timers)
    database.open()
    AlertRules(database, FeedPositions(database, reader=NOTIFIER)).add(a_rule(), [a_webhook(url)])
    database.close()
    timers.close()


@contextmanager
def locked(database_url: str, mode: str) -> Iterator[None]:
    """Hold a lock of the table of alerts."""
    with psycopg.connect(database_url) as connection:
        connection.execute(f"lock table signals.alert_deliveries in {mode} mode".encode())
        yield


def waits_for_lock(database_url: str) -> bool:
    with psycopg.connect(database_url, autocommit=True) as connection:
        row = connection.execute(WAITING).fetchone()
    return bool(row and row[0])


@pytest.mark.timeout(240)
def test_an_alert_survives_a_kill_at_each_step(
    gateway: GatewayProcess, database_url: str, direct_url: str, folder: Path
) -> None:
    environment = engine_environment(database_url, gateway.url, **LOOPBACK)
    with Receiver() as receiver, EngineProcess(environment, folder) as engine:
        add_rule(direct_url, receiver.url)
        eventually(lambda: engine.check("alerts") == "healthy")

        # committed, and not planned
        with locked(direct_url, "access exclusive"):
            put(gateway.database_url, [signal_message(1, ago_s=1)])
            eventually(lambda: len(stored_signals(direct_url)) == 1)
            eventually(lambda: waits_for_lock(direct_url))
            engine.kill()
        engine.start()
        (first,) = receiver.alerts(1)

        # the first of two is on its way, the second one waits for it
        hold = Event()
        receiver.answer(Answer(status=204, hold=hold))
        put(gateway.database_url, [signal_message(2, ago_s=1), signal_message(3, ago_s=1)])
        receiver.alerts(2)
        engine.kill()
        hold.set()
        engine.start()
        third = receiver.alerts(3)[2]

        # taken, and not noted
        eventually(lambda: engine.check("alerts") == "healthy")
        hold = Event()
        receiver.answer(Answer(status=204, hold=hold))
        put(gateway.database_url, [signal_message(4, ago_s=1)])
        fourth = receiver.alerts(4)[3]
        before = receiver.count
        with locked(direct_url, "share"):
            hold.set()
            eventually(lambda: waits_for_lock(direct_url))
            engine.kill()
        engine.start()
        eventually(lambda: receiver.count > before, what="it is not sent again")

        put(gateway.database_url, [signal_message(5, ago_s=1)])
        told = receiver.alerts(5)
        numbers = [alert["data"]["signal"]["message_id"] for alert in told]
        assert numbers == ["1", "2", "3", "4", "5"]
        ids = {request.headers["webhook-id"] for request in receiver.requests}
        assert len(ids) == 5, "a double has another id"
        assert {first["id"], third["id"], fourth["id"]} < ids
        assert engine.terminate() == 0
