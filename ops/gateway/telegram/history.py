"""Compares a chat's history with what is stored, and fills what is missing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from telethon import TelegramClient

from ops.gateway.incoming import Gone, Written
from ops.gateway.live_store import LiveStore
from ops.gateway.telegram.chats import Chat
from ops.gateway.telegram.rows import read_messages

__all__ = ["Compared", "compare", "read_album"]

#: so many messages before the last known one are looked at again, for edits and deletions that no update told
TAIL = 100
#: the last known messages have at most this distance in their numbers; beyond it no deletion is looked for
FAR = 10_000
#: how far back the first comparison goes: the engine serves no older signal
FIRST_DAYS = 90
PAGE = 100
#: an album has at most ten messages, with consecutive numbers
ALBUM = 10


class Compared:
    """What a comparison did: the messages it looked at, what it wrote, and when the newest message was posted."""

    def __init__(self) -> None:
        self.seen: set[int] = set()
        self.written = Written()
        self.newest_at: datetime | None = None

    def saw(self, messages: list[Any]) -> None:
        """Note messages of the history."""
        self.seen |= {message.id for message in messages}
        self.newest_at = max(
            [message.date for message in messages] + ([self.newest_at] if self.newest_at else [])
        )


async def compare(client: TelegramClient, chat: Chat, store: LiveStore, *, pause_s: float = 1.0) -> Compared:
    """Compare a chat's history from the last known message on. ``pause_s`` is the rest between two pages.

    What was read is written page by page, so a comparison that is interrupted goes on where it was.
    """
    done = Compared()
    upto = await asyncio.to_thread(store.checked_upto, chat.id)
    # what is stored before the history is asked for, and is not in it, was deleted
    stored = await asyncio.to_thread(store.stored_since, chat.id, upto - FAR) if upto else set()
    if upto:
        tail = list(await client.get_messages(chat.peer, limit=TAIL, max_id=upto + 1))
        done.saw(tail)
        # the album at the edge may be cut
        edge = tail[-1].grouped_id if tail else None
        whole = [message for message in tail if edge is None or message.grouped_id != edge]
        done.written.add(await asyncio.to_thread(store.write, read_messages(whole, chat.id)))
    else:
        since = datetime.now(UTC) - timedelta(days=FIRST_DAYS)
        older = await client.get_messages(chat.peer, limit=1, offset_date=since)
        upto = older[0].id if older else 0
    async for page in _pages(client, chat, upto, pause_s):
        done.saw(page)
        changes = read_messages(page, chat.id)
        checked = chat.id, max(message.id for message in page)
        done.written.add(await asyncio.to_thread(store.write, changes, checked=checked))
    # a history that shows nothing says nothing of deletions
    gone = sorted(number for number in stored - done.seen if done.seen and number >= min(done.seen))
    deleted = Gone(channel_id=chat.id, message_ids=tuple(map(str, gone)))
    done.written.add(await asyncio.to_thread(store.write, [deleted], checked=(chat.id, upto)))
    return done


async def read_album(client: TelegramClient, peer: Any, number: int) -> list[Any]:
    """Return the messages of the album that a message belongs to."""
    near = list(range(max(1, number - ALBUM + 1), number + ALBUM))
    found = [message for message in await client.get_messages(peer, ids=near) if message is not None]
    album = next((message.grouped_id for message in found if message.id == number), None)
    return [message for message in found if album is not None and message.grouped_id == album]


async def _pages(client: TelegramClient, chat: Chat, upto: int, pause_s: float) -> AsyncIterator[list[Any]]:
    """Yield what came after a message, oldest first, no album cut in two."""
    page: list[Any] = []
    async for message in client.iter_messages(chat.peer, min_id=upto, reverse=True, wait_time=pause_s):
        if message.id <= upto:
            continue
        ends = len(page) >= PAGE and (message.grouped_id is None or message.grouped_id != page[-1].grouped_id)
        if ends:
            yield page
            page = []
        page.append(message)
    if page:
        yield page
