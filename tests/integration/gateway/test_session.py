"""The reader of a user's session, on Telethon's own client and a played Telegram: nothing is lost and nothing doubled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager, suppress
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from telethon import errors
from telethon.tl import functions, types

from engine.backoff import Backoff
from ops.gateway.database import open_database
from ops.gateway.live_state import LiveReader, Synced, SyncUnavailableError
from ops.gateway.live_store import LiveStore
from ops.gateway.telegram import session as session_module
from ops.gateway.telegram.session import SessionReader
from storage.errors import StorageError
from storage.postgres.database import Database
from tests.support.stack import eventually
from tests.support.telegram import NOON, PlayedTelegram, a_channel, a_post

CHANNEL = "-1001649127710"
NUMBER = 1649127710
PHOTO = types.MessageMediaPhoto(photo=types.PhotoEmpty(id=1))
SOON = Backoff(first_s=0.02, cap_s=0.05)


@pytest.fixture(scope="module")
def database(shared_gateway: Any) -> Iterator[Database]:
    with open_database(shared_gateway.database_url) as opened:
        yield opened


@contextmanager
def reading(telegram: PlayedTelegram, database: Database, *channels: str) -> Iterator[SessionReader]:
    reader = SessionReader(
        telegram.client, LiveStore(database), channels=channels or (CHANNEL,), pause_s=0, backoff=SOON
    )
    reader.start()
    try:
        yield reader
    finally:
        reader.stop()


def clear(gateway: Any) -> None:
    gateway.execute("TRUNCATE telegram_gateway.messages, telegram_gateway.live_channels CASCADE")


def synced(reader: LiveReader) -> Synced:
    """Compare with Telegram, as soon as it can be asked."""
    deadline = time.monotonic() + 40
    while True:
        with suppress(SyncUnavailableError, FutureTimeoutError):
            return reader.sync().result(timeout=20)
        assert time.monotonic() < deadline, reader.state()
        time.sleep(0.02)


def rows(gateway: Any, channel: str = CHANNEL) -> list[tuple[str, str | None, str]]:
    found = gateway.get("/api/messages", channelId=channel, sort="asc", limit=1000, deleted="true").json()
    return [(row["messageId"], row["text"] or row["caption"], row["status"]) for row in found["data"]]


def new(message: Any) -> Any:
    return types.UpdateNewChannelMessage(message=message, pts=1, pts_count=1)


def edit(message: Any) -> Any:
    return types.UpdateEditChannelMessage(message=message, pts=1, pts_count=1)


def deletion(*numbers: int) -> Any:
    return types.UpdateDeleteChannelMessages(channel_id=NUMBER, messages=list(numbers), pts=1, pts_count=1)


def healthy(reader: LiveReader) -> bool:
    return reader.state().status == "healthy" and any(one.compared_at for one in reader.state().channels)


@pytest.fixture
def telegram(gateway: Any) -> PlayedTelegram:
    clear(gateway)
    return PlayedTelegram(a_channel())


def test_a_post_its_edit_and_its_deletion_are_told_within_moments(
    telegram: PlayedTelegram, database: Database, gateway: Any
) -> None:
    with reading(telegram, database) as reader:
        eventually(lambda: healthy(reader))
        telegram.tell(new(a_post(1, "one")))
        eventually(lambda: rows(gateway) == [("1", "one", "received")])
        telegram.tell(edit(a_post(1, "one", edit_date=NOON + timedelta(hours=1))))
        telegram.tell(edit(a_post(1, "two", edit_date=NOON + timedelta(hours=2))))
        eventually(lambda: rows(gateway) == [("1", "one", "received"), ("1", "two", "received")])
        telegram.tell(deletion(1))
        eventually(lambda: rows(gateway) == [("1", "two", "deleted")])
        (shown,) = reader.state().channels
        assert (shown.channel, shown.title, shown.problem) == (CHANNEL, f"Channel {NUMBER}", None)
        assert reader.state().to_json()["channels"][0]["newest_age_seconds"] < 60


def test_what_no_update_told_is_found_by_comparing(
    telegram: PlayedTelegram, database: Database, gateway: Any
) -> None:
    for number in range(1, 251):
        telegram.put(a_post(number, f"text {number}"))
    with reading(telegram, database) as reader:
        eventually(lambda: healthy(reader))
        assert len(rows(gateway)) == 250
        telegram.put(a_post(249, "edited", edit_date=NOON + timedelta(days=1)))
        telegram.remove(NUMBER, 250)
        telegram.put(a_post(251, "missed"))
        telegram.tell(new(a_post(252, "live")))
        telegram.put(a_post(252, "live"))
        assert synced(reader).saved >= 3
        assert rows(gateway)[-4:] == [
            ("249", "edited", "received"),
            ("250", "text 250", "deleted"),
            ("251", "missed", "received"),
            ("252", "live", "received"),
        ]
        assert synced(reader).saved == 0


def test_histories_are_compared_again_and_again(
    telegram: PlayedTelegram, database: Database, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "COMPARE_EVERY_S", 0.2)
    with reading(telegram, database) as reader:
        eventually(lambda: healthy(reader))
        telegram.put(a_post(1, "no update told it"))
        eventually(lambda: rows(gateway) == [("1", "no update told it", "received")])


def test_a_wait_that_telegram_asks_for_is_kept_and_shown(
    telegram: PlayedTelegram, database: Database, gateway: Any
) -> None:
    telegram.put(a_post(1, "one"))
    telegram.floods = [1]
    began = time.monotonic()
    with reading(telegram, database) as reader:
        eventually(lambda: reader.state().problem == "Telegram asks to wait 1 s")
        eventually(lambda: healthy(reader))
        assert time.monotonic() - began >= 1
        assert rows(gateway) == [("1", "one", "received")]


def test_a_database_that_is_back_is_written_to_soon(
    telegram: PlayedTelegram, database: Database, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "DATABASE_RETRY_S", 0.02)
    away = iter([True] * 3)

    class Broken(LiveStore):
        def checked_upto(self, channel: str) -> int:
            if next(away, False):
                raise StorageError("the database is away")
            return super().checked_upto(channel)

    telegram.put(a_post(1, "one"))
    slow = Backoff(first_s=60, cap_s=60)
    reader = SessionReader(telegram.client, Broken(database), channels=(CHANNEL,), pause_s=0, backoff=slow)
    reader.start()
    try:
        eventually(lambda: rows(gateway) == [("1", "one", "received")])
        eventually(lambda: healthy(reader))
    finally:
        reader.stop()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errors.SessionRevokedError, "ended in another Telegram app"),
        (errors.AuthKeyDuplicatedError, "two places at once"),
        (errors.UserDeactivatedBanError, "banned"),
        (errors.AuthKeyUnregisteredError, "tp-capital gateway login"),
        (lambda _: errors.AuthKeyNotFound(), "ended the session"),
    ],
)
def test_a_lost_session_is_unhealthy_and_a_new_login_ends_that(
    telegram: PlayedTelegram,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    error: Callable[[Any], Exception],
    words: str,
) -> None:
    monkeypatch.setattr(session_module, "LOST_RETRY_S", 0.05)
    with reading(telegram, database) as reader:
        eventually(lambda: healthy(reader))
        telegram.refusal = error
        telegram.cut()
        eventually(lambda: reader.state().status == "unhealthy")
        assert words in str(reader.state().problem)
        assert words in reader.state().headline
        with pytest.raises(SyncUnavailableError):
            reader.sync().result(timeout=20)
        telegram.refusal = None
        eventually(lambda: healthy(reader))


def test_a_channel_is_read_when_it_is_asked_for_and_one_that_was_not_joined_is_named(
    telegram: PlayedTelegram, database: Database, gateway: Any
) -> None:
    other = "-1002000000002"
    telegram.chats.append(a_channel(2000000002, username="signals"))
    telegram.messages[int(other)] = {}
    telegram.put(a_post(1, "there", channel=2000000002))
    with reading(telegram, database) as reader:
        eventually(lambda: healthy(reader))
        reader.want(other)
        reader.want("-1009")
        reader.want("4711")
        eventually(lambda: rows(gateway, other) == [("1", "there", "received")])
        eventually(lambda: len(reader.state().channels) == 3)
        problems = {one.channel: one.problem for one in reader.state().channels}
        assert problems == {CHANNEL: None, other: None, "-1009": "this account has not joined it"}
        assert reader.state().status == "degraded"


def test_channels_by_name_and_invitation_and_a_group_that_has_moved(database: Database, gateway: Any) -> None:
    clear(gateway)
    moved = types.Chat(
        id=5,
        title="Old group",
        photo=types.ChatPhotoEmpty(),
        participants_count=1,
        date=NOON,
        version=1,
        migrated_to=types.InputChannel(channel_id=6, access_hash=42),
    )
    telegram = PlayedTelegram(
        a_channel(username="Sinais"), a_channel(6, megagroup=True, broadcast=False), moved
    )
    joined = types.ChatInviteAlready(chat=a_channel())
    telegram.answers[functions.messages.CheckChatInviteRequest] = lambda _: joined
    telegram.put(a_post(3, "in the supergroup", channel=6, post=False))
    with reading(telegram, database, "@sinais", "https://t.me/+abcdefghijklmnop", "-5", "@nobody") as reader:
        eventually(lambda: rows(gateway, "-1000000000006") == [("3", "in the supergroup", "received")])
        shown = {one.channel: one.problem for one in reader.state().channels}
        assert shown[CHANNEL] is None
        assert "-1000000000006" in str(shown["-5"])
        assert "no channel of that name" in str(shown["@nobody"])


def test_an_album_is_one_message_with_its_caption_and_all_its_media(
    telegram: PlayedTelegram, database: Database, gateway: Any
) -> None:
    items = [a_post(n, "caption" if n == 11 else "", media=PHOTO, grouped_id=9) for n in (10, 11, 12)]
    with reading(telegram, database) as reader:
        eventually(lambda: healthy(reader))
        for item in items:
            telegram.put(item)
        for item in items:
            telegram.tell(new(item))

        def media() -> list[int]:
            found = gateway.get("/api/messages", channelId=CHANNEL).json()["data"]
            return [len(row["mediaRefs"]) for row in found if row["caption"] == "caption"]

        eventually(lambda: media() == [3])
        assert rows(gateway) == [("11", "caption", "received")]


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_lost_doubled_or_late_the_end_is_what_telegram_has(
    shared_gateway: Any, database: Database, seed: int
) -> None:
    clear(shared_gateway)
    random = Random(seed)
    telegram = PlayedTelegram(a_channel())
    with reading(telegram, database) as reader:
        eventually(lambda: healthy(reader))
        deleted = _play(telegram, random)
        expected = {
            (str(message.id), message.message)
            for message in telegram.messages[int(CHANNEL)].values()
            if isinstance(message, types.Message)
        }

        def held() -> bool:
            synced(reader)
            found = rows(shared_gateway)
            newest = {number: (text, status) for number, text, status in found}
            alive = {(number, text) for number, (text, status) in newest.items() if status != "deleted"}
            return alive == expected and not deleted & {number for number, _ in alive}

        eventually(held)
    found = rows(shared_gateway)
    assert len(found) == len(set(found)), "a text was stored twice"


def _play(telegram: PlayedTelegram, random: Random) -> set[str]:
    """Play a day of a channel: some updates are lost, doubled or late. Return the deleted messages."""
    there = telegram.messages[int(CHANNEL)]
    late: list[Any] = []
    deleted: set[str] = set()
    telegram.floods.append(0)
    for number in range(1, 41):
        act = random.choice(["post", "post", "post", "edit", "delete", "cut"])
        if act == "cut":
            telegram.cut()
            continue
        chosen = random.choice(sorted(there)) if there else number
        if act == "delete" and len(there) > 1:
            # of the oldest message that is left nobody can tell a deletion from a history that begins later
            chosen = random.choice(sorted(there)[1:])
            telegram.remove(NUMBER, chosen)
            deleted.add(str(chosen))
            update = deletion(chosen)
        elif act == "edit" and there:
            telegram.put(a_post(chosen, f"edit {number}", edit_date=NOON + timedelta(hours=number)))
            update = edit(there[chosen])
        else:
            telegram.put(a_post(number, f"text {number}"))
            update = new(there[number])
        for told in random.choices([telegram.tell, late.append], [4, 1], k=random.choice([0, 1, 1, 2])):
            told(update)
    random.shuffle(late)
    for update in late:
        telegram.tell(update)
    return deleted
