"""A gateway with a reader of Telegram: what its API says of the session, and how it is asked to compare."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from telethon.tl import types
from typer.testing import CliRunner

from ops.commands.gateway import app
from ops.gateway.server import ReferenceGatewaySettings, build_server
from ops.gateway.telegram.session import SessionReader
from tests.support.databases import SCHEMA, as_engine
from tests.support.stack import engine_environment, eventually, running_daemon
from tests.support.telegram import PlayedTelegram, a_channel, a_post

CHANNEL = "-1001649127710"


@contextmanager
def serving(database_url: str, telegram: PlayedTelegram) -> Iterator[str]:
    """Run a gateway that reads a played Telegram, and give its address."""
    settings = ReferenceGatewaySettings(
        host="127.0.0.1",
        port=0,
        database_url=database_url,
        open_reader=lambda store: SessionReader(telegram.client, store, pause_s=0),
    )
    server, listening, _ = build_server(settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": listening.duplicates()})
    thread.start()
    try:
        eventually(lambda: server.started)
        yield f"http://127.0.0.1:{listening.port}"
    finally:
        server.should_exit = True
        thread.join(timeout=30)
        listening.close()


def test_a_poll_makes_its_channel_read_and_hears_how_the_session_is(gateway: Any) -> None:
    gateway.execute("TRUNCATE telegram_gateway.live_channels")
    telegram = PlayedTelegram(a_channel())
    telegram.put(a_post(1, "one"))
    with serving(gateway.database_url, telegram) as url:

        def polled() -> requests.Response:
            return requests.get(f"{url}/api/messages/unprocessed", params={"channel": CHANNEL}, timeout=30)

        eventually(lambda: [row["text"] for row in polled().json()["data"]] == ["one"])
        eventually(lambda: polled().headers["X-Telegram-Session"] == "healthy")
        health = requests.get(f"{url}/health", timeout=30).json()
        assert (health["status"], health["checks"]["telegramSession"]) == ("healthy", "healthy")
        (channel,) = health["telegram"]["channels"]
        assert (channel["channel"], channel["problem"]) == (CHANNEL, None)
        assert channel["newest_age_seconds"] > 0

        telegram.put(a_post(2, "two"))
        synced = requests.post(f"{url}/api/telegram-gateway/sync-messages", json={}, timeout=30).json()
        assert synced["data"] == {
            "totalMessagesSynced": 2,
            "totalMessagesSaved": 1,
            "channelsSynced": [CHANNEL],
        }
        telegram.authorized = False
        telegram.cut()
        eventually(
            lambda: polled().headers["X-Telegram-Session"].startswith("unhealthy; there is no session")
        )
        refused = requests.post(f"{url}/api/telegram-gateway/sync-messages", json={}, timeout=30)
        assert refused.status_code == 503
        assert "tp-capital gateway login" in refused.json()["message"]


@pytest.mark.parametrize("command", [["login"], ["logout"], ["channels"], ["--telegram"]])
def test_without_its_settings_a_command_says_where_they_come_from(
    command: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TELEGRAM_API_ID", "TELEGRAM_API_HASH", "TELEGRAM_BOT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TELEGRAM_GATEWAY_DATABASE_URL", "postgresql://user@127.0.0.1:1/none")
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert "https://my.telegram.org" in result.stderr
    assert "Traceback" not in result.output


def test_a_post_becomes_a_signal_and_its_deletion_cancels_it(gateway: Any, migrated_url: str) -> None:
    """The whole way, from an update of Telegram to what the engine's API says."""
    gateway.execute("TRUNCATE telegram_gateway.live_channels")
    telegram = PlayedTelegram(a_channel())
    post = a_post(7, "Ativo: PETR4\nCompra: 30,10\nAlvo: 31,00\nStop: 29,00")

    with serving(gateway.database_url, telegram) as url:
        environment = engine_environment(as_engine(migrated_url), url, TP_CAPITAL_DB_SCHEMA=SCHEMA)
        with running_daemon(environment) as engine:

            def signals() -> list[tuple[str, ...]]:
                names = ("id", "buy_min", "status", "status_reason")
                data = engine.get("/api/v1/signals").json().get("data", [])
                return [tuple(str(signal[name]) for name in names) for signal in data]

            eventually(lambda: engine.check("telegramSession") == "healthy")
            telegram.put(post)
            telegram.tell(types.UpdateNewChannelMessage(message=post, pts=1, pts_count=1))
            eventually(lambda: [signal[1:] for signal in signals()] == [("30.1", "waiting", "posted")])
            ((number, *_),) = signals()
            telegram.remove(1649127710, 7)
            telegram.tell(
                types.UpdateDeleteChannelMessages(channel_id=1649127710, messages=[7], pts=1, pts_count=1)
            )
            eventually(lambda: signals() == [(number, "30.1", "cancelled", "deleted")])
            eventually(lambda: gateway.unprocessed(deleted="true") == [])
