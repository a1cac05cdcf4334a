"""Every message that crosses a mailbox: frozen, slotted, typed, without behaviour.

Commands are imperative (``PollNow``), facts past tense (``BatchCommitted``), timers ``Tick``.
Data messages carry ``batch_id`` and channel; control messages carry the sender's ``generation``.
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
    """Supervisor to child, each second: beat, so that an idle actor is told from a hung one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Timer to the actor that set it. ``purpose`` names what is due."""

    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildReady:
    """Child to supervisor, last act of its start: resources are open, the next child may start."""

    name: str
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildDown:
    """Child to supervisor: it died of ``error``. ``started`` is False when it never got ready."""

    name: str
    generation: int
    error: str
    started: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRaised:
    """Supervisor to every child: ``name`` was started anew, what was in its mailbox is gone."""

    name: str
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AddChild:
    """Channel reconciler to supervisor: run one more child. One of that name, or a stop under way: no effect."""

    spec: ChildSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveChild:
    """Channel reconciler to supervisor: drain and stop the child of this name, and forget it."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown:
    """Main to supervisor: drain, then stop all in reverse order."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """Supervisor to a source: fetch no more; answer ``Drained`` once nothing is in flight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """Source to supervisor: nothing of mine is in flight. ``unacknowledged`` messages are left."""

    name: str
    generation: int
    unacknowledged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """Fault drill to any actor: raise in the handler. Sent by tests only; no outside way leads here."""

    reason: str


# ── channels ─────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelsChanged:
    """Responder to channel reconciler: a doorbell. The table of channels is another one now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowChannels:
    """Channel reconciler to backfill: these are the channels whose history is to be read, and no others."""

    channels: tuple[str, ...]


# ── sources: poller, backfill, dead letters ──────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class PollNow:
    """Doorbell to a poller: poll now instead of at the end of the interval. ``reason`` is for the log."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge:
    """Poller to acknowledger: these are durable here; answer ``Acknowledged`` of this ``number`` after one try.

    ``insist``: try now, whatever failed before; the daemon is about to stop.
    """

    number: int
    messages: tuple[SourceMessage, ...] = ()
    insist: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """Acknowledger to poller: the gateway has taken the acknowledgement of these, as they were read.

    ``number`` is that of the ``Acknowledge`` answered, or None: a later try went well. ``edited`` says that some
    were left unmarked, for their text is another one by now. ``quiet_s`` is how long the gateway wants no request.
    """

    number: int | None
    messages: tuple[SourceMessage, ...] = ()
    edited: bool = False
    quiet_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StartBackfill:
    """Responder to backfill: run the history import of ``channels``, of all of them when it is empty.

    ``again`` reads it anew although it was completed; ``since`` reads just what the gateway received then or
    later, completed or not.
    """

    again: bool
    channels: tuple[str, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckHistory:
    """Acknowledger to backfill: read the tail of ``channel``'s history now.

    Sent when an acknowledgement updated more rows than it named: another channel's messages were
    marked too (fault 4 of the gateway).
    """

    channel: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LettersDue:
    """Doorbell to dead letters: somebody made some of them due; look now instead of within seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesFetched:
    """Source to parser: one batch. ``source`` is the logical name that waits for ``BatchCommitted``.

    ``reread`` asks for the present reading to replace the stored one where they differ.
    ``unread`` says that this batch killed an actor twice: it becomes a dead letter, unread.
    """

    batch_id: str
    source: str
    channel: str
    messages: tuple[SourceMessage, ...]
    reread: bool = False
    unread: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchParsed:
    """Parser to writer: the outcome of each message of a batch, in the order fetched."""

    batch_id: str
    source: str
    channel: str
    outcomes: tuple[Outcome, ...]
    reread: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCommitted:
    """Writer to source: every message of the batch is durable here; acknowledge what can be.

    ``new`` counts messages the ledger did not know, ``duplicates`` those it did, ``signals`` the
    rows written. ``commit_number`` is the number of the transaction.
    """

    batch_id: str
    channel: str
    new: int
    duplicates: int
    signals: int
    commit_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchDelayed:
    """Writer to source: the batch waits for the database, tried again in ``retry_in_s`` seconds."""

    batch_id: str
    channel: str
    retry_in_s: float
    cause: str


# ── readers ──────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalsCommitted:
    """Writer to cache: a doorbell. Signals up to ``commit_number`` are readable.

    Told by the responder too, with no signals, when a channel's label has changed.
    """

    commit_number: int
    signals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitSeen:
    """Cache to stream: the newest commit is this one now; an earlier one than before after a restore."""

    commit_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PageBuilt:
    """Responder to cache: keep this page. ``query`` is the page's key without its generation."""

    query: str
    commit_number: int
    body: bytes
