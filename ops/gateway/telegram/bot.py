"""Reads Telegram as a bot of the channel's owner, by ``getUpdates`` of the Bot API.

The Bot API tells of messages and edits, of no deletion, and of nothing from before the bot. Telegram keeps what a bot has
not fetched for a day. An update counts as fetched when the next request names a later one, and that number is stored
in the transaction of the messages. So a crash at any point loses none.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from random import Random
from typing import Any

import orjson
import requests
import structlog

from engine.backoff import Backoff, RetryState
from engine.clock import SystemClock
from ops.gateway.incoming import Change, Posted
from ops.gateway.live_state import MOVED, LiveState, LiveStateKeeper, Synced, log_written
from ops.gateway.live_store import DATABASE_RETRY_S, LiveStore
from ops.gateway.records import MessageRecord, iso_utc
from ops.gateway.telegram_settings import BotSettings
from storage.errors import RowsRefusedError, StorageError
from storage.http_connection import KeptConnections, plain_cause, read_at_most

__all__ = ["BotReader", "read_bot_update"]

#: the kinds of updates that are asked for: posts and edits in channels, messages and edits in groups
ALLOWED = ("channel_post", "edited_channel_post", "message", "edited_message")
#: how long the Bot API holds an empty answer
HOLD_S = 25
_ANSWER_S = HOLD_S + 10.0
#: another reader of the same bot may end soon
CONFLICT_S = 5.0
LOST_RETRY_S = 30.0
#: the pause that Telegram may ask for: no loop without a rest, and no wait that a thread cannot make
LEAST_WAIT_S, MOST_WAIT_S = 1.0, 86_400.0
BACKOFF = Backoff(first_s=1.0, cap_s=60.0)
_STOP_S = 10.0
_LARGEST_BYTES = 16 * 1024 * 1024
#: `mediaType` by the key of a message; the first one that is there counts
_MEDIA = {
    "animation": "animation",
    "photo": "photo",
    "video": "video",
    "video_note": "video",
    "voice": "voice",
    "audio": "audio",
    "sticker": "sticker",
    "document": "document",
    "poll": "poll",
    "contact": "contact",
    "venue": "location",
    "location": "location",
}

log = structlog.get_logger("gateway")


class BotRefusedError(Exception):
    """The Bot API refused a request. ``wait_s`` is when to try again."""

    def __init__(self, words: str, *, wait_s: float | None, lost: bool = False) -> None:
        super().__init__(words)
        self.wait_s = wait_s
        self.lost = lost


class BotReader:
    """A thread that fetches a bot's updates, one request at a time."""

    def __init__(self, settings: BotSettings, store: LiveStore, *, hold_s: int = HOLD_S) -> None:
        self._settings = settings
        self._store = store
        self._hold_s = hold_s
        self._keeper = LiveStateKeeper("bot")
        self._retry = RetryState(backoff=BACKOFF, random=Random())  # noqa: S311 - jitter, not cryptography
        self._clock = SystemClock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telegram", daemon=True)
        self._session = requests.Session()
        # proxies of the environment must not decide where the token is sent
        self._session.trust_env = False
        self._adapter = KeptConnections(repeatable=frozenset({"POST"}))
        self._session.mount("http://", self._adapter)
        self._session.mount("https://", self._adapter)
        self._next: int | None = None

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """End the reading. A request that is held ends with its connection."""
        self._stopping.set()
        self._adapter.shut_down()
        self._thread.join(_STOP_S)

    def want(self, channel: str) -> None:
        """Do nothing: a bot is told of every channel that it is an administrator of."""

    def state(self) -> LiveState:
        """Return the present state."""
        return self._keeper.state

    def sync(self) -> Future[Synced]:
        """Return at once: the Bot API has no history, and everything that it tells is read as it comes."""
        done: Future[Synced] = Future()
        done.set_result(Synced(channels=tuple(one.channel for one in self.state().channels)))
        return done

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._fetch()
            except Exception as error:  # noqa: BLE001 - of a thread that ended nobody would hear
                self._stopping.wait(self._failed(error))
            else:
                self._retry.succeeded()
                self._keeper.show("healthy")

    def _fetch(self) -> None:
        """Fetch some updates and write them. The next request tells Telegram that they are written."""
        bot_id = self._settings.bot_id
        if self._next is None:
            self._next = self._store.next_update(bot_id)
        # the first answer comes at once, and shows that the bot can read
        hold_s = self._hold_s if self.state().problem is None else 0
        asked: dict[str, Any] = {"timeout": hold_s, "allowed_updates": ALLOWED}
        if self._next is not None:
            asked["offset"] = self._next
        updates = self._call("getUpdates", asked)
        if not updates:
            return
        changes: list[Change] = []
        for update in updates:
            try:
                change = read_bot_update(update)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                # one update of an unknown form must not hold up all that come after it
                self._keeper.refused(f"update {update['update_id']} has an unknown form: {error!r:.100}")
                continue
            message = _message_of(update)
            if (moved_to := message.get("migrate_to_chat_id")) is not None:
                self._keeper.show_channel(str(message["chat"]["id"]), problem=MOVED.format(moved_to))
            if change is not None:
                changes.append(change)
                channel = change.record.channel_id
                self._keeper.show_channel(channel, title=message["chat"].get("title"))
                self._keeper.heard(channel)
        following = max(int(update["update_id"]) for update in updates) + 1
        try:
            log_written(self._store.write_updates(bot_id, changes, next_update=following))
        except RowsRefusedError:
            written, refused = self._store.write_each(changes)
            log_written(written)
            for refusal in refused:
                self._keeper.refused(str(refusal))
            self._store.write_updates(bot_id, [], next_update=following)
        self._next = following

    def _call(self, method: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        url = f"{self._settings.api_url}/bot{self._settings.token}/{method}"
        try:
            with self._session.post(
                url, json=body, timeout=(5.0, _ANSWER_S), allow_redirects=False, stream=True
            ) as answer:
                said = orjson.loads(read_at_most(answer, _LARGEST_BYTES) or b"")
        except requests.RequestException as error:
            # the text of the error itself holds the address, and so the token
            raise BotRefusedError(
                f"the Bot API cannot be reached: {plain_cause(error)}", wait_s=None
            ) from None
        except orjson.JSONDecodeError:
            raise BotRefusedError(
                f"the Bot API answered {answer.status_code} without JSON", wait_s=None
            ) from None
        if isinstance(said, dict) and said.get("ok") is True and isinstance(said.get("result"), list):
            updates: list[dict[str, Any]] = said["result"]
            return updates
        raise _refusal(answer.status_code, said if isinstance(said, dict) else {})

    def _failed(self, error: Exception) -> float:
        """Show why a request failed, and return the seconds until the next one."""
        if isinstance(error, BotRefusedError):
            self._keeper.show("unhealthy" if error.lost else "degraded", str(error))
            if error.wait_s is not None:
                return error.wait_s
        elif isinstance(error, StorageError):
            self._keeper.show("degraded", str(error))
            return DATABASE_RETRY_S
        else:
            log.error("telegram.failed", error=type(error).__name__, exc_info=error)
            self._keeper.show("degraded", type(error).__name__)
        now_s = self._clock.monotonic_s()
        self._retry.failed(type(error).__name__, at=self._clock.now(), now_s=now_s)
        return self._retry.wait_s(now_s)


def read_bot_update(update: Mapping[str, Any]) -> Posted | None:
    """Return what an update says of a channel or a group, or None if it says nothing of a message there."""
    message = _message_of(update)
    if not message or message["chat"]["type"] == "private":
        return None
    sent = _instant(message["date"])
    edited = _instant(message["edit_date"]) if message.get("edit_date") else None
    other = "other" if "caption" in message else None
    media = next((name for key, name in _MEDIA.items() if key in message), other)
    if media is None and "text" not in message:
        return None  # a service message: somebody joined, a title was changed
    answered = message.get("reply_to_message")
    metadata: dict[str, Any] = {}
    topic = message.get("message_thread_id") if message.get("is_topic_message") else None
    if answered is not None and answered.get("message_id") != topic:
        metadata["replyTo"] = str(answered["message_id"])
    if edited is not None:
        metadata["editedAt"] = iso_utc(edited)
    if "media_group_id" in message:
        metadata["albumId"] = str(message["media_group_id"])
    if "forward_origin" in message:
        metadata["forwardedFrom"] = _origin(message["forward_origin"])
    record = MessageRecord(
        channel_id=str(message["chat"]["id"]),
        message_id=str(message["message_id"]),
        thread_id=None if topic is None else str(topic),
        text=(message.get("text") or "") if media is None else None,
        caption=message.get("caption") if media is not None else None,
        media_type=media,
        media_refs=[] if media is None else [_media_ref(message, media)],
        telegram_date=sent,
        metadata=metadata,
    )
    # an album comes item by item: those without a caption add nothing to the one that has it
    return Posted(
        record=record,
        version_at=edited or sent,
        only_if_known="media_group_id" in message and not message.get("caption"),
    )


def _message_of(update: Mapping[str, Any]) -> dict[str, Any]:
    return next((update[kind] for kind in ALLOWED if kind in update), None) or {}


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


def _media_ref(message: Mapping[str, Any], media: str) -> dict[str, Any]:
    ref: dict[str, Any] = {"type": media, "messageId": str(message["message_id"])}
    file = message.get(media)
    if isinstance(file, dict):
        ref |= {
            "name": file.get("file_name"),
            "mimeType": file.get("mime_type"),
            "size": file.get("file_size"),
        }
    return ref


def _origin(origin: Mapping[str, Any]) -> dict[str, Any]:
    chat = origin.get("chat") or origin.get("sender_chat") or {}
    return {
        "channelId": str(chat["id"]) if "id" in chat else None,
        "messageId": str(origin["message_id"]) if "message_id" in origin else None,
        "name": origin.get("sender_user_name"),
        "date": iso_utc(_instant(origin["date"])),
    }


def _refusal(status: int, said: Mapping[str, Any]) -> BotRefusedError:
    code = said.get("error_code", status)
    if code in (401, 404):
        return BotRefusedError(
            "Telegram does not know this bot: TELEGRAM_BOT_TOKEN is wrong or was revoked",
            wait_s=LOST_RETRY_S,
            lost=True,
        )
    if code == 409:
        return BotRefusedError(
            "another program reads this bot's updates, or a webhook is set: only one may",
            wait_s=CONFLICT_S,
            lost=True,
        )
    parameters = said.get("parameters")
    wait = parameters.get("retry_after") if isinstance(parameters, dict) else None
    if code == 429 and isinstance(wait, int | float):
        wait_s = min(max(float(wait), LEAST_WAIT_S), MOST_WAIT_S)
        return BotRefusedError(f"Telegram asks to wait {wait_s:.0f} s", wait_s=wait_s)
    return BotRefusedError(f"the Bot API answered {code}", wait_s=None)
