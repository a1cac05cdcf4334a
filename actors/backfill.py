"""Backfill: reads each channel's history once in full, then its tail for good.

The list of unprocessed messages is a hint, the history is the truth: what another channel's
acknowledgement, another consumer or the gateway's own publisher has marked is found here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from actors.history import HistoryPass
from actors.instruments import Instruments
from actors.snapshots import BackfillPhase, BackfillSnapshot, ChannelProgress
from actors.source import Flight, Source
from engine.actor import Context
from engine.backoff import Backoff
from engine.messages import BatchCommitted, CheckHistory, StartBackfill, Tick
from storage.checkpoints import Checkpoint, Checkpoints
from storage.errors import (
    GatewayAnswerError,
    GatewayError,
    GatewayRateLimitedError,
    GatewayStatusError,
    GatewayUnauthorizedError,
    StorageError,
)
from storage.gateway import GatewayClient

__all__ = ["Backfill", "BackfillPolicy"]

#: of the gateway's choosing: how many messages a sync may fetch from Telegram
SYNC_LIMIT = 500
#: a tail check starts this long before the newest message of the last complete one
TAIL_OVERLAP = timedelta(hours=1)
BACKOFF = Backoff(first_s=1.0, cap_s=60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillPolicy:
    """When to start, how often to look at the tail, how long a sync may take; all in seconds."""

    delay_s: float
    tail_every_s: float
    sync_timeout_s: float


class Backfill(Source):
    """The source of history, all channels in turn; polling is not held up by it."""

    def __init__(
        self,
        context: Context,
        *,
        channels: Sequence[str],
        gateway: GatewayClient,
        checkpoints: Checkpoints,
        policy: BackfillPolicy,
        instruments: Instruments,
        random: Random,
    ) -> None:
        super().__init__(context, instruments=instruments)
        self._channels = tuple(channels)
        self._gateway = gateway
        self._checkpoints = checkpoints
        self._policy = policy
        self._random = random
        self._phase = BackfillPhase.WAITING
        self._known: dict[str, Checkpoint] | None = None
        self._synced = False
        self._pass: HistoryPass | None = None
        self._unsaved = False
        self._tails: deque[str] = deque()
        self._restart_wanted = False
        self._quiet_until_s = 0.0
        self._failures = 0
        self._error: str | None = None
        self._failing_since: datetime | None = None

    def _open(self) -> None:
        # a restarted backfill goes on at once: the delay is for the start of the daemon
        self.tick_later("step", self._policy.delay_s if self.context.generation == 1 else 0)
        self.tick_later("tail", self._policy.tail_every_s)
        self._publish()

    # ── one step at a time ───────────────────────────────────────────────────

    def _on_tick(self, tick: Tick) -> None:
        match tick.purpose:
            case "step":
                self._step()
            case "tail":
                self._tails.extend(channel for channel in self._channels if channel not in self._tails)
                self.tick_later("tail", self._policy.tail_every_s)
                self._step()
            case _:
                super()._on_tick(tick)

    def _on_start_backfill(self, command: StartBackfill) -> None:
        self._restart_wanted |= command.again
        self._step()

    def _on_check_history(self, command: CheckHistory) -> None:
        self.log.info("history.check_requested", channel=command.channel, reason=command.reason)
        if command.channel not in self._tails:
            self._tails.append(command.channel)
        self._step()

    def settled(self, flight: Flight, committed: BatchCommitted) -> None:
        """Take note that a page is durable; the checkpoint follows with the next step."""
        if self._pass is None or self._pass.channel != flight.channel:
            return
        self._pass.found += committed.new
        if self.partial:
            return
        self._pass.committed()
        self._unsaved = self._pass.since is None

    def proceed(self) -> None:
        """Take the next step."""
        self._step()

    def _step(self) -> None:
        """Do the next thing due, unless a batch is under way; whatever fails is tried again later."""
        if not self.idle:
            return
        if (quiet_s := self._quiet_until_s - self.clock.monotonic_s()) > 0:
            self.tick_later("step", quiet_s)  # whatever asks for a step: a back-off under way holds
            return
        try:
            self._do_next()
        except StorageError as error:
            self._failed(error)
        else:
            self._failures, self._error, self._failing_since = 0, None, None
        self._publish()

    def _do_next(self) -> None:
        if self._restart_wanted:
            self._checkpoints.restart(self._channels)
            self._known, self._pass, self._synced, self._unsaved = None, None, False, False
            self._restart_wanted = False
        if self._known is None:
            self._known = self._checkpoints.load(self._channels)
        if self._unsaved and self._pass is not None:
            self._save(self._pass, completed=False)
        if self._pass is None:
            self._pass = self._next_pass(self._known)
        if self._pass is None:
            self._phase = BackfillPhase.COMPLETED
            return
        if self._pass.since is None and not self._synced:
            self._sync()
        self._phase = BackfillPhase.READING if self._pass.since is None else BackfillPhase.CHECKING_TAIL
        self._read(self._pass)

    def _next_pass(self, known: dict[str, Checkpoint]) -> HistoryPass | None:
        for channel in self._channels:
            checkpoint = known.get(channel)
            if checkpoint is None:
                return HistoryPass(channel=channel)
            if checkpoint.completed_at is None:
                return HistoryPass(
                    channel=channel,
                    rows_read=checkpoint.rows_read,
                    last_id=checkpoint.last_gateway_id,
                    pages=checkpoint.pages,
                    found=checkpoint.found,
                    newest_received_at=checkpoint.newest_received_at,
                )
        if self._tails:
            channel = self._tails.popleft()
            newest = known[channel].newest_received_at if channel in known else None
            # without a newest message the history was empty: all of it is tail
            since = (
                newest - TAIL_OVERLAP
                if newest
                else datetime.min.replace(year=2013, tzinfo=self.clock.now().tzinfo)
            )
            return HistoryPass(channel=channel, since=since)
        return None

    def _sync(self) -> None:
        """Ask the gateway to fetch what Telegram has; without it, what the gateway has is read anyway."""
        self._phase = BackfillPhase.SYNCING
        self._publish()
        try:
            result = self._gateway.sync(limit=SYNC_LIMIT, timeout_s=self._policy.sync_timeout_s)
        except GatewayUnauthorizedError:
            raise
        except (GatewayStatusError, GatewayAnswerError) as error:
            self.log.warning("history.sync_failed", error=str(error))
        else:
            self.log.info("history.synced", synced=result.synced, saved=result.saved)
        self._synced = True

    def _read(self, reading: HistoryPass) -> None:
        wanted = reading.next_page
        page = self._gateway.history(
            reading.channel, offset=wanted.offset, limit=wanted.limit, since=reading.since
        )
        messages = reading.accept(page.messages, page.total)
        if messages:
            self.deliver(reading.channel, messages)
        elif reading.complete:
            self._completed(reading)
            self._pass = None
            self.tick_later("step", 0)
        else:
            self.log.info("history.stepped_back", channel=reading.channel, rows_read=reading.rows_read)
            self.tick_later("step", 0)

    def _completed(self, reading: HistoryPass) -> None:
        if reading.since is not None:
            if reading.found:
                self.log.warning("history.found_missing", channel=reading.channel, count=reading.found)
                self.instruments.history_found.labels(reading.channel).inc(reading.found)
            self._checkpoints.record_tail(
                reading.channel, found=reading.found, newest_received_at=reading.newest_received_at
            )
            self._known = None
            return
        self._save(reading, completed=True)
        self._known = self._checkpoints.load(self._channels)
        self.log.info(
            "history.channel_completed",
            channel=reading.channel,
            rows_read=reading.rows_read,
            gateway_total=reading.total,
            found=reading.found,
        )
        progress = self._progress()
        if all(channel.completed_at for channel in progress):
            self.log.info(
                "history.completed",
                message="Historical sync completed",
                totalSynced=sum(channel.rows_read for channel in progress),
                batches=sum(channel.pages for channel in progress),
            )

    def _save(self, reading: HistoryPass, *, completed: bool) -> None:
        checkpoint = Checkpoint(
            channel=reading.channel,
            rows_read=reading.rows_read,
            last_gateway_id=reading.last_id,
            pages=reading.pages,
            found=reading.found,
            gateway_total=reading.total,
            newest_received_at=reading.newest_received_at,
        )
        self._checkpoints.save(checkpoint, completed=completed)
        self._unsaved = False

    # ── failing and showing ──────────────────────────────────────────────────

    def _failed(self, error: StorageError) -> None:
        self._failures += 1
        self._failing_since = self._failing_since or self.clock.now()
        if self._error != str(error):
            self.log.warning("history.failed", error=str(error), kind=type(error).__name__)
        self._error = str(error)
        delay_s = BACKOFF.delay_s(self._failures, self._random)
        if isinstance(error, GatewayRateLimitedError):
            delay_s = error.retry_after_s
        elif isinstance(error, GatewayError):
            delay_s = max(delay_s, 1.0)
        self._quiet_until_s = self.clock.monotonic_s() + delay_s
        self.tick_later("step", delay_s)
        self._publish()

    def _progress(self) -> tuple[ChannelProgress, ...]:
        known = self._known or {}
        progress = []
        for channel in self._channels:
            row = known.get(channel) or Checkpoint(channel=channel)
            now = (
                self._pass
                if self._pass and self._pass.channel == channel and self._pass.since is None
                else None
            )
            progress.append(
                ChannelProgress(
                    channel=channel,
                    rows_read=now.rows_read if now else row.rows_read,
                    pages=now.pages if now else row.pages,
                    found=now.found if now else row.found,
                    total=now.total if now else row.gateway_total,
                    completed_at=row.completed_at,
                    tail_found=row.tail_found,
                )
            )
        return tuple(progress)

    def _publish(self) -> None:
        self.publish(
            BackfillSnapshot(
                phase=self._phase,
                channels=self._progress(),
                error=self._error,
                failing_since=self._failing_since,
            )
        )
