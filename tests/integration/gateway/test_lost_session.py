"""A session with Telegram that is ended elsewhere: health, ``doctor`` and the phone hear of it, and of its end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from telethon import errors

from actors.names import NOTIFIER
from config import load_settings
from engine.timers import Timers
from ops.doctor.context import CheckContext
from ops.doctor.findings import CheckStatus
from ops.doctor.gateway import examine_gateway
from storage.postgres.alert_rules import AlertRules
from storage.postgres.database import Database
from storage.postgres.feed_positions import FeedPositions
from tests.integration.gateway.test_live_app import serving
from tests.support.alerting import LOOPBACK, Receiver, a_rule, a_webhook
from tests.support.databases import SCHEMA, as_engine
from tests.support.stack import engine_environment, eventually, running_daemon
from tests.support.telegram import PlayedTelegram, a_channel


def add_rule(database_url: str, timers: Timers, url: str) -> None:
    database = Database(database_url, schema=SCHEMA, pool_max=4, timers=timers)
    database.open()
    AlertRules(database, FeedPositions(database, reader=NOTIFIER)).add(
        a_rule(kinds=("system",)), [a_webhook(url)]
    )
    database.close()


def test_a_session_that_is_ended_elsewhere_is_told_everywhere_and_so_is_the_new_login(
    gateway: Any, migrated_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("ops.gateway.telegram.session.LOST_RETRY_S", 0.05)
    monkeypatch.setattr("actors.alerts.troubles.LASTS_S", 0.0)
    telegram = PlayedTelegram(a_channel())
    database_url = as_engine(migrated_url)

    with serving(gateway.database_url, telegram) as url, Receiver() as receiver:
        environment = engine_environment(database_url, url, TP_CAPITAL_DB_SCHEMA=SCHEMA, **LOOPBACK)
        with mock.patch.dict(os.environ, environment, clear=True):
            settings = load_settings(env_file=None)
        with running_daemon(environment) as engine:
            timers = engine.daemon.services.timers
            add_rule(database_url, timers, receiver.url)

            def doctors_finding() -> CheckStatus:
                around = CheckContext(settings=settings, timers=timers, folder=tmp_path)
                (found,) = (one for one in examine_gateway(around) if one.name == "gateway.telegram")
                return found.status

            eventually(lambda: engine.check("telegramSession") == "healthy")
            assert doctors_finding() is CheckStatus.OK

            telegram.refusal = errors.SessionRevokedError
            telegram.cut()
            eventually(lambda: "tp-capital gateway login" in str(engine.detail("telegramSession", "error")))
            assert engine.check("telegramSession") == "degraded", "what was read is served"
            assert doctors_finding() is CheckStatus.FAIL
            (lost,) = receiver.alerts(1)
            assert (lost["data"]["trouble"], lost["data"]["ended_at"]) == ("telegram", None)
            assert lost["data"]["title"] == "System: the Telegram session is lost"

            telegram.refusal = None  # a new login
            eventually(lambda: engine.check("telegramSession") == "healthy")
            assert doctors_finding() is CheckStatus.OK
            found = receiver.alerts(2)[1]
            assert (found["data"]["trouble"], found["data"]["since"]) == ("telegram", lost["data"]["since"])
            assert found["data"]["ended_at"] > lost["data"]["since"]
