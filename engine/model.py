"""The values that actors and storage pass around: pure, immutable, decimal prices, aware times.

Texts and their readings meet here: a :class:`ChannelMessage` is what the gateway holds, a
:class:`Reading` is what the grammar makes of its text, an :class:`Outcome` is what the ledger
keeps of it for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

__all__ = [
    "ChannelMessage",
    "Event",
    "EventKind",
    "Kind",
    "MalformedMessage",
    "Outcome",
    "OutcomeKind",
    "Reading",
    "Side",
    "Signal",
    "SourceMessage",
    "Span",
]


class Kind(StrEnum):
    """What a text is (format catalogue, section 8)."""

    SIGNAL = "signal"
    CANCEL = "cancel"
    RESULT = "result"
    UPDATE = "update"
    NOT_SIGNAL = "not_signal"
    EMPTY = "empty"


class OutcomeKind(StrEnum):
    """Where a message ended. The first six are readings, the rest befell the message."""

    SIGNAL = "signal"
    CANCEL = "cancel"
    RESULT = "result"
    UPDATE = "update"
    NOT_SIGNAL = "not_signal"
    EMPTY = "empty"
    #: the operator's text filter excludes it
    FILTERED = "filtered"
    #: a signal that was past the retention when it arrived: in the ledger, without a row
    EXPIRED = "expired"
    #: could not be read or stored; retried with back-off
    DEAD_LETTER = "dead_letter"


class Side(StrEnum):
    """Direction of the first order."""

    BUY = "buy"
    SELL = "sell"


class EventKind(StrEnum):
    """What a message reports about an earlier signal."""

    CANCEL = "cancel"
    RESULT = "result"
    UPDATE = "update"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Where in the raw text a value was read, and by which rule.

    ``start`` and ``end`` count code points of the raw text (text, or caption when the text is
    blank), end exclusive. ``value`` is the value read, written plainly; reading
    ``raw[start:end]`` again by ``rule`` gives it.
    """

    field: str
    start: int
    end: int
    rule: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One trade idea. ``position`` is its place among the signals of the message, from 0.

    ``targets`` are in the order of the catalogue's section 6; ``target_final`` is the labelled
    final target, else the last of ``targets``. ``valid_until`` is DD/MM or DD/MM/YYYY.
    ``warnings`` are sorted names of the catalogue's section 10.
    """

    position: int
    side: Side
    asset: str
    signal_type: str
    buy_min: Decimal | None
    buy_max: Decimal | None
    targets: tuple[Decimal, ...]
    target_final: Decimal | None
    stop: Decimal | None
    valid_until: str | None
    warnings: tuple[str, ...]
    provenance: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a cancel, result or update message says of one asset.

    ``target`` is the number of the target it speaks of (0: the final one), ``stop`` whether it
    speaks of the stop, ``percent`` a percentage it gives; each None or False when not said.
    """

    kind: EventKind
    asset: str | None
    target: int | None = None
    stop: bool = False
    percent: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the grammar makes of one text. ``reason`` is a machine name of the rule that decided."""

    kind: Kind
    reason: str
    signals: tuple[Signal, ...] = ()
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelMessage:
    """A message of a channel as the gateway holds it.

    The key is (``channel``, ``message_id``). ``message_id`` is Telegram's number within the
    channel; where the gateway has no usable one it is ``id:<gateway_id>`` and ``ack_id`` is
    None: such a message cannot be acknowledged. All instants are aware and in UTC.
    """

    channel: str
    message_id: str
    gateway_id: str
    ack_id: str | None
    text: str | None
    caption: str | None
    source: str
    status: str
    received_at: datetime
    telegram_date: datetime | None
    updated_at: datetime | None
    reply_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedMessage:
    """A message of the gateway that lacks a key or has one of the wrong type.

    ``error`` says which; ``raw`` is the whole JSON object, ASCII-escaped, so that any database
    can hold it and a later version can read it again.
    """

    channel: str
    message_id: str
    gateway_id: str
    ack_id: str | None
    error: str
    raw: str


#: what a source delivers
SourceMessage = ChannelMessage | MalformedMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Where one message ended, ready for the ledger.

    ``ts`` is the instant the message counts from (Telegram's date, or the time of receipt where
    that is missing or implausible); None for a malformed message. ``body`` is the text that was read, text
    or caption: spans of provenance point into it. ``error`` is set for a dead letter only.
    """

    message: SourceMessage
    kind: OutcomeKind
    reason: str
    ts: datetime | None
    signals: tuple[Signal, ...] = ()
    events: tuple[Event, ...] = ()
    body: str = ""
    error: str | None = None
