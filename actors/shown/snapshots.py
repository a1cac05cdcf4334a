"""What each actor publishes: immutable, judged by others, asked of nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engine.breaker import BreakerState
from engine.model import Market

__all__ = [
    "AcknowledgerSnapshot",
    "BackfillPhase",
    "BackfillSnapshot",
    "CacheSnapshot",
    "ChannelEntry",
    "ChannelProgress",
    "ChannelsSnapshot",
    "DeadLettersSnapshot",
    "MaintenanceSnapshot",
    "PollState",
    "PollerSnapshot",
    "StreamSnapshot",
    "WriterSnapshot",
]


class PollState(StrEnum):
    """How the last poll ended; an outage is never "no messages"."""

    STARTING = "starting"
    MESSAGES = "messages"
    EMPTY = "empty"
    REJECTED = "rejected"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PollerSnapshot:
    """A channel's polling as others see it.

    ``last_success_at`` moves with a poll that ended as messages or empty only; ``newest_message_at``
    is when the newest message seen was received: a gateway whose Telegram session died answers
    "empty" for ever. ``asked_s`` is when the last successful poll for new messages began: what came to the gateway
    later may not be read yet. ``may_ask_s`` is until when its quota keeps us waiting. ``lag_s`` is how long the newest message of the last batch took from its receipt at
    the gateway to its commit here. ``error`` and ``failing_since`` stand while polls fail.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgerSnapshot:
    """The acknowledging of a channel as others see it.

    ``owed`` acknowledgements are to be sent; ``looks`` readings of what was acknowledged are to be made. ``error``
    and ``failing_since`` stand while one of the two fails, ``failures`` times in a row.
    """

    channel: str
    owed: int
    looks: int
    error: str | None
    failures: int
    failing_since: datetime | None


class BackfillPhase(StrEnum):
    """What backfill is at."""

    WAITING = "waiting"
    SYNCING = "syncing"
    READING = "reading"
    COMPLETED = "completed"
    CHECKING_TAIL = "checking_tail"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelProgress:
    """A channel's full pass: ``rows_read`` of the gateway's ``total``; ``found`` were new here.

    ``check_rows_read`` of ``check_total`` rows are read by the check of the tail under way, if there is one.
    ``error`` stands while this channel's history cannot be read.
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
    """The history import as others see it. ``requests_taken`` counts what it was asked for since its start."""

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
    """A channel that is to be read. ``source`` is ``settings`` or ``api``; ``added_at`` None: not known yet.

    ``market`` is what its messages are read as.
    """

    channel: str
    label: str | None
    source: str
    added_at: datetime | None
    market: Market = Market.B3


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelsSnapshot:
    """The channels that are to be read.

    Until ``complete`` they are those of the settings: the database has not told of the others yet.
    ``error`` stands while the list may be an old one.
    """

    channels: tuple[ChannelEntry, ...]
    complete: bool
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLettersSnapshot:
    """How many messages wait for a good end; None while the database has not told."""

    waiting: int | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceSnapshot:
    """The keeping of weeks as others see it: the last good round and what it found.

    ``failures`` in a row since then, the last of them for ``error``.
    """

    last_kept_at: datetime | None
    ahead_until: datetime | None
    problem: str | None
    error: str | None
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterSnapshot:
    """The writing side as others see it; ``error`` and ``failing_since`` stand while it has to wait.

    ``last_lag_s`` is how long after its receipt at the gateway the last polled signal was durable.
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
    """The generation of pages that is right now: the number of the newest commit known.

    None until the database has told it once. ``error`` says why the page store does not take pages.
    """

    commit_number: int | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSnapshot:
    """How far the event log of new signals has come; ``error`` stands while it cannot be read further."""

    commit_number: int | None
    error: str | None
