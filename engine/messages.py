"""All messages between actors: frozen, slotted, typed, without behaviour.

A command is named in the imperative (``PollNow``), a fact in the past tense (``BatchCommitted``), and a timer
sends ``Tick``. A data message carries ``batch_id`` and channel, a control message the sender's ``generation``.
:mod:`engine.control` defines those between supervisor and children.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.control import (
    AddChild,
    ChildDown,
    ChildReady,
    Crash,
    Drain,
    Drained,
    GenerationRaised,
    Ping,
    RemoveChild,
    Shutdown,
    Tick,
)
from engine.model import Outcome, SourceMessage

__all__ = [
    "Acknowledge",
    "Acknowledged",
    "AddChild",
    "AlertsChanged",
    "Answered",
    "BatchCommitted",
    "BatchDelayed",
    "BatchParsed",
    "ChannelsChanged",
    "CheckHistory",
    "ChildDown",
    "ChildReady",
    "CommitRung",
    "CommitSeen",
    "ConnectionLost",
    "Crash",
    "Drain",
    "Drained",
    "FollowChannels",
    "GenerationRaised",
    "HistoryRequested",
    "LettersDue",
    "MessagesDelivered",
    "MessagesFetched",
    "PageBuilt",
    "Ping",
    "PollNow",
    "QueueSeen",
    "RemoveChild",
    "Shutdown",
    "SignalsCommitted",
    "StartBackfill",
    "Tick",
]


# ── channels ─────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelsChanged:
    """Responder or lease keeper to channel reconciler: a doorbell. The table of channels or a lease has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowChannels:
    """Channel reconciler to backfill: read the history of exactly these channels."""

    channels: tuple[str, ...]


# ── sources: poller, backfill, dead letters ──────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class PollNow:
    """Doorbell or responder to a poller: poll now, not at the end of the interval. ``reason`` is logged.

    ``doorbell`` is the doorbell that waits for ``Answered``, if one does. ``messages`` are those that the gateway has
    just answered the doorbell with; an idle poller takes them as its poll. ``full``: there may be more of them.
    """

    reason: str
    doorbell: str | None = None
    messages: tuple[SourceMessage, ...] = ()
    full: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Poller to doorbell: the messages that it rang for are durable and acknowledged, so listen again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge:
    """Poller or consumer to acknowledger: these messages are durable.

    Answer ``Acknowledged`` with this ``number`` after one try; None wants no answer of its own. ``insist``: the
    daemon is about to stop, so try now even if a back-off is running.
    """

    number: int | None
    messages: tuple[SourceMessage, ...] = ()
    insist: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """Acknowledger to poller: the gateway accepted the acknowledgement of these messages, as they were read.

    ``number`` is the number of the answered ``Acknowledge``, or None when a later try succeeded. ``edited`` says
    that some messages stay unacknowledged because their text was edited. ``quiet_s`` is how long the gateway
    wants no request.
    """

    number: int | None
    messages: tuple[SourceMessage, ...] = ()
    edited: bool = False
    quiet_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesDelivered:
    """Connection to its consumer: the broker has delivered these messages, with these tags.

    ``line`` numbers the connections of a consumer. Tags hold for their own connection only.
    """

    line: int
    tags: tuple[int, ...]
    messages: tuple[SourceMessage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSeen:
    """Connection to its consumer: the broker has answered. It counts these messages, consumers and dead letters."""

    line: int
    waiting: int
    consumers: int
    dead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLost:
    """Connection to its consumer: I have ended, or could not be made."""

    line: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartBackfill:
    """History requests to backfill: import the history of ``channels``, or of all channels when it is empty.

    ``again`` repeats an import that was completed. ``since`` reads only the messages that the gateway received
    at that instant or later, even when the import was completed.
    """

    again: bool
    channels: tuple[str, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckHistory:
    """Acknowledger to backfill: read the tail of ``channel``'s history now.

    The acknowledger sends it when an acknowledgement updated more rows than it named. Then the gateway has also
    marked messages of another channel (fault 4 of the gateway).
    """

    channel: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRequested:
    """Doorbell to history requests: somebody has stored a request, so look now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LettersDue:
    """Doorbell to dead letters: somebody made some dead letters due, so look now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesFetched:
    """Source to parser: one batch. ``source`` is the logical name of the actor that waits for ``BatchCommitted``.

    ``channel`` is ``*`` in a batch of the consumer, which may hold messages of several channels.
    ``reread``: the new reading replaces the stored one where they differ. ``unread``: this batch killed an actor
    twice, so its message becomes a dead letter and the parser does not read it.
    """

    batch_id: str
    source: str
    channel: str
    messages: tuple[SourceMessage, ...]
    reread: bool = False
    unread: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchParsed:
    """Parser to writer: the outcome of each message of a batch, in the order of the batch."""

    batch_id: str
    source: str
    channel: str
    outcomes: tuple[Outcome, ...]
    reread: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCommitted:
    """Writer to source: every message of the batch is durable, so acknowledge those that can be.

    ``new`` counts the messages that the ledger did not know, ``duplicates`` the messages that it knew, and
    ``signals`` the rows written. ``commit_number`` is the number of the transaction.
    """

    batch_id: str
    channel: str
    new: int
    duplicates: int
    signals: int
    commit_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchDelayed:
    """Writer to source: the batch waits for the database. The writer tries again in ``retry_in_s`` seconds."""

    batch_id: str
    channel: str
    retry_in_s: float
    cause: str


# ── readers ──────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalsCommitted:
    """Writer or maintenance to cache: a doorbell. The signals up to ``commit_number`` are readable.

    The responder sends it too, with no signals, when a channel's label has changed. ``after`` is the number of the last
    commit before it, if the sender knows that. Not ``changed``: no page and no stream shows anything of this commit.
    """

    commit_number: int
    signals: int
    after: int | None = None
    changed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitSeen:
    """Cache to stream, announcer and notifier: this is now the newest commit. ``set_back``: the database has lost commits that were seen.

    The cache also tells the bell, if this process made the commit.
    """

    commit_number: int
    set_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsChanged:
    """Responder to notifier: a doorbell. Rules have changed, or somebody has made alerts due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitRung:
    """Bell to cache: another process says that it has made this commit. Nobody vouches for that."""

    commit_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PageBuilt:
    """Responder to cache: store this page. ``query`` is the page's key without the generation."""

    query: str
    commit_number: int
    body: bytes
