"""Reading a channel's history in overlapping pages: where to read next, and when the end is reached.

Offsets slide when rows come or go. Each page asks for the last row read once more; where another stands
in its place, the reading steps back, page by page, until it meets a row it has read. Whatever stands
before that row was read too, or came later. Pure: no gateway, no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from engine.model import ChannelMessage, SourceMessage

__all__ = ["PAGE_SIZE", "HistoryPass", "NextPage"]

PAGE_SIZE = 500


@dataclass(frozen=True, slots=True)
class NextPage:
    """What to ask the gateway for."""

    offset: int
    limit: int


@dataclass(slots=True, kw_only=True)
class HistoryPass:
    """One reading of a channel's history, from the start or of what was received from ``since`` to ``until``.

    ``rows_read`` rows are durable here; ``last_id`` is the gateway's id of the last of them. ``found``
    of the messages were new to the ledger. ``asked`` is whether a person asked for it.
    """

    channel: str
    since: datetime | None = None
    until: datetime | None = None
    asked: bool = False
    rows_read: int = 0
    last_id: str | None = None
    pages: int = 0
    found: int = 0
    total: int | None = None
    newest_received_at: datetime | None = None
    complete: bool = False
    _pending: tuple[SourceMessage, ...] = field(default=())
    #: rows before which nothing is missing; not kept in the checkpoint, where ``last_id`` stands for them
    _anchors: frozenset[str] = frozenset()
    #: stepping back, until a page holds one of the rows read last
    _seeking: bool = False

    @property
    def next_page(self) -> NextPage:
        """The page to ask for."""
        overlap = 1 if self.last_id is not None and not self._seeking else 0
        return NextPage(offset=self.rows_read - overlap, limit=PAGE_SIZE + overlap)

    def accept(self, messages: Sequence[SourceMessage], total: int) -> tuple[SourceMessage, ...]:
        """Take the page that was asked for; return the messages to be made durable before the next.

        Nothing to be made durable means that the pass is complete or has stepped back.
        """
        self.total = total
        if self.last_id is not None:
            ids = [message.gateway_id for message in messages]
            anchors = self._anchors | {self.last_id}
            met = max((place for place, row in enumerate(ids) if row in anchors), default=None)
            if self._seeking:
                if met is None:
                    self._step_back()
                    return ()
            elif not ids or ids[0] != self.last_id:
                if met is not None:
                    # rows came before: they may push what was met out of the page that is asked for next
                    self._anchors = anchors | frozenset(ids[:met])
                self._step_back()
                return ()
            else:
                messages = messages[1:]
        self._pending = tuple(messages)
        # the end is where nothing follows the last row read, whatever total and hasMore say of it
        self.complete = not messages
        return self._pending

    def _step_back(self) -> None:
        """Go back a page; before the very first row nothing is missing."""
        self.rows_read = max(0, self.rows_read - PAGE_SIZE)
        self._seeking = self.rows_read > 0
        if not self._seeking:
            self.last_id = None

    def committed(self) -> None:
        """Take note that the page accepted last is durable; of an empty one there is nothing to note."""
        if not self._pending:
            return
        received = [m.received_at for m in self._pending if isinstance(m, ChannelMessage)]
        if self.newest_received_at is not None:
            received.append(self.newest_received_at)
        self.newest_received_at = max(received, default=None)
        self.rows_read += len(self._pending)
        self.last_id = self._pending[-1].gateway_id
        self._anchors = frozenset(message.gateway_id for message in self._pending)
        self._seeking = False
        self.pages += 1
        self._pending = ()
