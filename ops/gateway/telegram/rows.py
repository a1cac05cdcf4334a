"""What Telegram says, as changes of messages in the gateway's form. Pure: from a value of Telethon to values of ours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from telethon import utils
from telethon.tl import types

from ops.gateway.incoming import Change, Gone, Posted
from ops.gateway.records import MessageRecord, iso_utc

__all__ = ["News", "channel_id_of_peer", "read_messages", "read_update"]

#: `mediaType` by the attribute of a document that decides it. The first one that is there counts
_KINDS: tuple[tuple[type[Any], str], ...] = (
    (types.DocumentAttributeSticker, "sticker"),
    (types.DocumentAttributeAnimated, "animation"),
    (types.DocumentAttributeVideo, "video"),
    (types.DocumentAttributeAudio, "audio"),
)
#: media without a file
_PLAIN_MEDIA: tuple[tuple[type[Any], str], ...] = (
    (types.MessageMediaPhoto, "photo"),
    (types.MessageMediaPoll, "poll"),
    (types.MessageMediaContact, "contact"),
    (types.MessageMediaGeo, "location"),
    (types.MessageMediaGeoLive, "location"),
    (types.MessageMediaVenue, "location"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What one update says of a chat.

    ``album`` is a message whose album must be read whole. ``moved_to`` is the supergroup that the group has become.
    ``gap`` says that Telegram does not tell what happened: the history must be compared.
    """

    channel_id: str | None
    changes: tuple[Change, ...] = ()
    album: int | None = None
    moved_to: str | None = None
    gap: bool = False


def channel_id_of_peer(peer: Any) -> str:
    """Return the API's id of a chat: channels and supergroups begin with -100, groups with a minus sign."""
    return str(utils.get_peer_id(peer))


def read_update(update: Any) -> News | None:
    """Return what an update says of a channel or a group, or None if it says nothing of messages there."""
    match update:
        case (
            types.UpdateNewChannelMessage()
            | types.UpdateNewMessage()
            | types.UpdateEditChannelMessage()
            | types.UpdateEditMessage()
        ):
            return _news_of(update.message)
        case types.UpdateDeleteChannelMessages():
            channel_id = channel_id_of_peer(types.PeerChannel(update.channel_id))
            return News(channel_id=channel_id, changes=(_gone(channel_id, update.messages),))
        case types.UpdateDeleteMessages():
            return News(channel_id=None, changes=(_gone(None, update.messages),))
        case types.UpdateChannelTooLong():
            return News(channel_id=channel_id_of_peer(types.PeerChannel(update.channel_id)), gap=True)
    return None


def read_messages(messages: Iterable[Any], channel_id: str) -> list[Posted]:
    """Return the messages of a chat, each album whole. Service messages and empty ones are left out.

    Of an album each message with a caption is one of its own, and the first of them names the media of all. An album
    without a caption is its first message.
    """
    alone: list[Posted] = []
    albums: dict[int, list[Any]] = {}
    for message in sorted((m for m in messages if isinstance(m, types.Message)), key=lambda m: int(m.id)):
        if message.grouped_id is None:
            alone.append(_posted(message, channel_id))
        else:
            albums.setdefault(message.grouped_id, []).append(message)
    return alone + [posted for items in albums.values() for posted in _album(items, channel_id)]


def _news_of(message: Any) -> News | None:
    if isinstance(message, types.MessageEmpty) or isinstance(message.peer_id, types.PeerUser):
        return None
    channel_id = channel_id_of_peer(message.peer_id)
    if isinstance(message, types.MessageService):
        action = message.action
        if isinstance(action, types.MessageActionChatMigrateTo):
            moved_to = channel_id_of_peer(types.PeerChannel(action.channel_id))
            return News(channel_id=channel_id, moved_to=moved_to)
        return None
    if message.grouped_id is None:
        return News(channel_id=channel_id, changes=(_posted(message, channel_id),))
    # a caption does not wait until the whole album was read
    changes = (_posted(message, channel_id),) if message.message else ()
    return News(channel_id=channel_id, changes=changes, album=message.id)


