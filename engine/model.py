"""The values that actors and storage exchange: pure, immutable, with decimal prices and aware times.

A :class:`ChannelMessage` is what the gateway holds. A :class:`Reading` is what the grammar makes of its text. An
:class:`Outcome` is what the ledger keeps of it for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

__all__ = [
    "DELETED_STATUS",
    "SECOND_HALF_WITHIN",
    "ChannelMessage",
    "Event",
    "EventKind",
    "FirstHalf",
    "Kind",
    "MalformedMessage",
    "Market",
    "Outcome",
    "OutcomeKind",
    "Reading",
    "Side",
    "Signal",
    "SourceMessage",
    "Span",
    "is_same_edition",
]


class Kind(StrEnum):
    """The kind of a text (format catalogue, section 8)."""

    SIGNAL = "signal"
    CANCEL = "cancel"
    RESULT = "result"
    UPDATE = "update"
    NOT_SIGNAL = "not_signal"
    EMPTY = "empty"


class OutcomeKind(StrEnum):
    """How the processing of a message ended. The first six are kinds of reading; the others are not about its text."""

    SIGNAL = "signal"
    CANCEL = "cancel"
    RESULT = "result"
    UPDATE = "update"
    NOT_SIGNAL = "not_signal"
    EMPTY = "empty"
    #: the operator's text filter excludes it
    FILTERED = "filtered"
    #: a signal older than the retention when it arrived: the ledger has it, no signal row was written
    EXPIRED = "expired"
    #: it could not be read or stored; it is retried with back-off
    DEAD_LETTER = "dead_letter"


class Market(StrEnum):
    """The market of a channel. It decides what a ticker is and how digits are read (section 13)."""

    B3 = "b3"
    FOREX = "forex"
    CRYPTO = "crypto"


class Side(StrEnum):
    """Direction of the first order."""

    BUY = "buy"
    SELL = "sell"


class EventKind(StrEnum):
    """What a message reports about an earlier signal."""

    CANCEL = "cancel"
    RESULT = "result"
    UPDATE = "update"
    #: no message says it: the channel has deleted the signal's own message
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The place in the raw text where a value was read, and the rule that read it.

    ``start`` and ``end`` count code points of the raw text, and ``end`` is exclusive. The raw text is the text,
    or the caption when the text is blank. ``value`` is the value in plain notation. The same ``rule`` reads it
    again from ``raw[start:end]``.
    """

    field: str
    start: int
    end: int
    rule: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One trade idea. ``position`` is its place among the signals of the message, from 0.

    ``targets`` have the order of the catalogue's section 6. ``target_final`` is the labelled final target, or the
    last of ``targets`` without a label. ``valid_until`` is DD/MM or DD/MM/YYYY. ``warnings`` are sorted names
    from the catalogue's section 10.
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
    """What a cancel, result or update message says about one asset (section 14.1).

    An event holds only what the text of its message says. A value is None, False or () when the text does not
    say it, or says it in an ambiguous number.

    ``asset`` is None where the text names no ticker. ``target`` is the number of the target that a result
    reached or an update changes; 0 is the final target. ``stop_hit`` says that the stop was hit; nothing else
    marks a signal as stopped. ``new_stop`` is the new stop price. ``new_targets`` are the new targets in the
    order of section 6, a new final target last. ``new_entry`` is the lower and the higher entry price.
    ``breakeven`` says that the stop moves to the entry price, or in a result that the trade was closed there.
    ``fraction`` is the closed part; 1 is the whole position. ``price`` is the price at which an exit, a part or
    an order was executed. ``percent`` is the gain or loss, with the sign of the text.

    Only a cancel, a deletion, a result with ``stop_hit`` and a result with a ``target`` change a signal's status
    (14.2). The latest update gives the stop, targets and entry that are valid now.
    """

    kind: EventKind
    asset: str | None
    target: int | None = None
    stop_hit: bool = False
    new_stop: Decimal | None = None
    new_targets: tuple[Decimal, ...] = ()
    new_entry: tuple[Decimal, Decimal] | None = None
    breakeven: bool = False
    fraction: Decimal | None = None
    price: Decimal | None = None
    percent: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstHalf:
    """A message that names a side and a ticker but no price. Its prices may follow (section 14.3)."""

    side: Side
    asset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the grammar makes of one text. ``reason`` is the machine name of the rule that decided.

    ``first_half`` and ``second_half`` serve section 14.3. Only storage can join the two halves of a signal.
    ``first_half`` is set on a text that names a side and a ticker but no price, whether the text is a signal or
    not. ``second_half`` says that the text names no ticker and holds a labelled stop price, labelled target
    prices or both. Read alone, such a text is no signal. It may reply to a message with a ``first_half``, or
    directly follow such a message in its channel within :data:`SECOND_HALF_WITHIN`. Then it is reread with
    that message as ``half_of``, and becomes an update with one event that belongs to that message only.
    """

    kind: Kind
    reason: str
    signals: tuple[Signal, ...] = ()
    events: tuple[Event, ...] = ()
    first_half: FirstHalf | None = None
    second_half: bool = False


#: the gateway's status of a message that its channel has deleted
DELETED_STATUS = "deleted"
#: a second half that is no reply must follow the first half within this time (section 14.3)
SECOND_HALF_WITHIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelMessage:
    """A message of a channel as the gateway holds it.

    The key is (``channel``, ``message_id``). ``message_id`` is Telegram's number within the channel. Where the
    gateway has no usable number it is ``id:<gateway_id>``, ``ack_id`` is None, and the message cannot be
    acknowledged. All instants are aware and in UTC.
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
    #: an implausible instant was replaced (engine.instants)
    odd_dates: bool = False
    #: ``updatedAt`` as the gateway wrote it; an acknowledgement sends it to say which text was read
    version: str | None = None

    @property
    def is_deleted(self) -> bool:
        """Whether the channel has deleted the message. The gateway then still tells its last text."""
        return self.status == DELETED_STATUS


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedMessage:
    """A message of the gateway in which a key is missing or has the wrong type.

    ``error`` names the key. ``raw`` is the whole JSON object, ASCII-escaped: any database can hold it, and a later
    version can reread it.
    """

    channel: str
    message_id: str
    gateway_id: str
    ack_id: str | None
    error: str
    raw: str
    version: str | None = None


#: what a source delivers
SourceMessage = ChannelMessage | MalformedMessage


def is_same_edition(one: SourceMessage, other: SourceMessage) -> bool:
    """Return whether a gateway's row, read twice, was not edited in between."""
    if isinstance(one, MalformedMessage) or isinstance(other, MalformedMessage):
        return type(one) is type(other) and one.version == other.version
    return (one.text, one.caption, one.version) == (other.text, other.caption, other.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of processing one message, ready for the ledger.

    ``ts`` is the instant of the message: Telegram's date, or the time of receipt where that date is missing or
    implausible. It is None for a malformed message. ``body`` is the text that was read, text or caption; the
    spans of ``provenance`` point into it. ``error`` is set only for a dead letter. ``market`` is the market in
    which the text was read. ``first_half`` and ``second_half`` come from its :class:`Reading`.
    """

    message: SourceMessage
    kind: OutcomeKind
    reason: str
    ts: datetime | None
    signals: tuple[Signal, ...] = ()
    events: tuple[Event, ...] = ()
    body: str = ""
    error: str | None = None
    market: Market = Market.B3
    first_half: FirstHalf | None = None
    second_half: bool = False
