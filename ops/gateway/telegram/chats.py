"""The channels and groups of an account: listed, and found by id, @name or invitation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from telethon import TelegramClient, errors, functions
from telethon.tl import types

from ops.gateway.telegram.rows import channel_id_of_peer

__all__ = ["Chat", "find_chats", "list_chats"]

_INVITATION = re.compile(r"(?:https?://)?(?:t\.me|telegram\.me)/(?:joinchat/|\+)([\w-]+)|\+([\w-]{16,})")
_NAME = re.compile(r"(?:(?:https?://)?(?:t\.me|telegram\.me)/|@)?([A-Za-z]\w{3,31})")
_NUMBER = re.compile(r"-\d{1,19}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A channel or a group that the account has joined. ``moved_to`` is the supergroup that a group has become."""

    id: str
    title: str
    kind: str
    peer: Any
    names: tuple[str, ...] = ()
    moved_to: str | None = None


async def list_chats(client: TelegramClient) -> list[Chat]:
    """Return all channels and groups of the account."""
    return [
        _chat(dialog.entity, dialog.input_entity)
        async for dialog in client.iter_dialogs()
        if isinstance(dialog.entity, types.Channel | types.Chat)
    ]


async def find_chats(
    client: TelegramClient, chats: Iterable[Chat], wanted: Iterable[str]
) -> Mapping[str, Chat | str]:
    """Return the chat of each wanted name, or why there is none."""
    joined = list(chats)
    by_id = {chat.id: chat for chat in joined}
    by_name = {name.lower(): chat for chat in joined for name in chat.names}
    found: dict[str, Chat | str] = {}
    for word in wanted:
        if _NUMBER.fullmatch(word):
            found[word] = by_id.get(word, "this account has not joined it")
        elif match := _INVITATION.fullmatch(word):
            found[word] = await _invited(client, match[1] or match[2], by_id)
        elif match := _NAME.fullmatch(word):
            found[word] = by_name.get(match[1].lower(), "this account has joined no channel of that name")
        else:
            found[word] = "neither an id such as -1001649127710, nor a @name, nor an invitation"
    return found


async def _invited(client: TelegramClient, code: str, by_id: Mapping[str, Chat]) -> Chat | str:
    try:
        invitation = await client(functions.messages.CheckChatInviteRequest(code))
    except (errors.InviteHashExpiredError, errors.InviteHashInvalidError, errors.InviteHashEmptyError):
        return "the invitation is no longer valid"
    if not isinstance(invitation, types.ChatInviteAlready):
        return "this account has not joined it: open the invitation in Telegram first"
    return by_id.get(_id_of(invitation.chat), "this account has not joined it")


def _chat(entity: Any, peer: Any) -> Chat:
    if isinstance(entity, types.Chat):
        moved = entity.migrated_to
        moved_to = None if moved is None else channel_id_of_peer(types.PeerChannel(moved.channel_id))
        return Chat(id=_id_of(entity), title=entity.title, kind="group", peer=peer, moved_to=moved_to)
    names = [entity.username] if entity.username else []
    names += [one.username for one in entity.usernames or []]
    kind = "channel" if entity.broadcast else "forum" if entity.forum else "supergroup"
    return Chat(id=_id_of(entity), title=entity.title, kind=kind, peer=peer, names=tuple(names))


def _id_of(entity: Any) -> str:
    peer = types.PeerChat(entity.id) if isinstance(entity, types.Chat) else types.PeerChannel(entity.id)
    return channel_id_of_peer(peer)
