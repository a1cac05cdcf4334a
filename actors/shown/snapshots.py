"""The immutable snapshots that actors publish. Others read them without asking the actor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from engine.breaker import BreakerState
from engine.model import Market

__all__ = [
    "AcknowledgerSnapshot",
    "AnnouncerSnapshot",
    "BackfillPhase",
    "BackfillSnapshot",
    "BellSnapshot",
    "CacheSnapshot",
    "ChannelEntry",
    "ChannelProgress",
    "ChannelsSnapshot",
    "ConsumerSnapshot",
    "DeadLettersSnapshot",
    "LeasesSnapshot",
    "MaintenanceSnapshot",
    "NotifierSnapshot",
    "PollState",
    "PollerSnapshot",
    "QuotesSnapshot",
    "StreamSnapshot",
    "WriterSnapshot",
]


#: an alert that waits longer for its target is reported
LATE_ALERT = timedelta(minutes=5)


class PollState(StrEnum):
    """The result of the last poll. An outage is not the same as "no messages"."""

    STARTING = "starting"
    MESSAGES = "messages"
    EMPTY = "empty"
    REJECTED = "rejected"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PollerSnapshot:
    """The polling of a channel.

    ``last_success_at`` changes only with a poll that ended as messages or empty. ``newest_message_at`` is when the
    newest seen message was received; it reveals a gateway that answers "empty" for ever because its Telegram
    session died. ``asked_s`` is when the last successful poll for new messages began; messages that the gateway
    received later may not be read yet. ``may_ask_s`` is when the gateway's quota allows the next call. ``lag_s`` is
    the time of the last batch's newest message from its receipt at the gateway to its commit here. ``error`` and
    ``failing_since`` are set while polls fail. ``covered``: the broker brings the messages, so polls are rare.
    ``telegram_session`` is what the gateway said of its reader of Telegram: a status and, after a semicolon, the cause.
    None is a gateway that does not say it.
    """

    channel: str
    state: PollState
    breaker: BreakerState
    breaker_calls: int
    breaker_failures: int
    breaker_openings: int
    last_poll_at: datetime | None
    last_success_at: datetime | None
    asked_s: float | None
    may_ask_s: float = 0.0
    newest_message_at: datetime | None
    lag_s: float | None = None
    error: str | None
    key_refused: bool
    failing_since: datetime | None
    in_flight: int
    unacknowledged: int
    covered: bool = False
    telegram_session: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerSnapshot:
    """The queue of the broker, and our connection to it.

    ``well_at_s`` is when the broker last answered (monotonic). ``held_back``: nothing is read while the database is
    away. ``waiting``, ``consumers`` and ``dead`` are the broker's counts; None before its first answer. ``error`` and
    ``failing_since`` are set while there is no connection.
    """

    connected: bool
    well_at_s: float | None
    held_back: bool
    breaker: BreakerState
    error: str | None
    failing_since: datetime | None
    waiting: int | None
    consumers: int | None
    dead: int | None
    in_flight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgerSnapshot:
    """The acknowledgements of a channel.

    ``owed`` counts the rows to acknowledge, ``looks`` the second looks to make. ``error`` and ``failing_since`` are
    set while one of the two fails, and ``failures`` counts its failures in a row.
    """

    channel: str
    owed: int
    looks: int
    error: str | None
    failures: int
    failing_since: datetime | None


class BackfillPhase(StrEnum):
    """What backfill is doing."""

    WAITING = "waiting"
    SYNCING = "syncing"
    READING = "reading"
    COMPLETED = "completed"
    CHECKING_TAIL = "checking_tail"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelProgress:
    """The full pass of a channel: ``rows_read`` of the gateway's ``total`` rows, of which ``found`` were new.

    A running tail check has read ``check_rows_read`` of ``check_total`` rows. ``error`` is set while this channel's
    history cannot be read.
    """

    channel: str
    rows_read: int
    pages: int
    found: int
    total: int | None
    completed_at: datetime | None
    tail_found: int
    check_rows_read: int | None = None
    check_total: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillSnapshot:
    """The history import. ``requests_taken`` counts the accepted requests since its start."""

    phase: BackfillPhase
    channels: tuple[ChannelProgress, ...]
    error: str | None
    failing_since: datetime | None
    requests_taken: int = 0

    @property
    def completed(self) -> bool:
        """Whether every channel's history has been read to its end."""
        return bool(self.channels) and all(channel.completed_at for channel in self.channels)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelEntry:
    """A wanted channel. ``source`` is ``settings`` or ``api``. ``added_at`` is None while it is not known.

    ``market`` is the market that its messages are read for.
    """

    channel: str
    label: str | None
    source: str
    added_at: datetime | None
    market: Market = Market.B3


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelsSnapshot:
    """The wanted channels.

    Until ``complete`` the list holds only the channels of the settings, because the database has not answered yet.
    ``error`` is set while the list may be outdated.
    """

    channels: tuple[ChannelEntry, ...]
    complete: bool
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLettersSnapshot:
    """The number of waiting dead letters, or None before the database has answered."""

    waiting: int | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceSnapshot:
    """The maintenance of weekly chunks: its last successful round and the ``problem`` that it found.

    ``failures`` counts the failed rounds since then, and ``error`` is the last failure. Where settling old rows has failed
    more often in a row, they speak of that.
    """

    last_kept_at: datetime | None
    ahead_until: datetime | None
    problem: str | None
    error: str | None
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasesSnapshot:
    """The jobs that this daemon holds, and when it last asked for them (monotonic).

    If the database did not answer, they are those of the last answer.
    """

    held: frozenset[str]
    asked_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterSnapshot:
    """The writer. ``error`` and ``failing_since`` are set while it waits.

    ``last_lag_s`` is the time of the last polled signal from its receipt at the gateway to its commit.
    """

    schema_ready: bool
    error: str | None
    misconfigured: bool
    failing_since: datetime | None
    waiting: int
    last_commit_at: datetime | None
    last_commit_number: int
    last_lag_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSnapshot:
    """The current generation of pages: the number of the newest known commit.

    It is None before the database has answered. ``error`` says why the page store does not accept pages.
    """

    commit_number: int | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncerSnapshot:
    """How far events were published. ``error`` and ``failing_since`` are set while none can be."""

    commit_number: int | None
    error: str | None
    failing_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotesSnapshot:
    """The requests to the quote service on this day, and why no prices come. ``error`` is None while they come."""

    requests: int
    error: str | None
    failing_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BellSnapshot:
    """Whether this process hears at once what others commit. Else it looks each second."""

    connected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifierSnapshot:
    """The alerts that are due, and their ``rules``.

    ``oldest_due_at`` is when the oldest of them was written, and ``reason`` why it was not sent yet; quiet hours count as
    neither. ``off`` names each target that was switched off, with the reason. ``left_out`` counts changes that could not be put into
    words since the start. ``error`` and ``failing_since`` are set while
    nothing can be planned.
    """

    rules: int
    due: int
    oldest_due_at: datetime | None
    reason: str | None
    off: tuple[str, ...]
    left_out: int = 0
    error: str | None
    failing_since: datetime | None

    def trouble(self, now: datetime) -> str | None:
        """Return why alerts do not arrive, or None."""
        if self.error is not None:
            return f"no alerts are sent: {self.error}"
        if self.oldest_due_at is not None and now - self.oldest_due_at > LATE_ALERT:
            return (
                f"an alert waits since {self.oldest_due_at:%H:%M} UTC: {self.reason or 'it was not sent yet'}"
            )
        if self.left_out:
            return (
                f"{self.left_out} changes of signals could not be told; the log has why (alerts.row_left_out)"
            )
        return f"targets are switched off: {'; '.join(self.off)}" if self.off else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSnapshot:
    """How far the event log has read. ``error`` is set while it cannot read on."""

    commit_number: int | None
    error: str | None
