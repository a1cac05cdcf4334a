"""The values of alerts: what is written, what is due, and what a person sees."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

__all__ = ["AlertCounts", "AlertDraft", "DueAlert", "SignalKey", "StoredAlert", "Told", "identity_of"]


class SignalKey(NamedTuple):
    """A place in a message that holds a signal. Another reading of the message has the same places."""

    channel: str
    message_id: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDraft:
    """An alert to write. ``source`` names what it tells of: a target is told of each source once.

    ``body`` is what a webhook gets. ``asked``: a person asked for it, so it waits for nothing.
    """

    rule_id: int
    target_id: int
    source: str
    kind: str
    posted_at: datetime
    title: str
    text: str
    body: str
    signal_id: int | None = None
    key: SignalKey | None = None
    asked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The first alert of a signal that a target was told of."""

    identity: str
    signal_id: int
    state: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DueAlert:
    """An alert that is due. ``signal_status`` is what its signal is now; None without one.

    ``signal_was_left_out``: the target was told nothing of the signal that this alert follows.
    """

    id: int
    rule_id: int
    identity: str
    kind: str
    title: str
    text: str
    body: str
    asked: bool
    held: bool
    attempts: int
    next_at: datetime
    created_at: datetime
    signal_status: str | None
    signal_was_left_out: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAlert:
    """An alert as a person sees it."""

    id: int
    identity: str
    target_id: int
    kind: str
    signal_id: int | None
    state: str
    reason: str | None
    attempts: int
    posted_at: datetime
    created_at: datetime
    next_at: datetime
    ended_at: datetime | None
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertCounts:
    """How many alerts are due. ``reason`` is the oldest failure among them. What quiet hours hold back now is no failure."""

    due: int
    oldest_due_at: datetime | None
    reason: str | None


def identity_of(target_id: int, source: str) -> str:
    """Return the id of an alert. It is the same whoever writes the alert, and however often."""
    return f"alert_{hashlib.blake2b(f'{target_id} {source}'.encode(), digest_size=12).hexdigest()}"
