"""A gateway client written by hand: it answers as told and records every call. No network."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from engine.model import ChannelMessage, SourceMessage, is_same_edition
from storage.errors import GatewayError
from storage.gateway.client import GatewayClient, HistoryPage, Marked, SyncResult

__all__ = ["FakeGateway"]


@dataclass
class FakeGateway:
    """What the gateway holds, and how it behaves.

    ``meanwhile`` runs during every call. ``down`` fails every call with this error, ``down_for`` those about a channel; ``ack_rule`` may raise for a request's ids, and returns the
    rows it updated. ``compares`` is whether it leaves unmarked what is not as it was read. ``rows`` is the history in order of receipt.
    """

    unread: list[SourceMessage] = field(default_factory=list)
    reprocess: list[SourceMessage] = field(default_factory=list)
    rows: list[SourceMessage] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None
    down: GatewayError | None = None
    down_for: dict[str, GatewayError] = field(default_factory=dict)
    sync_error: GatewayError | None = None
    ack_errors: deque[GatewayError] = field(default_factory=deque)
    ack_rule: Callable[[Sequence[str]], int] | None = None
    compares: bool = True
    calls: list[str] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)
    acks: list[tuple[str, ...]] = field(default_factory=list)
    pages: list[tuple[int, int, datetime | None]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    closed: int = 0
    telegram_session: str | None = None
    #: seconds until its quota allows the next poll
    quota_s: float = 0.0

    @property
    def client(self) -> GatewayClient:
        """Return this as what an actor is given."""
        return cast("GatewayClient", self)

    def close(self) -> None:
        self.closed += 1

    def _called(self, name: str, channel: str | None = None) -> None:
        self.calls.append(name)
        self.meanwhile()
        if self.down is not None:
            raise self.down
        if channel in self.down_for:
            raise self.down_for[channel]

    def wait_s(self) -> float:
        return self.quota_s

    def unprocessed(
        self, channel: str, *, limit: int, wait_s: int | None = None, reprocess: bool = False
    ) -> tuple[SourceMessage, ...]:
        self._called("reprocess" if reprocess else "unprocessed", channel)
        self.limits.append(limit)
        return tuple((self.reprocess if reprocess else self.unread)[:limit])

    def mark_processed(
        self, channel: str, ack_ids: Sequence[str], *, read: Sequence[SourceMessage] = ()
    ) -> Marked:
        self.acks.append(tuple(ack_ids))
        self._called("mark_processed")
        if self.ack_errors:
            raise self.ack_errors.popleft()
        updated = self.ack_rule(ack_ids) if self.ack_rule is not None else 0
        listed = [m for m in (*self.unread, *self.reprocess) if m.ack_id in set(ack_ids)]
        known = {message.gateway_id: message for message in read}
        left = frozenset(
            m.gateway_id
            for m in listed
            if self.compares and not (m.gateway_id in known and is_same_edition(m, known[m.gateway_id]))
        )
        gone = {message.gateway_id for message in listed} - left
        self.unread = [message for message in self.unread if message.gateway_id not in gone]
        self.reprocess = [message for message in self.reprocess if message.gateway_id not in gone]
        return Marked(updated=updated or len(gone), left=left if self.compares else None)

    def history(
        self,
        channel: str,
        *,
        offset: int,
        limit: int,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> HistoryPage:
        self.asked.append(channel)
        self._called("history", channel)
        self.pages.append((offset, limit, since))
        rows = [row for row in self.rows if row.channel == channel and _is_within(row, since, until)]
        return HistoryPage(messages=tuple(rows[offset : offset + limit]), total=len(rows), has_more=False)

    def sync(self, *, limit: int, timeout_s: float) -> SyncResult:
        self._called("sync")
        if self.sync_error is not None:
            raise self.sync_error
        return SyncResult(synced=0, saved=0, channels=())


def _is_within(row: SourceMessage, since: datetime | None, until: datetime | None) -> bool:
    """Compare the time of receipt; a page asked for without an end holds all, as this fake always did."""
    if since is None or until is None or not isinstance(row, ChannelMessage):
        return True
    return since <= row.received_at <= until