def _album(items: Sequence[Any], channel_id: str) -> list[Posted]:
    first = next((item for item in items if item.message), items[0])
    media = [ref for item in items for ref in _media_refs(item)]
    return [
        _posted(
            item,
            channel_id,
            media_refs=media if item is first else None,
            only_if_known=item is not first and not item.message,
        )
        for item in items
    ]


def _posted(
    message: Any, channel_id: str, *, media_refs: list[Any] | None = None, only_if_known: bool = False
) -> Posted:
    media_type = _media_type(message.media)
    words = message.message or None
    thread_id, reply_to = _reply(message.reply_to)
    metadata: dict[str, Any] = {}
    if reply_to is not None:
        metadata["replyTo"] = reply_to
    if message.edit_date is not None:
        metadata["editedAt"] = iso_utc(message.edit_date)
    if message.grouped_id is not None:
        metadata["albumId"] = str(message.grouped_id)
    if message.fwd_from is not None:
        metadata["forwardedFrom"] = _origin(message.fwd_from)
    record = MessageRecord(
        channel_id=channel_id,
        message_id=str(message.id),
        thread_id=thread_id,
        # the text of media is their caption
        text=(words or "") if media_type is None else None,
        caption=words if media_type is not None else None,
        media_type=media_type,
        media_refs=_media_refs(message) if media_refs is None else media_refs,
        telegram_date=message.date,
        metadata=metadata,
    )
    version_at = message.edit_date or message.date
    return Posted(record=record, version_at=version_at, only_if_known=only_if_known)


def _gone(channel_id: str | None, numbers: Iterable[int]) -> Gone:
    return Gone(channel_id=channel_id, message_ids=tuple(map(str, numbers)))


def _reply(header: Any) -> tuple[str | None, str | None]:
    """Return the topic of a message, and the message of the same chat that it replies to."""
    if not isinstance(header, types.MessageReplyHeader):
        return None, None
    answered = header.reply_to_msg_id
    # with a peer, the reply is to a message of another chat, which has its own numbers (fault 34)
    if answered is None or header.reply_to_peer_id is not None:
        return None, None
    if not header.forum_topic:
        return None, str(answered)
    if header.reply_to_top_id is None:
        return str(answered), None  # a message of a topic "replies" to the message that opened the topic
    return str(header.reply_to_top_id), str(answered)


def _origin(header: Any) -> dict[str, str | None]:
    return {
        "channelId": None if header.from_id is None else channel_id_of_peer(header.from_id),
        "messageId": None if header.channel_post is None else str(header.channel_post),
        "name": header.from_name,
        "date": iso_utc(header.date),
    }


def _media_type(media: Any) -> str | None:
    """Return the kind of media. The preview of a link is none: the text stays a text."""
    if media is None or isinstance(media, types.MessageMediaEmpty | types.MessageMediaWebPage):
        return None
    if isinstance(media, types.MessageMediaDocument):
        attributes = getattr(media.document, "attributes", None) or []
        if any(isinstance(one, types.DocumentAttributeAudio) and one.voice for one in attributes):
            return "voice"
        for kind, name in _KINDS:
            if any(isinstance(one, kind) for one in attributes):
                return name
        return "document"
    for kind, name in _PLAIN_MEDIA:
        if isinstance(media, kind):
            return name
    return "other"


def _media_refs(message: Any) -> list[dict[str, Any]]:
    """Name the media of a message. Nothing is downloaded."""
    kind = _media_type(message.media)
    if kind is None:
        return []
    ref: dict[str, Any] = {"type": kind, "messageId": str(message.id)}
    document = getattr(message.media, "document", None)
    if isinstance(document, types.Document):
        names = (
            one.file_name for one in document.attributes if isinstance(one, types.DocumentAttributeFilename)
        )
        ref |= {"name": next(names, None), "mimeType": document.mime_type, "size": document.size}
    return [ref]
