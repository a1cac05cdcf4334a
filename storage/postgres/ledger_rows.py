"""Outcomes as rows: the columns of the ledger, the signals, the events and the dead letters."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson

from engine.model import ChannelMessage, Event, EventKind, Market, Outcome, OutcomeKind, Signal
from storage.errors import RowsRefusedError
from storage.gateway.messages import encode_message

__all__ = [
    "LEGACY_PREFIX",
    "dead_letter_of",
    "dead_letter_row",
    "deduplicate",
    "event_row",
    "event_values",
    "half_of",
    "is_only_deleted",
    "key_of",
    "ledger_row",
    "signal_row",
    "to_json",
]

#: begins the message id of a row of the former service's table whose message is not here (docs/migrating.md)
LEGACY_PREFIX = "legacy:"
#: outcomes that may stand for a text that was not shown; the text replaces them (fault 35)
_PLACEHOLDERS = (OutcomeKind.EMPTY, OutcomeKind.NOT_SIGNAL)


def deduplicate(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return one outcome a key, sorted by key: a page may hold a message twice, and one INSERT cannot.

    Between two of a key the ledger's own rule decides: the first stands unless it could not be read, or
    the other has another text of a later update, or the text that the first only stood for. The order is the same in every daemon, so that two of
    them cannot wait for each other's rows.
    """
    latest: dict[tuple[str, str], Outcome] = {}
    for outcome in outcomes:
        known = latest.get(key_of(outcome))
        if known is None or _moves_on(known, outcome):
            latest[key_of(outcome)] = outcome
        elif _confirms(known, outcome):
            assert isinstance(known.message, ChannelMessage)  # noqa: S101 - a dead letter confirms nothing
            message = replace(known.message, updated_at=_updated_at(outcome))
            latest[key_of(outcome)] = replace(known, message=message)
    return [latest[key] for key in sorted(latest)]


def key_of(outcome: Outcome) -> tuple[str, str]:
    """Return the idempotency key: (channel, message id)."""
    return outcome.message.channel, outcome.message.message_id


def _moves_on(known: Outcome, other: Outcome) -> bool:
    if OutcomeKind.DEAD_LETTER in (known.kind, other.kind):
        return other.kind is not OutcomeKind.DEAD_LETTER
    first, second = known.message, other.message
    assert isinstance(first, ChannelMessage)  # noqa: S101 - a malformed one is a dead letter
    assert isinstance(second, ChannelMessage)  # noqa: S101 - likewise
    edited = (first.text, first.caption, first.is_deleted) != (second.text, second.caption, second.is_deleted)
    if not edited:
        return False
    if _updated_at(other) > _updated_at(known):
        return True
    stood_for_a_text = known.kind in _PLACEHOLDERS and other.kind not in {
        *_PLACEHOLDERS,
        OutcomeKind.FILTERED,
    }
    ages = (first.updated_at, second.updated_at)
    return stood_for_a_text and (None in ages or first.updated_at == second.updated_at)


def _confirms(known: Outcome, other: Outcome) -> bool:
    """Return whether ``other`` is a later version with the same text. A version between the two is then older."""
    return OutcomeKind.DEAD_LETTER not in (known.kind, other.kind) and _updated_at(other) > _updated_at(known)


def _updated_at(outcome: Outcome) -> datetime:
    message = outcome.message
    known = message.updated_at if isinstance(message, ChannelMessage) else None
    return known or datetime.min.replace(tzinfo=UTC)


def ledger_row(outcome: Outcome) -> dict[str, Any]:
    """Return the ledger's columns. A dead letter has no text there."""
    message = outcome.message
    row: dict[str, Any] = {
        "channel": message.channel,
        "message_id": message.message_id,
        "gateway_id": message.gateway_id,
        "outcome": outcome.kind.value,
        "reason": outcome.reason,
        "reading": _reading_digest(outcome),
        "ts": outcome.ts,
        "source": "telegram",
        "market": outcome.market.value,
        "half": half_of(outcome),
        "deleted": False,
    }
    if outcome.first_half is not None:
        row |= {"half_side": outcome.first_half.side.value, "half_asset": outcome.first_half.asset}
    # the database may refuse the text of a dead letter; it is stored, escaped, in dead_letters.raw
    if isinstance(message, ChannelMessage) and outcome.kind is not OutcomeKind.DEAD_LETTER:
        row |= {
            "text": message.text,
            "caption": message.caption,
            "source": message.source,
            "telegram_date": message.telegram_date,
            "received_at": message.received_at,
            "message_updated_at": message.updated_at,
            "reply_to": message.reply_to,
            "deleted": message.is_deleted,
        }
    elif isinstance(message, ChannelMessage):
        row |= {"received_at": message.received_at, "message_updated_at": message.updated_at}
    return row


