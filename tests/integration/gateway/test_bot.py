"""A bot's reader against a played Bot API: each update is stored once, whatever is repeated, refused or broken off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from engine.backoff import Backoff
from ops.gateway.database import open_database
from ops.gateway.live_store import LiveStore
from ops.gateway.telegram import bot as bot_module
from ops.gateway.telegram.bot import BotReader, read_bot_update
from ops.gateway.telegram_settings import BotSettings
from storage.errors import StorageError
from storage.postgres.database import Database
from tests.support.botapi import TOKEN, PlayedBotApi, a_bot_post
from tests.support.stack import eventually

CHANNEL = "-1001649127710"


@pytest.fixture(scope="module")
def database(shared_gateway: Any) -> Iterator[Database]:
    with open_database(shared_gateway.database_url) as opened:
        yield opened


@pytest.fixture
def api(gateway: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[PlayedBotApi]:
    gateway.execute("TRUNCATE telegram_gateway.bot_offsets")
    monkeypatch.setattr(bot_module, "BACKOFF", Backoff(first_s=0.02, cap_s=0.05))
    monkeypatch.setattr(bot_module, "CONFLICT_S", 0.05)
    monkeypatch.setattr(bot_module, "LOST_RETRY_S", 0.05)
    with PlayedBotApi().running() as played:
        yield played


@contextmanager
def reading(api: PlayedBotApi, store: LiveStore, token: str = TOKEN) -> Iterator[BotReader]:
    reader = BotReader(BotSettings(token=token, api_url=api.url), store)
    reader.start()
    try:
        yield reader
    finally:
        reader.stop()


def texts(gateway: Any) -> list[str]:
    found = gateway.get("/api/messages", channelId=CHANNEL, sort="asc").json()["data"]
    return [row["text"] or row["caption"] for row in found]


def test_posts_and_edits_are_stored_and_the_offset_moves_with_them(
    api: PlayedBotApi, database: Database, gateway: Any
) -> None:
    with reading(api, LiveStore(database)) as reader:
        api.tell(
            a_bot_post(1, "one"), a_bot_post(2, "two"), a_bot_post(1, "one, later", edit_date=1_790_000_900)
        )
        eventually(lambda: texts(gateway) == ["one", "one, later", "two"])
        eventually(lambda: api.waiting == 0)
        assert api.asked[0]["timeout"] == 0, "the first answer comes at once"
        assert set(api.asked[0]["allowed_updates"]) >= {"channel_post", "edited_channel_post"}
        assert reader.state().status == "healthy"
        assert [(one.channel, one.title) for one in reader.state().channels] == [(CHANNEL, "Sinais")]
        assert reader.sync().result(timeout=0).channels == (CHANNEL,)
    with reading(api, LiveStore(database)):
        eventually(lambda: len(api.asked) > 3)
        assert api.asked[-1]["offset"] == 4, "another process goes on where this one was"


def test_a_write_that_fails_is_asked_for_again_soon_and_nothing_is_doubled(
    api: PlayedBotApi, database: Database, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot_module, "BACKOFF", Backoff(first_s=60, cap_s=60))
    monkeypatch.setattr(bot_module, "DATABASE_RETRY_S", 0.02)

    class Broken(LiveStore):
        failures = 2

        def write_updates(self, *args: Any, **kwargs: Any) -> Any:
            if self.failures:
                self.failures -= 1
                raise StorageError("the database is away")
            return super().write_updates(*args, **kwargs)

    api.tell(a_bot_post(1, "one"))
    with reading(api, Broken(database)) as reader:
        eventually(lambda: texts(gateway) == ["one"])
        eventually(lambda: reader.state().status == "healthy")


def test_waits_and_a_second_reader_are_obeyed_and_shown(
    api: PlayedBotApi, database: Database, gateway: Any
) -> None:
    api.refusals = [(429, {"parameters": {"retry_after": 1}}), (502, {})]
    api.tell(a_bot_post(1, "one"))
    with reading(api, LiveStore(database)) as reader:
        eventually(lambda: reader.state().problem == "Telegram asks to wait 1 s")
        eventually(lambda: texts(gateway) == ["one"])
        api.webhook = True
        api.tell(a_bot_post(2, "two"))  # ends the request that is held
        eventually(lambda: reader.state().status == "unhealthy")
        assert "only one may" in str(reader.state().problem)
        api.webhook = False
        eventually(lambda: reader.state().status == "healthy")


def test_no_wait_is_without_a_rest_or_longer_than_a_thread_can_make(
    api: PlayedBotApi, database: Database, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot_module, "LEAST_WAIT_S", 0.1)
    monkeypatch.setattr(bot_module, "MOST_WAIT_S", 0.2)
    api.refusals = [(429, {"parameters": {"retry_after": wait}}) for wait in (-5, 0, 10**12)]
    api.tell(a_bot_post(1, "one"))
    with reading(api, LiveStore(database)):
        eventually(lambda: texts(gateway) == ["one"])


def test_a_group_that_has_become_a_supergroup_is_named_and_its_service_messages_are_none(
    api: PlayedBotApi, database: Database, gateway: Any
) -> None:
    group = {"id": -4001, "type": "group", "title": "Sala"}
    moved = a_bot_post(1, ..., chat=group, migrate_to_chat_id=-1001700000001)  # type: ignore[arg-type]
    joined = a_bot_post(2, ..., new_chat_members=[{"id": 5}])  # type: ignore[arg-type]
    api.tell({"message": moved["channel_post"]}, joined, a_bot_post(3, "one"))
    with reading(api, LiveStore(database)) as reader:
        eventually(lambda: texts(gateway) == ["one"])
        assert "-1001700000001" in str(reader.state().to_json())


def test_a_wrong_token_is_unhealthy_and_never_shown(api: PlayedBotApi, database: Database) -> None:
    wrong = "77:" + "B" * 35
    with reading(api, LiveStore(database), wrong) as reader:
        eventually(lambda: reader.state().status == "unhealthy")
        assert "TELEGRAM_BOT_TOKEN" in str(reader.state().problem)
        assert "BBB" not in str(reader.state().to_json())
    assert "BBB" not in repr(BotSettings(token=wrong))


def test_an_update_of_an_unknown_form_holds_up_no_other(
    api: PlayedBotApi, database: Database, gateway: Any
) -> None:
    api.tell({"channel_post": {"chat": "odd"}}, {"poll": {}}, a_bot_post(1, "one"), a_bot_post(2, "a\0b"))
    with reading(api, LiveStore(database)) as reader:
        eventually(lambda: texts(gateway) == ["one"])
        eventually(lambda: reader.state().refused == 2)
        eventually(lambda: api.waiting == 0)


def test_a_bot_update_is_the_same_row_as_by_a_session() -> None:
    caption = a_bot_post(
        9,
        ...,  # type: ignore[arg-type]
        caption="words",
        photo=[{"file_id": "x"}],
        media_group_id="5",
        reply_to_message={"message_id": 7},
        forward_origin={"type": "channel", "chat": {"id": -1005}, "message_id": 3, "date": 1_790_000_000},
    )
    found = read_bot_update(caption)
    assert found is not None
    record = found.record
    assert (record.text, record.caption, record.media_type) == (None, "words", "photo")
    assert record.metadata["replyTo"] == "7"
    assert record.metadata["forwardedFrom"]["channelId"] == "-1005"
    assert not found.only_if_known
    paid = read_bot_update(a_bot_post(9, ..., caption="words", paid_media={}))  # type: ignore[arg-type]
    assert paid is not None
    assert (paid.record.caption, paid.record.media_type) == ("words", "other")
    private = a_bot_post(9, "x", chat={"id": 9, "type": "private"})
    assert read_bot_update(private) is None
