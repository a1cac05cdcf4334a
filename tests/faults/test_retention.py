"""Retention over the whole way: gateway, poll, back-fill, replay. Nothing of 91 days comes, nothing of 89 goes."""

from pathlib import Path

import psycopg

from engine.timers import TimerThread
from ops.stores import RETENTION
from storage.postgres.database import Database
from storage.postgres.retention import Retention
from tests.support.messages import CHANNEL, put, signal_message
from tests.support.stack import EngineProcess, GatewayProcess, engine_environment, eventually

DAY_S = 86_400.0


def test_a_signal_past_retention_is_known_as_expired_and_never_comes_back(
    gateway: GatewayProcess, database_url: str, direct_url: str, folder: Path
) -> None:
    put(
        gateway.database_url,
        [signal_message(1, ago_s=89 * DAY_S), signal_message(2, ago_s=91 * DAY_S), signal_message(3)],
    )
    environment = engine_environment(database_url, gateway.url, TP_CAPITAL_BACKFILL_DELAY_S="0")
    with EngineProcess(environment, folder) as engine:

        def served() -> list[str]:
            return [signal["message_id"] for signal in engine.get("/api/v1/signals").json()["data"]]

        def outcomes() -> dict[str, str]:
            with psycopg.connect(direct_url) as connection:
                rows = connection.execute("select message_id, outcome from signals.ledger").fetchall()
            return dict(rows)

        eventually(lambda: engine.health().get("details", {}).get("historicalSync", {}).get("completed"))
        eventually(lambda: len(outcomes()) == 3)
        known = {"1": "signal", "2": "expired", "3": "signal"}
        assert (served(), outcomes()) == (["3", "1"], known)

        # the history is read again from its beginning, as after a restore of the gateway
        with psycopg.connect(direct_url, autocommit=True) as connection:
            connection.execute("delete from signals.checkpoints")
        engine.terminate()
        engine.start()
        eventually(lambda: engine.health().get("details", {}).get("historicalSync", {}).get("completed"))
        assert (served(), outcomes()) == (["3", "1"], known)

        replay = engine.command("replay", "--apply")
        assert replay.returncode == 0, replay.stderr
        assert (served(), outcomes()) == (["3", "1"], known)
    timers = TimerThread()
    database = Database(direct_url, schema="signals", pool_max=4, timers=timers)
    database.open()
    try:
        assert Retention(database).keep().problem is None
    finally:
        database.close()
        timers.close()
    with psycopg.connect(direct_url) as connection:
        stored = connection.execute(
            "select count(*) from signals.tp_capital_signals where channel = %s and ts > now() - %s",
            [CHANNEL, RETENTION],
        ).fetchone()
    assert stored == (2,)
