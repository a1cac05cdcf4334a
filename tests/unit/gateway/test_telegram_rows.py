"""What Telegram says, as rows: each value goes through Telethon's own bytes first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from telethon.tl import types

from ops.gateway.incoming import Gone, Posted
from ops.gateway.records import record_from_json
from ops.gateway.telegram.rows import News, read_messages, read_update
from ops.gateway.telegram_export import api_message
from tests.support.telegram import NOON, a_post, as_read

CHANNEL = "-1001649127710"
PHOTO = types.MessageMediaPhoto(
    photo=types.Photo(id=2**40, access_hash=1, file_reference=b"", date=NOON, sizes=[], dc_id=1)
)


def document(*attributes: Any) -> types.MessageMediaDocument:
    return types.MessageMediaDocument(
        document=types.Document(
            id=2**40,
            access_hash=1,
            file_reference=b"",
            date=NOON,
            mime_type="application/pdf",
            size=2**33,
            dc_id=1,
            attributes=list(attributes),
        )
    )


def read(message: Any) -> News | None:
    return read_update(as_read(types.UpdateNewChannelMessage(message=message, pts=1, pts_count=1)))


def posted(message: Any) -> Posted:
    news = read(message)
    assert news is not None
    (change,) = news.changes
    assert isinstance(change, Posted)
    return change


def test_a_post_is_the_row_that_an_export_of_it_would_be() -> None:
    post = a_post(5, "Compra PETR4", edit_date=NOON + timedelta(hours=1))
    entry = {
        "id": 5,
        "text": "Compra PETR4",
        "date_unixtime": str(int((NOON + timedelta(minutes=5)).timestamp())),
        "edited_unixtime": str(int((NOON + timedelta(hours=1)).timestamp())),
    }
    exported = record_from_json(api_message(entry, CHANNEL))
    change = posted(post)
    assert change.version_at == exported.updated_at
    for name in ("channel_id", "message_id", "text", "caption", "media_type", "telegram_date", "metadata"):
        assert getattr(change.record, name) == getattr(exported, name), name


def test_numbers_beyond_32_bits_stay_as_they_are() -> None:
    news = read(a_post(2**31 - 1, "x", channel=2**33))
    assert news is not None
    assert news.channel_id == str(-(10**12) - 2**33)


@pytest.mark.parametrize(
    ("media", "kind", "ref"),
    [
        (PHOTO, "photo", {}),
        (document(types.DocumentAttributeFilename("a.pdf")), "document", {"name": "a.pdf", "size": 2**33}),
        (document(types.DocumentAttributeVideo(duration=1, w=1, h=1)), "video", {"name": None}),
        (document(types.DocumentAttributeAudio(duration=1, voice=True)), "voice", {}),
        (document(types.DocumentAttributeAnimated()), "animation", {}),
    ],
)
def test_media_are_named_and_their_text_is_the_caption(media: Any, kind: str, ref: dict[str, Any]) -> None:
    record = posted(a_post(1, "words", media=media)).record
    assert (record.text, record.caption, record.media_type) == (None, "words", kind)
    (found,) = record.media_refs
    assert found | ref == found


def test_the_preview_of_a_link_leaves_the_text_a_text() -> None:
    preview = types.MessageMediaWebPage(webpage=types.WebPageEmpty(id=1))
    record = posted(a_post(1, "words", media=preview)).record
    assert (record.text, record.media_type, record.media_refs) == ("words", None, [])


@pytest.mark.parametrize(
    ("header", "thread", "answered"),
    [
        ({"reply_to_msg_id": 7}, None, "7"),
        ({"reply_to_msg_id": 7, "reply_to_peer_id": types.PeerChannel(9)}, None, None),
        ({"reply_to_msg_id": 3, "forum_topic": True}, "3", None),
        ({"reply_to_msg_id": 7, "reply_to_top_id": 3, "forum_topic": True}, "3", "7"),
    ],
)
def test_a_reply_within_the_chat_counts_and_a_topic_is_the_thread(
    header: dict[str, Any], thread: str | None, answered: str | None
) -> None:
    record = posted(a_post(9, "x", reply_to=types.MessageReplyHeader(**header))).record
    assert (record.thread_id, record.metadata.get("replyTo")) == (thread, answered)


def test_a_forward_keeps_its_own_date_and_names_its_origin() -> None:
    origin = types.MessageFwdHeader(date=NOON, from_id=types.PeerChannel(5), channel_post=77)
    record = posted(a_post(3, "x", fwd_from=origin)).record
    assert record.telegram_date == NOON + timedelta(minutes=3)
    assert (
        record.metadata["forwardedFrom"] | {"channelId": "-1000000000005", "messageId": "77"}
        == (record.metadata["forwardedFrom"])
    )


def test_an_album_is_the_message_with_its_caption_and_all_its_media() -> None:
    items = [a_post(n, "caption" if n == 11 else "", media=PHOTO, grouped_id=99) for n in (12, 10, 11)]
    found = read_messages([*map(as_read, items)], CHANNEL)
    whole = [one.record for one in found if not one.only_if_known]
    assert [(record.message_id, record.caption, len(record.media_refs)) for record in whole] == [
        ("11", "caption", 3)
    ]
    bare = read_messages([as_read(a_post(n, media=PHOTO, grouped_id=99)) for n in (12, 10)], CHANNEL)
    assert [one.record.message_id for one in bare if not one.only_if_known] == ["10"]
    news = read(items[2])
    assert news is not None
    assert news.album == 11
    assert len(news.changes) == 1, "a caption does not wait for the rest"


def test_deletions_name_their_channel_and_in_groups_none() -> None:
    in_channel = types.UpdateDeleteChannelMessages(channel_id=1649127710, messages=[5, 6], pts=1, pts_count=2)
    in_group = types.UpdateDeleteMessages(messages=[7], pts=1, pts_count=1)
    assert read_update(as_read(in_channel)) == News(
        channel_id=CHANNEL, changes=(Gone(channel_id=CHANNEL, message_ids=("5", "6")),)
    )
    assert read_update(as_read(in_group)) == News(
        channel_id=None, changes=(Gone(channel_id=None, message_ids=("7",)),)
    )


def test_a_group_that_becomes_a_supergroup_says_which_one() -> None:
    service = types.MessageService(
        id=1, peer_id=types.PeerChat(5), date=NOON, action=types.MessageActionChatMigrateTo(channel_id=6)
    )
    news = read_update(as_read(types.UpdateNewMessage(message=service, pts=1, pts_count=1)))
    assert news == News(channel_id="-5", moved_to="-1000000000006")


def test_private_chats_and_service_messages_are_no_messages() -> None:
    private = a_post(1, "x", peer_id=types.PeerUser(9), post=False)
    assert read_update(as_read(types.UpdateNewMessage(message=private, pts=1, pts_count=1))) is None
    pinned = types.MessageService(
        id=1, peer_id=types.PeerChannel(6), date=NOON, action=types.MessageActionPinMessage()
    )
    assert read(pinned) is None
    assert read_update(types.UpdateChannelTooLong(channel_id=1649127710)) == News(
        channel_id=CHANNEL, gap=True
    )
