"""Where a message ends: its reading, its date, the retention, the operator's text filter.

:func:`settle` is the only way from a message to its outcome. Parser, replay and migrate-data take it, so that
one message has one outcome whoever reads it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from traceback import extract_tb

from actors.grammar.grammar import MAX_CHARS, read
from actors.grammar.text import is_blank
from engine.instants import is_plausible
from engine.model import (
    ChannelMessage,
    Event,
    EventKind,
    Kind,
    MalformedMessage,
    Market,
    Outcome,
    OutcomeKind,
    Reading,
    SourceMessage,
)

__all__ = ["UNREADABLE", "OutcomePolicy", "body_of", "date_of", "dead_letter", "settle"]

#: the reason of a dead letter that the grammar failed on
UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomePolicy:
    """What the operator decided: how long signals are kept, which texts are passed over."""

    retention: timedelta
    text_filter: tuple[str, ...] = ()


def settle(
    message: SourceMessage,
    *,
    now: datetime,
    policy: OutcomePolicy,
    market: Market = Market.B3,
    reading: Reading | None = None,
) -> Outcome:
    """Return where ``message`` ends. Never raises: one that cannot be read costs itself only.

    ``market`` is that of the message's channel. ``reading`` is given where the text is not what decides (a row of the
    former service that stands against it).
    """
    if isinstance(message, MalformedMessage):
        return dead_letter(message, reason="malformed", error=message.error)
    if is_filtered(body_of(message), policy.text_filter):
        return Outcome(
            message=message,
            kind=OutcomeKind.FILTERED,
            reason="text_filter",
            ts=date_of(message)[0],
            market=market,
        )
    try:
        found = read(message.text, message.caption, market=market) if reading is None else reading
    except Exception as error:  # noqa: BLE001 - a bug of the grammar must cost one message, and be seen
        place = extract_tb(error.__traceback__)[-1]
        words = f"{type(error).__name__}: {error} ({place.name}, line {place.lineno})"
        return dead_letter(message, reason=UNREADABLE, error=words)
    return replace(_outcome_of(message, found, now=now, policy=policy), market=market)


def _outcome_of(
    message: ChannelMessage, reading: Reading, *, now: datetime, policy: OutcomePolicy
) -> Outcome:
    """Return the outcome of a reading.

    A signal past the retention gets no row: the next retention job would drop it, the next reread
    bring it back.
    """
    ts, flag = date_of(message)
    kind = OutcomeKind(reading.kind.value)
    if reading.kind is Kind.SIGNAL and ts <= now - policy.retention:
        return Outcome(message=message, kind=OutcomeKind.EXPIRED, reason="past_retention", ts=ts)
    signals, events = reading.signals, reading.events
    if message.is_deleted:
        # What a deleted result or update said stays: otherwise a channel could reopen a stopped signal. A reading with
        # signals has no events of its own, so the place of an event is that of its signal.
        events += tuple(Event(kind=EventKind.DELETED, asset=signal.asset) for signal in signals)
    if flag is not None:
        signals = tuple(replace(s, warnings=tuple(sorted({*s.warnings, flag}))) for s in signals)
    return Outcome(
        message=message,
        kind=kind,
        reason=reading.reason,
        ts=ts,
        signals=signals,
        events=events,
        body=body_of(message),
        first_half=reading.first_half,
        second_half=reading.second_half,
    )


def body_of(message: ChannelMessage) -> str:
    """Return what of a message is read: its text, or the caption when the text is missing or blank."""
    if message.text is None or is_blank(message.text[: MAX_CHARS + 1]):
        return message.caption or message.text or ""
    return message.text


def date_of(message: ChannelMessage) -> tuple[datetime, str | None]:
    """Return the instant a message counts from, and the warning if it is not Telegram's own date."""
    if message.telegram_date is None:
        return message.received_at, "implausible_date" if message.odd_dates else "missing_date"
    if not is_plausible(message.telegram_date, now=message.received_at):
        return message.received_at, "implausible_date"
    return message.telegram_date, "implausible_date" if message.odd_dates else None


def is_filtered(text: str, phrases: Sequence[str]) -> bool:
    """Return whether the text holds one of the phrases, compared without case and accents."""
    if not phrases:
        return False
    plain = _plain(text)
    return any(_plain(phrase) in plain for phrase in phrases)


def dead_letter(message: SourceMessage, *, reason: str, error: str) -> Outcome:
    """Return the outcome of a message that could not be read."""
    ts = None if isinstance(message, MalformedMessage) else date_of(message)[0]
    return Outcome(message=message, kind=OutcomeKind.DEAD_LETTER, reason=reason, ts=ts, error=error)


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))
