"""The values that actors and storage pass around: pure, immutable, decimal prices, aware times.

Texts and their readings meet here: a :class:`ChannelMessage` is what the gateway holds, a
:class:`Reading` is what the grammar makes of its text, an :class:`Outcome` is what the ledger
keeps of it for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

__all__ = [
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


class Market(StrEnum):
    """What a channel trades in: it decides what a ticker is and how digits are read (section 13)."""

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
    """What a cancel, result or update message says of one asset (section 14.1): only what its text says.

    The text of an event is that of its message. Each value is None, False or () when it is not said; a
    number that can be read in two ways is not said either.

    ``asset`` is None where the text names no ticker. ``target`` is the number of the target that a result
    reached or an update changes, 0 for the final one. ``stop_hit`` says that the stop was hit: without it
    nothing stops a signal. ``new_stop`` is where the stop goes, ``new_targets`` the new targets in the
    order of section 6 (a new final one is the last), ``new_entry`` the lower and the higher entry price.
    ``breakeven`` says that the stop goes to the entry, in a result that the trade was closed there.
    ``fraction`` is the part that is closed, 1 for all of it; ``price`` where an exit, a part or an order
    was executed; ``percent`` the gain or loss, as signed in the text.

    Of these only a cancel, a result with ``stop_hit`` and a result with a ``target`` change a signal's
    status (14.2). What holds now of stop, targets and entry is what the latest update said.
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
    """A message that names a side and a ticker and no price: its levels may follow (section 14.3)."""

    side: Side
    asset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the grammar makes of one text. ``reason`` is a machine name of the rule that decided.

    The last two are for section 14.3, whose halves only storage can bring together. ``first_half`` is set
    on a signal without prices and on a message that is none, if it names a side and a ticker and no price.
    ``second_half`` says that the text names no ticker and holds a stop, a target or both, with labels and
    prices. Read alone such a text is no signal. If it replies to a message with a ``first_half``, or comes
    directly after one in its channel within :data:`SECOND_HALF_WITHIN`, it is to be read again with that
    one as ``half_of``: then it is an update with one event, which belongs to that message and no other.
    """

    kind: Kind
    reason: str
    signals: tuple[Signal, ...] = ()
    events: tuple[Event, ...] = ()
    first_half: FirstHalf | None = None
    second_half: bool = False


#: a second half without a reply comes so soon after the first (section 14.3)
SECOND_HALF_WITHIN = timedelta(minutes=5)


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
    #: an instant that could not be was replaced (engine.instants)
    odd_dates: bool = False
    #: ``updatedAt`` as the gateway wrote it: an acknowledgement says by it which text was read
    version: str | None = None


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
    version: str | None = None


#: what a source delivers
SourceMessage = ChannelMessage | MalformedMessage


def is_same_edition(one: SourceMessage, other: SourceMessage) -> bool:
    """Return whether two readings of a gateway's row are of one edition: nobody edited it in between."""
    if isinstance(one, MalformedMessage) or isinstance(other, MalformedMessage):
        return type(one) is type(other) and one.version == other.version
    return (one.text, one.caption, one.version) == (other.text, other.caption, other.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Where one message ended, ready for the ledger.

    ``ts`` is the instant the message counts from (Telegram's date, or the time of receipt where
    that is missing or implausible); None for a malformed message. ``body`` is the text that was read, text
    or caption: spans of provenance point into it. ``error`` is set for a dead letter only. ``market`` is the one
    it was read in; the two halves are those of its :class:`Reading`.
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
