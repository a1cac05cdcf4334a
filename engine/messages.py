"""All messages between actors: frozen, slotted, typed, without behaviour.

A command is named in the imperative (``PollNow``), a fact in the past tense (``BatchCommitted``), and a timer
sends ``Tick``. A data message carries ``batch_id`` and channel, a control message the sender's ``generation``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.model import Outcome, SourceMessage
from engine.spec import ChildSpec

__all__ = [
    "Acknowledge",
    "Acknowledged",
    "AddChild",
    "Answered",
    "BatchCommitted",
    "BatchDelayed",
    "BatchParsed",
    "ChannelsChanged",
    "CheckHistory",
    "ChildDown",
    "ChildReady",
    "CommitSeen",
    "Crash",
    "Drain",
    "Drained",
    "FollowChannels",
    "GenerationRaised",
    "LettersDue",
    "MessagesFetched",
    "PageBuilt",
    "Ping",
    "PollNow",
    "RemoveChild",
    "Shutdown",
    "SignalsCommitted",
    "StartBackfill",
    "Tick",
]


# ── control ──────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """Supervisor to child, each second: record a heartbeat. It distinguishes an idle actor from a hung one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Timer to the actor that set it: the work that ``purpose`` names is due."""

    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildReady:
    """Child to supervisor, at the end of its start: my resources are open, so the next child may start."""

    name: str
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildDown:
    """Child to supervisor: I died of ``error``. ``started`` is False when the child never became ready."""

    name: str
    generation: int
    error: str
    started: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRaised:
    """Supervisor to every child: ``name`` was restarted, and the messages in its old mailbox are lost."""

    name: str
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AddChild:
    """Channel reconciler to supervisor: start one more child.

    It has no effect when a child of this name exists or the supervisor is stopping.
    """

    spec: ChildSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveChild:
    """Channel reconciler to supervisor: drain, stop and forget the child of this name."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown:
    """Main to supervisor: drain the sources, then stop all children in reverse order."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """Supervisor to a source: fetch no more, and answer ``Drained`` when nothing is in flight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """Source to supervisor: I have nothing in flight. ``unacknowledged`` messages remain."""

    name: str
    generation: int
    unacknowledged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """Fault drill to any actor: raise in the handler. Only tests send it; nothing outside can trigger it."""

    reason: str


# ── channels ─────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelsChanged:
    """Responder to channel reconciler: a doorbell. The table of channels has changed."""


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
    """Poller to acknowledger: these messages are durable. Answer ``Acknowledged`` with this ``number`` after one try.

    ``insist``: the daemon is about to stop, so try now even if a back-off is running.
    """

    number: int
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
class StartBackfill:
    """Responder to backfill: import the history of ``channels``, or of all channels when it is empty.

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
class LettersDue:
    """Doorbell to dead letters: somebody made some dead letters due, so look now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesFetched:
    """Source to parser: one batch. ``source`` is the logical name of the actor that waits for ``BatchCommitted``.

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

    ``earliest`` is the earliest instant of the signals that commit ``commit_number`` has written or changed, where that
    is known. The responder sends it too, with no signals, when a channel's label has changed.
    """

    commit_number: int
    signals: int
    earliest: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitSeen:
    """Cache to stream: this is now the newest commit. After a restore its number is lower than before.

    ``earliest`` is as in ``SignalsCommitted``.
    """

    commit_number: int
    earliest: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageBuilt:
    """Responder to cache: store this page. ``query`` is the page's key without the generation."""

    query: str
    commit_number: int
    body: bytes
