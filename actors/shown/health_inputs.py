"""All that the judgement of health looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from actors.names import JOBS
from actors.shown.enricher_snapshot import EnricherSnapshot
from actors.shown.snapshots import (
    AcknowledgerSnapshot,
    AnnouncerSnapshot,
    BackfillSnapshot,
    CacheSnapshot,
    ConsumerSnapshot,
    DeadLettersSnapshot,
    MaintenanceSnapshot,
    NotifierSnapshot,
    PollerSnapshot,
    QuotesSnapshot,
    WriterSnapshot,
)
from engine.children import SupervisorSnapshot
from storage.redis_state import RedisState

__all__ = ["Inputs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """All inputs of the judgement.

    ``jobs`` are those that this daemon does, of the work that one daemon is enough for. ``undone`` is what no daemon
    does, as one sees it that only serves.

    Each channel is polled every ``poll_every_s`` seconds, and a call may take ``call_limit_s``. ``newest`` holds, by
    channel, when the newest message in the ledger was received. ``machine_ahead_s`` is how far this machine's
    clock is ahead of the database's. ``write_runs_s`` is the age of the oldest write without an answer.
    """

    now: datetime
    now_s: float
    started_at: datetime
    poll_every_s: float
    call_limit_s: float
    database_error: str | None
    writer: WriterSnapshot | None
    pollers: tuple[PollerSnapshot, ...]
    backfill: BackfillSnapshot | None
    cache: CacheSnapshot | None
    dead_letters: DeadLettersSnapshot | None
    maintenance: MaintenanceSnapshot | None
    supervisor: SupervisorSnapshot | None
    redis: Mapping[str, RedisState]
    other_daemons: tuple[str, ...]
    role: str = "all"
    undone: tuple[str, ...] = ()
    jobs: frozenset[str] = JOBS
    acknowledgers: tuple[AcknowledgerSnapshot, ...] = ()
    consumer: ConsumerSnapshot | None = None
    announcer: AnnouncerSnapshot | None = None
    notifier: NotifierSnapshot | None = None
    quotes: QuotesSnapshot | None = None
    enricher: EnricherSnapshot | None = None
    newest: Mapping[str, datetime] = field(default_factory=dict)
    reading_error: str | None = None
    machine_ahead_s: float | None = None
    write_runs_s: float = 0.0

    def newest_message_at(self, poller: PollerSnapshot) -> datetime | None:
        """Return when a channel's newest message was received. The poller forgets it at a restart, the ledger keeps it."""
        known = (poller.newest_message_at, self.newest.get(poller.channel))
        return max((instant for instant in known if instant is not None), default=None)
