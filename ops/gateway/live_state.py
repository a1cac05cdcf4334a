"""What a reader of Telegram shows: its session, and each channel's newest update. The app and both readers use it."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog

from ops.gateway.incoming import Written
from ops.gateway.records import iso_utc

__all__ = ["MOVED", "LiveReader", "LiveState", "LiveStateKeeper", "SyncUnavailableError", "Synced"]

#: the problem of a group whose messages go on under another id
MOVED = "it has become the supergroup {}: follow that one too (POST /channels)"
log = structlog.get_logger("gateway")


class SyncUnavailableError(Exception):
    """Telegram cannot be asked now. The text tells why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """The result of a comparison with Telegram: messages looked at, messages written, and the channels."""

    synced: int = 0
    saved: int = 0
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveChannel:
    """One channel. ``newest_at`` is when Telegram last told something of it. ``problem`` is why it is not read."""

    channel: str
    title: str | None = None
    newest_at: datetime | None = None
    compared_at: datetime | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveState:
    """The session. ``status`` is healthy, degraded or unhealthy; ``problem`` is why, in words without secrets."""

    reader: str
    status: str = "degraded"
    problem: str | None = "the session has not begun yet"
    since: datetime
    refused: int = 0
    channels: tuple[LiveChannel, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the state as the API shows it."""
        now = datetime.now(UTC)
        channels = [
            asdict(channel)
            | {
                "newest_at": iso_utc(channel.newest_at),
                "compared_at": iso_utc(channel.compared_at),
                "newest_age_seconds": None
                if channel.newest_at is None
                else max(0, round((now - channel.newest_at).total_seconds())),
            }
            for channel in self.channels
        ]
        return asdict(self) | {"since": iso_utc(self.since), "channels": channels}

    @property
    def headline(self) -> str:
        """The state in one line of ASCII, for a header."""
        problems = [self.problem] if self.problem else []
        problems += [f"{one.channel}: {one.problem}" for one in self.channels if one.problem]
        words = "; ".join([self.status, *problems])
        return words.encode("ascii", "replace").decode().replace("\n", " ")[:500]


class LiveReader(Protocol):
    """A reader of Telegram that runs beside the app."""

    def start(self) -> None:
        """Begin to read."""

    def stop(self) -> None:
        """End the reading."""

    def want(self, channel: str) -> None:
        """Read a channel too: somebody asks for its messages. Safe from any thread."""

    def state(self) -> LiveState:
        """Return the present state. Safe from any thread."""

    def sync(self) -> Future[Synced]:
        """Compare the histories now. The future may hold a :class:`SyncUnavailableError`."""


class LiveStateKeeper:
    """Holds a reader's state. Changes are logged. One thread changes it, and any thread reads it."""

    def __init__(self, reader: str) -> None:
        self._lock = threading.Lock()
        self._state = LiveState(reader=reader, since=datetime.now(UTC))
        self._channels: dict[str, LiveChannel] = {}

    @property
    def state(self) -> LiveState:
        """The state, degraded if a channel cannot be read."""
        with self._lock:
            channels = tuple(self._channels.values())
            status = self._state.status
            if status == "healthy" and any(channel.problem for channel in channels):
                status = "degraded"
            return replace(self._state, status=status, channels=channels)

    def show(self, status: str, problem: str | None = None) -> None:
        """Show what became of the session."""
        with self._lock:
            if (status, problem) == (self._state.status, self._state.problem):
                return
            self._state = replace(self._state, status=status, problem=problem, since=datetime.now(UTC))
        if status == "healthy":
            log.info("telegram.reading")
        else:
            log.warning("telegram.troubled", status=status, problem=problem)

    def show_channel(self, channel: str, **changes: Any) -> None:
        """Show what became of a channel."""
        with self._lock:
            known = self._channels.get(channel) or LiveChannel(channel=channel)
            self._channels[channel] = replace(known, **changes)
            news = known.problem != changes.get("problem", known.problem)
        if news and changes["problem"]:
            log.warning("telegram.channel_unread", channel=channel, problem=changes["problem"])

    def heard(self, channel: str, at: datetime | None = None) -> None:
        """Note that Telegram told something of a channel, now or at an instant."""
        at = at or datetime.now(UTC)
        with self._lock:
            known = self._channels.get(channel)
            if known is not None and (known.newest_at is None or known.newest_at < at):
                self._channels[channel] = replace(known, newest_at=at)

    def refused(self, reason: str) -> None:
        """Count a message that the database refuses."""
        with self._lock:
            self._state = replace(self._state, refused=self._state.refused + 1)
        log.error("telegram.message_refused", reason=reason)


def log_written(written: Written) -> None:
    """Log what a batch of updates did."""
    if written.total:
        log.info("telegram.stored", new=written.new, edited=written.edited, deleted=written.deleted)
