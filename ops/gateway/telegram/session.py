"""Reads Telegram by a user's session, in a thread with an event loop of its own.

A loop of its own, because Telethon encrypts in pure Python: a page of history would hold up every request of the gateway.
One task writes the updates in their order. Beside it, each chat's history is compared after each connect and every ten
minutes, because an update may be lost. Both write through one store that does not mind order or repetition.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from random import Random
from typing import Any, TypeVar

import structlog
from telethon import TelegramClient, errors, events, functions

from engine.backoff import Backoff, RetryState
from engine.clock import SystemClock
from ops.gateway.incoming import Change, Posted
from ops.gateway.live_state import (
    MOVED,
    LiveState,
    LiveStateKeeper,
    Synced,
    SyncUnavailableError,
    log_written,
)
from ops.gateway.live_store import DATABASE_RETRY_S, LiveStore
from ops.gateway.telegram.chats import Chat, find_chats, list_chats
from ops.gateway.telegram.client import LOST, plain_words
from ops.gateway.telegram.history import compare, read_album
from ops.gateway.telegram.lasting import first_of, until_disconnected
from ops.gateway.telegram.rows import News, read_messages, read_update
from storage.errors import RowsRefusedError, StorageError

__all__ = ["SessionReader"]

T = TypeVar("T")

COMPARE_EVERY_S = 600.0
#: how long an update may wait for a place in the list of those to write; beyond it a comparison finds the message
MOST_WAITING = 10_000
#: how many updates one transaction writes
BATCH = 200
#: how often a lost session is tried again: somebody may have logged in meanwhile
LOST_RETRY_S = 30.0
BACKOFF = Backoff(first_s=1.0, cap_s=60.0)
#: so many channels may be asked for; more is no use of this gateway
MOST_WANTED = 500
_STOP_S = 10.0

log = structlog.get_logger("gateway")


class SessionReader:
    """A thread that reads the channels of a user's session. ``open_client`` is called in it, for each new session."""

    def __init__(
        self,
        open_client: Callable[[], TelegramClient],
        store: LiveStore,
        *,
        channels: Iterable[str] = (),
        pause_s: float = 1.0,
        backoff: Backoff = BACKOFF,
    ) -> None:
        self._open_client = open_client
        self._store = store
        self._pause_s = pause_s
        self._wanted: dict[str, None] = dict.fromkeys(channels)
        self._chats: dict[str, Chat] = {}
        self._keeper = LiveStateKeeper("session")
        self._retry = RetryState(backoff=backoff, random=Random())  # noqa: S311 - jitter, not cryptography
        self._clock = SystemClock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="telegram", daemon=True)
        self._waiting: asyncio.Queue[News] = asyncio.Queue(MOST_WAITING)
        self._look = asyncio.Event()
        self._looking = asyncio.Lock()
        self._client: TelegramClient | None = None
        self._main: asyncio.Task[None] | None = None
        self._albums: set[asyncio.Task[None]] = set()
        #: what was taken out of the list and is not written yet
        self._unwritten: list[News] = []

    # ── what other threads call ──────────────────────────────────────────────

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """End the reading, and the thread."""

        def end() -> None:
            if self._main is not None:
                self._main.cancel()

        with suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(end)
        self._thread.join(_STOP_S)

    def want(self, channel: str) -> None:
        """Read a channel too. Private chats are never read."""
        if channel in self._wanted or not channel.startswith("-") or len(self._wanted) >= MOST_WANTED:
            return
        self._wanted[channel] = None
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._look.set)

    def state(self) -> LiveState:
        """Return the present state."""
        return self._keeper.state

    def sync(self) -> Future[Synced]:
        """Compare all histories now."""
        return asyncio.run_coroutine_threadsafe(self._sync(), self._loop)

    # ── the thread ───────────────────────────────────────────────────────────

    def _run(self) -> None:
        try:
            with suppress(asyncio.CancelledError):
                self._main = self._loop.create_task(self._keep_reading())
                self._loop.run_until_complete(self._main)
        finally:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    async def _keep_reading(self) -> None:
        while True:
            try:
                await self._read_until_lost()
            except Exception as error:  # noqa: BLE001 - of a thread that ended nobody would hear
                await asyncio.sleep(self._failed(error))

    async def _read_until_lost(self) -> None:
        """Open the session, and read. A new client is opened each time: somebody may have logged in again."""
        self._client = client = self._open_client()
        client.add_event_handler(self._on_update, events.Raw())
        try:
            await client.connect()
            # a request of this kind also makes Telegram send updates
            await client(functions.updates.GetStateRequest())
            self._retry.succeeded()
            self._keeper.show("healthy")
            await first_of(until_disconnected(client), self._write_updates(), self._compare_often(client))
        finally:
            self._client = None
            for task in self._albums:
                task.cancel()
            await asyncio.gather(*self._albums, return_exceptions=True)
            with suppress(Exception):
                await client.disconnect()

    def _failed(self, error: Exception) -> float:
        """Show why reading ended, and return the seconds until the next attempt."""
        words = plain_words(error)
        if isinstance(error, LOST):
            self._keeper.show("unhealthy", words)
            return LOST_RETRY_S
        self._keeper.show("degraded", words)
        if isinstance(error, errors.FloodWaitError | StorageError):
            return DATABASE_RETRY_S if isinstance(error, StorageError) else float(error.seconds)
        if not isinstance(error, OSError | errors.RPCError):
            log.error("telegram.failed", error=type(error).__name__, exc_info=error)
        now_s = self._clock.monotonic_s()
        self._retry.failed(words, at=self._clock.now(), now_s=now_s)
        return self._retry.wait_s(now_s)

    # ── updates ──────────────────────────────────────────────────────────────

    async def _on_update(self, update: Any) -> None:
        try:
            news = read_update(update)
        except Exception:  # an update of a new kind must not be lost silently
            log.exception("telegram.update_unread", kind=type(update).__name__)
            self._look.set()
            return
        if news is None or (news.channel_id is not None and news.channel_id not in self._chats):
            return
        if news.gap or self._waiting.full():
            self._look.set()
        else:
            self._waiting.put_nowait(news)

    async def _write_updates(self) -> None:
        while True:
            batch = self._unwritten
            if not batch:
                batch.append(await self._waiting.get())
            while not self._waiting.empty() and len(batch) < BATCH:
                batch.append(self._waiting.get_nowait())
            await self._write([change for news in batch for change in news.changes])
            self._unwritten = []
            for news in batch:
                if news.channel_id is None:
                    continue
                self._keeper.heard(news.channel_id)
                if news.moved_to is not None:
                    self._moved(news.channel_id, news.moved_to)
                if news.album is not None and self._client is not None:
                    self._in_background(self._read_album(self._client, news.channel_id, news.album))

    async def _write(self, changes: list[Change]) -> None:
        """Write changes, and wait as long as the database is away. One that it refuses costs only itself."""
        waited = False
        while changes:
            try:
                log_written(await asyncio.to_thread(self._store.write, changes))
            except RowsRefusedError:
                written, refused = await asyncio.to_thread(self._store.write_each, changes)
                log_written(written)
                for error in refused:
                    self._keeper.refused(str(error))
            except StorageError as error:
                waited = True
                self._keeper.show("degraded", str(error))
                await asyncio.sleep(BACKOFF.first_s)
                continue
            if waited:
                self._keeper.show("healthy")
            return

    async def _read_album(self, client: TelegramClient, channel_id: str, number: int) -> None:
        try:
            items = await self._patiently(lambda: read_album(client, self._chats[channel_id].peer, number))
        except (OSError, errors.RPCError):
            self._look.set()  # the next comparison reads it
        else:
            posted: list[Posted] = read_messages(items, channel_id)
            if posted:
                await self._waiting.put(News(channel_id=channel_id, changes=tuple(posted)))

    def _in_background(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._albums.add(task)
        task.add_done_callback(self._albums.discard)

    # ── histories ────────────────────────────────────────────────────────────

    async def _compare_often(self, client: TelegramClient) -> None:
        while True:
            self._look.clear()
            await self._compare_all(client)
            with suppress(TimeoutError):
                async with asyncio.timeout(COMPARE_EVERY_S):
                    await self._look.wait()

    async def _sync(self) -> Synced:
        client = self._client
        if client is None or self.state().problem is not None:
            raise SyncUnavailableError(self.state().problem or "there is no connection to Telegram")
        try:
            return await self._compare_all(client)
        except (OSError, errors.RPCError) as error:
            raise SyncUnavailableError(plain_words(error)) from error

    async def _compare_all(self, client: TelegramClient) -> Synced:
        """Find the wanted chats and compare their histories. One that cannot be read does not hold up the others."""
        async with self._looking:
            await self._find_chats(client)
            looked_at = saved = 0
            for chat in list(self._chats.values()):
                try:
                    done = await self._patiently(
                        lambda chat=chat: compare(client, chat, self._store, pause_s=self._pause_s)  # type: ignore[misc]
                    )
                except LOST:
                    raise
                except errors.RPCError as error:
                    self._keeper.show_channel(chat.id, problem=plain_words(error))
                    continue
                looked_at += len(done.seen)
                saved += done.written.total
                self._keeper.show_channel(chat.id, compared_at=self._clock.now(), problem=_moved_words(chat))
                if done.newest_at is not None:
                    self._keeper.heard(chat.id, done.newest_at)
                if done.written.total:
                    log.info("telegram.gap_filled", channel=chat.id, messages=done.written.total)
            return Synced(synced=looked_at, saved=saved, channels=tuple(self._chats))

    async def _find_chats(self, client: TelegramClient) -> None:
        joined = await self._patiently(lambda: list_chats(client))
        found = await self._patiently(lambda: find_chats(client, joined, list(self._wanted)))
        for word, chat in found.items():
            if isinstance(chat, str):
                self._keeper.show_channel(word, problem=chat)
                self._chats.pop(word, None)
                continue
            self._chats[chat.id] = chat
            self._keeper.show_channel(chat.id, title=chat.title, problem=_moved_words(chat))
            if chat.moved_to is not None:
                self._moved(chat.id, chat.moved_to)

    def _moved(self, channel_id: str, moved_to: str) -> None:
        """Read the supergroup that a group has become, too. Its messages have numbers of their own, and its own id."""
        self._keeper.show_channel(channel_id, problem=MOVED.format(moved_to))
        if moved_to not in self._wanted:
            self._wanted[moved_to] = None
            self._look.set()

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call, and wait as long as Telegram asks to. The wait is shown."""
        while True:
            try:
                return await call()
            except errors.FloodWaitError as error:
                self._keeper.show("degraded", plain_words(error))
                await asyncio.sleep(error.seconds)
                self._keeper.show("healthy")


def _moved_words(chat: Chat) -> str | None:
    return None if chat.moved_to is None else MOVED.format(chat.moved_to)
