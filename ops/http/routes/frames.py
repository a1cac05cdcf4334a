"""The stream's server-sent events, encoded as bytes (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from actors.shown.event_log import LoggedEvent, Position
from ops.http.kit.encoding import encode
from ops.http.routes.signal_objects import signal_object

__all__ = ["RETRY_MS", "event_of", "heartbeat", "left", "opening", "read_place", "reset", "stale"]

#: the delay before a client connects again
RETRY_MS = 3000


def event_of(row: Mapping[str, Any]) -> LoggedEvent:
    """Return the event for a row of :meth:`storage.postgres.signals.Signals.committed`."""
    place = Position(row["number"], row["id"])
    outcome = None
    if row["superseded_at"] is None:
        kind, data = "signal" if row["is_new"] else "updated", signal_object(row)
        outcome = data["outcome"] and data["outcome"]["state"]
    else:
        names = ("id", "channel", "message_id", "position", "superseded_at")
        kind, data = "removed", {name: row[name] for name in names}
    return LoggedEvent(
        place=place,
        channel=row["channel"],
        asset=row["asset"],
        signal_type=row["signal_type"],
        side=row["side"],
        outcome=outcome,
        kind=kind,
        frame=_frame(kind, data, place),
    )


def left(event: LoggedEvent) -> bytes:
    """Return the event that tells a reader of some signals that one may no longer be among them."""
    return _frame("left", {"id": event.place.id, "channel": event.channel}, event.place)


def opening() -> bytes:
    """Return the first bytes of a stream."""
    return b"retry: %d\n\n" % RETRY_MS


def heartbeat(place: Position | None) -> bytes:
    """Return a comment with the id to resume after. Clients store an id even without data."""
    return b": still here\n\n" if place is None else f": still here\nid: {place}\n\n".encode()


def stale(cause: str | None, since: datetime | None) -> bytes:
    """Return the event for an outage of the database; without a ``cause``, the event for its end."""
    if cause is None:
        return _frame("stale", {"stale": False}, None)
    return _frame("stale", {"stale": True, "cause": cause, "since": since}, None)


def reset(place: Position) -> bytes:
    """Return the event for a database that was set back: events sent after ``place`` are no longer valid.

    The client must reread the list. This is the last event on its connection, because ids on one connection
    never decrease.
    """
    return _frame("reset", {"reason": "the database was set back to an earlier state"}, place)


def read_place(text: str) -> Position:
    """Return the place in the stream that ``Last-Event-ID`` names.

    >>> read_place("12-345"), str(read_place("12"))
    (Position(number=12, id=345), '12')

    Raises:
        ValueError: the text is no id of this stream.
    """
    match = re.fullmatch(r"([0-9]{1,18})(?:-([0-9]{1,18}))?", text)
    if match is None:
        raise ValueError("must be the id of an event of this stream")
    number, signal_id = match.groups()
    return Position.end_of(int(number)) if signal_id is None else Position(int(number), int(signal_id))


def _frame(event: str, data: Mapping[str, Any], place: Position | None) -> bytes:
    # encoded JSON has no raw line breaks, so one data line is enough
    at = b"" if place is None else f"id: {place}\n".encode()
    return b"%bevent: %b\ndata: %b\n\n" % (at, event.encode(), encode(data))
