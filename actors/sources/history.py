"""Reads a channel's history in overlapping pages: decides which page is next, and when the end is reached.

Offsets shift when rows are added or removed. So each page begins with the last row that was read. If another row
stands there, the reading steps back page by page until it finds a row that it has read. Every row before that
one was read too, or was added later. Pure: no gateway, no clock.
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
    """The next page to request from the gateway."""

    offset: int
    limit: int


@dataclass(slots=True, kw_only=True)
class HistoryPass:
    """One reading of a channel's history: all of it, or the messages received from ``since`` to ``until``.

    ``rows_read`` counts the durable rows, and ``last_id`` is the gateway's id of the last one. ``found`` counts
    the messages that were new to the ledger. ``asked``: somebody requested this reading.
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
    #: ids of rows before which no row is missing. A checkpoint does not hold them; it holds only ``last_id``
    _anchors: frozenset[str] = frozenset()
    #: whether the reading steps back, until a page holds one of the anchors
    _seeking: bool = False

    @property
    def next_page(self) -> NextPage:
        """The page to request next."""
        overlap = 1 if self.last_id is not None and not self._seeking else 0
        return NextPage(offset=self.rows_read - overlap, limit=PAGE_SIZE + overlap)

    def accept(self, messages: Sequence[SourceMessage], total: int) -> tuple[SourceMessage, ...]:
        """Take the requested page. Return the messages that must be durable before the next page.

        An empty result means that the pass is complete or has stepped back.
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
                    # Rows were added before the found row. They may push it out of the next page, so they become
                    # anchors too.
                    self._anchors = anchors | frozenset(ids[:met])
                self._step_back()
                return ()
            else:
                messages = messages[1:]
        self._pending = tuple(messages)
        # The end is reached when no row follows the last one. total and hasMore are not reliable.
        self.complete = not messages
        return self._pending

    def _step_back(self) -> None:
        """Go back one page. At the first row the search ends, because nothing can be missing before it."""
        self.rows_read = max(0, self.rows_read - PAGE_SIZE)
        self._seeking = self.rows_read > 0
        if not self._seeking:
            self.last_id = None

    def committed(self) -> None:
        """Record that the last accepted page is durable. An empty page changes nothing."""
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