def signal_row(outcome: Outcome, signal: Signal) -> dict[str, Any]:
    """Return the columns of one signal of a message."""
    message = outcome.message
    assert isinstance(message, ChannelMessage)  # noqa: S101 - only a readable message has signals
    return {
        "ts": outcome.ts,
        "channel": message.channel,
        "message_id": message.message_id,
        "position": signal.position,
        "signal_type": signal.signal_type,
        "side": signal.side.value,
        "asset": signal.asset,
        "buy_min": signal.buy_min,
        "buy_max": signal.buy_max,
        "targets": signal.targets,
        "target_final": signal.target_final,
        "stop": signal.stop,
        "valid_until": signal.valid_until,
        "warnings": signal.warnings,
        "raw_message": outcome.body,
        "source": message.source,
        "provenance": signal.provenance,
        # an old row keeps the time when the former service stored it; null means now
        "ingested_at": message.received_at if message.message_id.startswith(LEGACY_PREFIX) else None,
    }


def event_row(outcome: Outcome, position: int) -> dict[str, Any]:
    """Return the columns of one event of a message."""
    message, event = outcome.message, outcome.events[position]
    assert isinstance(message, ChannelMessage)  # noqa: S101 - only a readable message has events
    row = {
        "channel": message.channel,
        "message_id": message.message_id,
        "position": position,
        "ts": outcome.ts,
        "text": outcome.body,
        "reply_to": message.reply_to,
        **event_values(event),
    }
    if event.kind is EventKind.DELETED:
        # nobody wrote it: its instant is that of the deletion, and it belongs to its own message
        row |= {"ts": message.updated_at or outcome.ts, "text": None, "half_of": message.message_id}
    return row


def event_values(event: Event) -> dict[str, Any]:
    """Return the values of an event as columns. A value that it does not state is null, false or empty."""
    return {
        "kind": event.kind.value,
        "asset": event.asset,
        "target": event.target,
        "stop_hit": event.stop_hit,
        "new_stop": event.new_stop,
        "new_targets": event.new_targets,
        "new_entry": event.new_entry,
        "breakeven": event.breakeven,
        "fraction": event.fraction,
        "price": event.price,
        "percent": event.percent,
    }


def dead_letter_of(outcome: Outcome, *, reason: str, error: str) -> Outcome:
    """Return ``outcome`` as a dead letter. Its message could be read, but the database refused it or an actor died of it."""
    return Outcome(
        message=outcome.message, kind=OutcomeKind.DEAD_LETTER, reason=reason, ts=outcome.ts, error=error
    )


def dead_letter_row(outcome: Outcome) -> dict[str, Any]:
    """Return the columns of a dead letter, in characters that any database can store."""
    error = (outcome.error or outcome.reason)[:2000]
    return {
        "channel": outcome.message.channel,
        "message_id": outcome.message.message_id,
        "reason": outcome.reason,
        "error": error.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode(),
        "raw": encode_message(outcome.message),
    }


def half_of(outcome: Outcome) -> str | None:
    """Return which half of an order a message is by its text alone (section 14.3), or None."""
    if outcome.first_half is not None:
        return "first"
    return "second" if outcome.second_half else None


def is_only_deleted(outcome: Outcome, former_reading: str) -> bool:
    """Return whether a message was deleted, and says what it said before. Its signals then stay as they are."""
    message = outcome.message
    return (
        isinstance(message, ChannelMessage)
        and message.is_deleted
        and _reading_digest(replace(outcome, events=())) == former_reading
    )


def _reading_digest(outcome: Outcome) -> str:
    said: tuple[object, ...] = (outcome.kind, outcome.reason, outcome.ts, outcome.signals, outcome.events)
    if outcome.market is not Market.B3:
        said += (outcome.market,)
    if half_of(outcome) is not None:
        said += (half_of(outcome), outcome.first_half)
    plain = repr(said)
    return hashlib.sha256(plain.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def to_json(rows: Sequence[object]) -> bytes:
    """Return rows as JSON for ``json_to_recordset``.

    Raises:
        RowsRefusedError: a text holds a lone surrogate, which UTF-8 cannot express.
    """
    try:
        return orjson.dumps(rows, default=_plain)
    except orjson.JSONEncodeError as error:
        raise RowsRefusedError(str(error)) from error


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value, "f")  # as a string, so that the numeric column gets the exact digits
    raise TypeError(type(value).__name__)
