"""A Telegram for tests: Telethon's own client on a server that a script plays. Every value goes through bytes and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from telethon import TelegramClient, errors, utils
from telethon.extensions import BinaryReader
from telethon.sessions import MemorySession
from telethon.tl import functions, types

__all__ = ["NOON", "OWNER", "PlayedClient", "PlayedTelegram", "a_channel", "a_post", "as_read"]

NOON = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
OWNER = types.User(id=42, is_self=True, first_name="Ana", access_hash=1)


def as_read(value: Any) -> Any:
    """Return a value of Telethon as it arrives: written to bytes by Telethon, and read from them by Telethon."""
    return BinaryReader(bytes(value)).tgread_object()


def a_channel(number: int = 1649127710, **changes: Any) -> types.Channel:
    """Return a broadcast channel."""
    values: dict[str, Any] = {
        "id": number,
        "title": f"Channel {number}",
        "photo": types.ChatPhotoEmpty(),
        "date": NOON,
        "access_hash": number * 7,
        "broadcast": True,
    }
    return types.Channel(**values | changes)


def a_post(number: int, text: str = "", *, channel: int = 1649127710, **changes: Any) -> types.Message:
    """Return a post of a channel. Its minute is its number."""
    values: dict[str, Any] = {
        "id": number,
        "peer_id": types.PeerChannel(channel),
        "date": NOON + timedelta(minutes=number),
        "message": text,
        "post": True,
    }
    return types.Message(**values | changes)


class PlayedTelegram:
    """What Telegram has: chats and their messages. ``floods`` are waits that the next calls are answered with."""

    def __init__(self, *chats: Any) -> None:
        self.chats = list(chats)
        self.messages: dict[int, dict[int, Any]] = {utils.get_peer_id(utils.get_peer(c)): {} for c in chats}
        self.floods: list[int] = []
        self.refusal: Callable[[Any], Exception] | None = None
        self.authorized = True
        self.clients: list[PlayedClient] = []
        self.calls: list[str] = []
        self.answers: dict[type[Any], Callable[[Any], Any]] = {}

    def client(self) -> PlayedClient:
        """Return a new client of this Telegram."""
        client = PlayedClient(self)
        self.clients.append(client)
        return client

    @property
    def connected(self) -> PlayedClient | None:
        """The client that is connected now, if it is one."""
        return next((client for client in reversed(self.clients) if client.sender.connected), None)

    def put(self, message: Any) -> None:
        """Have a message in its chat, without telling anybody."""
        self.messages[utils.get_peer_id(message.peer_id)][message.id] = message

    def remove(self, channel: int, number: int) -> None:
        """Delete a message of a channel, without telling anybody."""
        del self.messages[utils.get_peer_id(types.PeerChannel(channel))][number]

    def tell(self, update: Any) -> None:
        """Send an update to the client that is connected, if one is. Safe from any thread."""
        if (client := self.connected) is not None:
            client.in_loop(client.told, as_read(update))

    def cut(self) -> None:
        """Cut the connection, if there is one. Safe from any thread."""
        if (client := self.connected) is not None:
            client.in_loop(client.cut)

    # ── answers ──────────────────────────────────────────────────────────────

    def answer(self, request: Any) -> Any:  # noqa: C901 - one line a request
        """Return what Telegram answers to a request, or raise what it refuses it with."""
        self.calls.append(type(request).__name__)
        if self.floods:
            raise errors.FloodWaitError(request, capture=self.floods.pop(0))
        if self.refusal is not None:
            raise self.refusal(request)
        if (scripted := self.answers.get(type(request))) is not None:
            return scripted(request)
        if not self.authorized:
            raise errors.AuthKeyUnregisteredError(request)
        match request:
            case functions.messages.GetDialogsRequest():
                return self._dialogs(request)
            case functions.messages.GetHistoryRequest():
                return self._found(self._history(request))
            case functions.channels.GetMessagesRequest() | functions.messages.GetMessagesRequest():
                return self._found(self._by_id(request))
            case functions.users.GetUsersRequest():
                return [OWNER]
            case functions.updates.GetStateRequest():
                return types.updates.State(pts=1, qts=0, date=NOON, seq=1, unread_count=0)
            case functions.updates.GetDifferenceRequest():
                return types.updates.DifferenceEmpty(date=NOON, seq=1)
            case functions.auth.LogOutRequest():
                self.authorized = False
                return types.auth.LoggedOut()
        raise AssertionError(f"the played Telegram knows no {type(request).__name__}")

    def _dialogs(self, request: Any) -> Any:
        if not isinstance(request.offset_peer, types.InputPeerEmpty):
            return types.messages.DialogsSlice(
                count=len(self.chats), dialogs=[], messages=[], chats=[], users=[]
            )
        dialogs, newest = [], []
        for chat in self.chats:
            peer = utils.get_peer(chat)
            there = self.messages[utils.get_peer_id(peer)]
            top = there[max(there)] if there else None
            if top is not None:
                newest.append(top)
            dialogs.append(
                types.Dialog(
                    peer=peer,
                    top_message=top.id if top is not None else 0,
                    read_inbox_max_id=0,
                    read_outbox_max_id=0,
                    unread_count=0,
                    unread_mentions_count=0,
                    unread_reactions_count=0,
                    unread_poll_votes_count=0,
                    notify_settings=types.PeerNotifySettings(),
                    pts=1,
                )
            )
        return types.messages.Dialogs(dialogs=dialogs, messages=newest, chats=self.chats, users=[OWNER])

    def _history(self, request: Any) -> list[Any]:
        """Return a part of a history as https://core.telegram.org/api/offsets says."""
        there = self.messages[utils.get_peer_id(request.peer)]
        newest_first = [there[number] for number in sorted(there, reverse=True)]
        first = len(newest_first)
        for place, message in enumerate(newest_first):
            beyond = request.offset_id and message.id >= request.offset_id
            later = not request.offset_id and request.offset_date and message.date >= request.offset_date
            if not beyond and not later:
                first = place
                break
        start = max(0, first + request.add_offset)
        return newest_first[start : max(0, first + request.add_offset + request.limit)]

    def _by_id(self, request: Any) -> list[Any]:
        peer = getattr(request, "channel", None)
        there = self.messages[utils.get_peer_id(types.PeerChannel(peer.channel_id))] if peer else {}
        return [there[item.id] for item in request.id if item.id in there]

    def _found(self, messages: Sequence[Any]) -> Any:
        return types.messages.ChannelMessages(
            pts=1, count=len(messages), messages=list(messages), topics=[], chats=self.chats, users=[]
        )


class _Sender:
    """Stands in the place of Telethon's connection: requests and answers become bytes and are read again."""

    def __init__(self, telegram: PlayedTelegram) -> None:
        self._telegram = telegram
        self.auth_key = None
        self.connected = False
        self.disconnected: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def send(self, request: Any, ordered: bool = False) -> asyncio.Future[Any]:
        del ordered
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        plain = request
        while isinstance(plain, functions.InvokeWithLayerRequest | functions.InitConnectionRequest):
            plain = plain.query
        try:
            if isinstance(plain, functions.help.GetConfigRequest):
                future.set_result(None)
            else:
                answer = self._telegram.answer(as_read(plain))
                future.set_result(
                    [as_read(one) for one in answer] if isinstance(answer, list) else as_read(answer)
                )
        except Exception as error:  # noqa: BLE001 - it belongs to the caller of the request
            future.set_exception(error)
        return future


class PlayedClient(TelegramClient):  # type: ignore[misc]  # Telethon has no types
    """Telethon's client without a network."""

    def __init__(self, telegram: PlayedTelegram) -> None:
        super().__init__(
            MemorySession(),
            1,
            "0" * 32,
            flood_sleep_threshold=0,
            auto_reconnect=False,
            raise_last_call_error=True,
        )
        self.sender = self._sender = _Sender(telegram)
        self._told: set[asyncio.Future[Any]] = set()

    async def connect(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.sender.connected = True

    def in_loop(self, call: Callable[..., None], *values: Any) -> None:
        """Call something in the client's loop. A loop that has ended is a client that is gone."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call, *values)

    async def disconnect(self) -> None:
        self.cut()

    def cut(self) -> None:
        """Lose the connection."""
        self.sender.connected = False
        if not self.sender.disconnected.done():
            self.sender.disconnected.set_result(None)

    @property
    def disconnected(self) -> asyncio.Future[None]:
        return asyncio.shield(self.sender.disconnected)

    def is_connected(self) -> bool:
        return self.sender.connected

    def told(self, update: Any) -> None:
        for callback, event in self.list_event_handlers():
            task = asyncio.ensure_future(callback(event.build(update)))
            self._told.add(task)
            task.add_done_callback(self._told.discard)
